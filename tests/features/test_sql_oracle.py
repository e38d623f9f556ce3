"""Features against SQL over the transfers: another language, another plan, the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tallystick.features import SPEC, Engine
from tallystick.features._rules import log2_q4

from .streams import Transfer, random_stream, to_batch

# One row of `sides` is a row of the engine: subject a, counterparty p, at transfer k. `seen` holds a transfer
# of the coin once for each side that took part, from nobody's side too.
SIDES = """
CREATE TABLE sides AS
    SELECT k, 0 AS side, time, sender AS a, receiver AS p, sender, receiver, gwei, coin FROM stream
    UNION ALL
    SELECT k, 1, time, receiver, sender, sender, receiver, gwei, coin FROM stream WHERE receiver <> 'nobody';
CREATE TABLE coins AS SELECT * FROM stream WHERE coin;
CREATE TABLE fresh AS
    SELECT c.k,
        c.sender <> 'nobody' AND NOT EXISTS (
            FROM coins e WHERE e.k < c.k AND c.sender IN (e.sender, e.receiver)) AS fresh_sender,
        c.receiver = 'nobody' OR NOT EXISTS (
            FROM coins e WHERE e.k < c.k AND c.receiver IN (e.sender, e.receiver)) AS fresh_receiver
    FROM coins c;
"""
_IN = "FROM coins c WHERE c.k <= s.k AND c.receiver = s.a"
_OUT = "FROM coins c WHERE c.k <= s.k AND c.sender = s.a"
_BOTH = "FROM coins c WHERE c.k <= s.k AND s.a IN (c.sender, c.receiver)"
_BEFORE = "FROM coins c WHERE c.k < s.k AND s.a IN (c.sender, c.receiver)"
_COUNTS = {
    "incoming": "s.side",
    "count_in": f"(SELECT count(*) {_IN})",
    "count_out": f"(SELECT count(*) {_OUT})",
    "transfers": f"(SELECT count(*) {_IN}) + (SELECT count(*) {_OUT})",
    "partners_in": f"(SELECT count(DISTINCT c.sender) {_IN})",
    "partners_out": f"(SELECT count(DISTINCT c.receiver) {_OUT})",
    "partner_count_in": "(SELECT count(*) FROM coins c WHERE c.k <= s.k AND c.receiver = s.p AND s.p <> 'nobody')",
    "partner_count_out": "(SELECT count(*) FROM coins c WHERE c.k <= s.k AND c.sender = s.p)",
    "partner_partners_in": (
        "(SELECT count(DISTINCT c.sender) FROM coins c WHERE c.k <= s.k AND c.receiver = s.p AND s.p <> 'nobody')"
    ),
    "edge_count": (
        "(SELECT count(*) FROM coins c WHERE c.k < s.k AND c.sender = s.sender AND c.receiver = s.receiver)"
    ),
    "edge_reverse": (
        "(SELECT count(*) FROM coins c WHERE c.k < s.k AND c.sender = s.receiver AND c.receiver = s.sender)"
    ),
    "edge_age_s": (
        "coalesce(s.time - (SELECT min(c.time) FROM stream c WHERE c.k < s.k AND c.sender = s.sender "
        "AND c.receiver = s.receiver), 0)"
    ),
    "age_s": "s.time - (SELECT min(c.time) FROM stream c WHERE c.k <= s.k AND s.a IN (c.sender, c.receiver))",
    "active_days": f"(SELECT count(DISTINCT c.time // 86400) {_BOTH})",
    "gap_s": f"coalesce(s.time - (SELECT max(c.time) {_BEFORE}), -1)",
    "gap_same_s": (
        "coalesce(s.time - (SELECT max(c.time) FROM coins c WHERE c.k < s.k "
        "AND CASE s.side WHEN 0 THEN c.sender ELSE c.receiver END = s.a), -1)"
    ),
    "since_in_s": f"coalesce(s.time - (SELECT max(c.time) {_IN}), -1)",
    "since_out_s": f"coalesce(s.time - (SELECT max(c.time) {_OUT}), -1)",
    "in_to_out_s": f"coalesce((SELECT min(c.time) {_OUT}) - (SELECT min(c.time) {_IN}), 1099511627776)",
    "tokens_in": "(SELECT count(*) FROM stream c WHERE NOT c.coin AND c.k <= s.k AND c.receiver = s.a)",
    "tokens_out": "(SELECT count(*) FROM stream c WHERE NOT c.coin AND c.k <= s.k AND c.sender = s.a)",
}
_LOGS = {
    "log_volume_in": f"coalesce((SELECT sum(c.gwei) {_IN}), 0)",
    "log_volume_out": f"coalesce((SELECT sum(c.gwei) {_OUT}), 0)",
    "log_max_in": f"coalesce((SELECT max(c.gwei) {_IN}), 0)",
    "log_max_out": f"coalesce((SELECT max(c.gwei) {_OUT}), 0)",
}
_ROUND = "length(rtrim(c.gwei::VARCHAR, '0')) BETWEEN 1 AND 2"
_SHARES = {  # part, whole
    "in_share": (f"(SELECT count(*) {_IN})", f"((SELECT count(*) {_IN}) + (SELECT count(*) {_OUT}))"),
    "partner_share_in": (f"(SELECT count(DISTINCT c.sender) {_IN})", f"(SELECT count(*) {_IN})"),
    "zero_share_in": (f"(SELECT count(*) {_IN} AND c.gwei = 0)", f"(SELECT count(*) {_IN})"),
    "zero_share_out": (f"(SELECT count(*) {_OUT} AND c.gwei = 0)", f"(SELECT count(*) {_OUT})"),
    "round_share_in": (f"(SELECT count(*) {_IN} AND {_ROUND})", f"(SELECT count(*) {_IN})"),
    "round_share_out": (f"(SELECT count(*) {_OUT} AND {_ROUND})", f"(SELECT count(*) {_OUT})"),
    "fresh_share_in": (
        "(SELECT count(*) FROM coins c JOIN fresh USING (k) WHERE c.k <= s.k AND c.receiver = s.a AND fresh_sender)",
        f"(SELECT count(*) {_IN})",
    ),
    "fresh_share_out": (
        "(SELECT count(*) FROM coins c JOIN fresh USING (k) WHERE c.k <= s.k AND c.sender = s.a AND fresh_receiver)",
        f"(SELECT count(*) {_OUT})",
    ),
    "call_share": (
        f"((SELECT count(*) {_IN} AND c.call) + (SELECT count(*) {_OUT} AND c.call))",
        f"((SELECT count(*) {_IN}) + (SELECT count(*) {_OUT}))",
    ),
    "failure_share": (
        f"((SELECT count(*) {_IN} AND c.failed) + (SELECT count(*) {_OUT} AND c.failed))",
        f"((SELECT count(*) {_IN}) + (SELECT count(*) {_OUT}))",
    ),
}


def to_sql(transfers: list[Transfer]) -> pa.Table:
    """The stream in small types, made from plain Python."""
    return pa.table(
        {
            "k": list(range(len(transfers))),
            "time": pa.array([t.time for t in transfers], pa.int64()),
            "sender": [t.sender.hex() for t in transfers],
            "receiver": [t.receiver.hex() if t.receiver is not None else "nobody" for t in transfers],
            "gwei": pa.array([t.value // 10**9 if t.success and not t.erc20 else 0 for t in transfers], pa.int64()),
            "coin": [t.erc20 is None for t in transfers],
            "call": [t.method is not None for t in transfers],
            "failed": [not t.success for t in transfers],
        }
    )


@pytest.fixture(scope="module", params=[1, 2, 3])
def answers(request: pytest.FixtureRequest) -> Iterator[tuple[duckdb.DuckDBPyConnection, np.ndarray]]:
    """A connection with the stream as tables, and the engine's rows in its order."""
    transfers = random_stream(250, accounts=9, seed=request.param)
    rows = Engine().advance(to_batch(transfers)).rows
    present = np.array([side for t in transfers for side in (True, t.receiver is not None)])
    with duckdb.connect() as connection:
        connection.register("given", to_sql(transfers))
        connection.execute("CREATE TABLE stream AS FROM given")
        connection.execute(SIDES)
        yield connection, rows[present]


def ask(connection: duckdb.DuckDBPyConnection, expression: str) -> list[int]:
    query = f"SELECT {expression} FROM sides s ORDER BY s.k, s.side"
    return [int(row[0]) for row in connection.execute(query).fetchall()]


@pytest.mark.parametrize("name", _COUNTS)
def test_counts_and_spans(answers: tuple[duckdb.DuckDBPyConnection, np.ndarray], name: str) -> None:
    connection, rows = answers
    assert rows[:, SPEC.names.index(name)].tolist() == ask(connection, _COUNTS[name])


@pytest.mark.parametrize("name", _LOGS)
def test_volumes_and_maxima(answers: tuple[duckdb.DuckDBPyConnection, np.ndarray], name: str) -> None:
    connection, rows = answers
    assert rows[:, SPEC.names.index(name)].tolist() == [log2_q4(x) for x in ask(connection, _LOGS[name])]


@pytest.mark.parametrize("name", _SHARES)
def test_shares(answers: tuple[duckdb.DuckDBPyConnection, np.ndarray], name: str) -> None:
    connection, rows = answers
    part, whole = (ask(connection, expression) for expression in _SHARES[name])
    want = [p * 10**6 // w if w else 0 for p, w in zip(part, whole, strict=True)]
    assert rows[:, SPEC.names.index(name)].tolist() == want
