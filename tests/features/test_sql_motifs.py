"""Motifs and tokens against SQL joins over all transfers: where no ring overflows, that is what a ring remembers."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from tallystick.features import SPEC, Engine
from tallystick.features._layout import RING
from tallystick.features._rules import ratio_ppm

from .streams import TOKENS, Transfer, to_batch

Answers = tuple[duckdb.DuckDBPyConnection, np.ndarray]

# `m` are transfers of value between two accounts, `t` the transfer of a row, `since` where its window begins.
TABLES = """
CREATE TABLE moves AS FROM stream WHERE value > 0 AND success AND receiver <> 'nobody' AND sender <> receiver;
CREATE TABLE now AS SELECT *, time - 259200 AS since FROM moves;
CREATE TABLE sides AS
    SELECT *, 0 AS side, sender AS a FROM stream UNION ALL
    SELECT *, 1, receiver FROM stream WHERE receiver <> 'nobody';
CREATE TABLE cycles AS
    SELECT t.k, 2 AS length, m.time AS begun FROM now t JOIN moves m
    ON m.k < t.k AND m.asset = t.asset AND m.time >= t.since AND m.sender = t.receiver AND m.receiver = t.sender
    UNION ALL
    SELECT t.k, 3, m.time FROM now t JOIN moves m ON m.k < t.k AND m.asset = t.asset AND m.time >= t.since
        AND m.sender = t.receiver AND m.receiver <> t.sender
    JOIN moves n ON n.k < t.k AND n.asset = t.asset AND n.time >= m.time
        AND n.sender = m.receiver AND n.receiver = t.sender
    UNION ALL
    SELECT t.k, 4, m.time FROM now t JOIN moves m ON m.k < t.k AND m.asset = t.asset AND m.time >= t.since
        AND m.sender = t.receiver AND m.receiver <> t.sender
    JOIN moves n ON n.k < t.k AND n.asset = t.asset AND n.time >= m.time
        AND n.sender = m.receiver AND n.receiver NOT IN (t.sender, t.receiver)
    JOIN moves o ON o.k < t.k AND o.asset = t.asset AND o.time >= n.time
        AND o.sender = n.receiver AND o.receiver = t.sender;
CREATE TABLE widths AS
    SELECT t.k, u.sender AS top, least(1 + count(DISTINCT n.receiver), 8) AS width FROM now t
    JOIN moves u ON u.k < t.k AND u.asset = t.asset AND u.time >= t.since
        AND u.receiver = t.sender AND u.sender <> t.receiver
    JOIN moves n ON n.k < t.k AND n.asset = t.asset AND n.time >= t.since
        AND n.sender = u.sender AND n.receiver <> t.sender
    JOIN moves o ON o.k < t.k AND o.asset = t.asset AND o.time >= n.time
        AND o.sender = n.receiver AND o.receiver = t.receiver
    GROUP BY t.k, u.sender;
"""
_APART = "s.receiver <> 'nobody' AND s.sender <> s.receiver"
# A holding takes in a payment to oneself as sent, then as received: the sender's row holds the first half alone.
_GOT = "(t.k < s.k OR s.side = 1)"
_HELD = "FROM stream t WHERE s.asset <> 'coin' AND t.asset = s.asset AND t.k <= s.k"
FEATURES = {
    **{f"cycles_{n}": f"(SELECT count(*) FROM cycles c WHERE c.k = s.k AND c.length = {n})" for n in (2, 3, 4)},
    "cycle_span_s": "coalesce(s.time - (SELECT max(begun) FROM cycles c WHERE c.k = s.k), -1)",
    "diamond": "coalesce((SELECT max(width) FROM widths w WHERE w.k = s.k), 0)",
    "recent_payers": (
        f"CASE WHEN {_APART} THEN (SELECT count(DISTINCT m.sender) FROM moves m "
        "WHERE m.k < s.k AND m.receiver = s.a AND m.time >= s.time - 259200) ELSE 0 END"
    ),
    "recent_payees": (
        f"CASE WHEN {_APART} THEN (SELECT count(DISTINCT m.receiver) FROM moves m "
        "WHERE m.k < s.k AND m.sender = s.a AND m.time >= s.time - 259200) ELSE 0 END"
    ),
    "assets": (
        "(SELECT count(DISTINCT t.asset) FROM stream t "
        "WHERE t.asset <> 'coin' AND t.k <= s.k AND s.a IN (t.sender, t.receiver))"
    ),
    "asset_holders": (
        f"(SELECT count(DISTINCT who) FROM (SELECT t.sender AS who {_HELD} UNION ALL SELECT t.receiver {_HELD}) "
        "WHERE who <> 'nobody')"
    ),
    "asset_count_in": f"(SELECT count(*) {_HELD} AND {_GOT} AND t.receiver = s.a)",
    "asset_count_out": f"(SELECT count(*) {_HELD} AND t.sender = s.a)",
}
_RECEIVED = f"coalesce((SELECT sum(t.value) {_HELD} AND {_GOT} AND t.success AND t.receiver = s.a), 0)"
_SENT = f"coalesce((SELECT sum(t.value) {_HELD} AND t.success AND t.sender = s.a), 0)"
_INCOME = "FROM stream t WHERE t.k <= s.k AND t.asset = 'coin' AND t.receiver = s.a"
RATIOS = {
    "asset_pass_through": (_SENT, _RECEIVED),
    "closed_share": (f"(SELECT count(*) {_INCOME} AND t.k IN (SELECT k FROM cycles))", f"(SELECT count(*) {_INCOME})"),
}


def stream_of_short_rings(count: int, seed: int) -> list[Transfer]:
    """Transfers among a dozen accounts of which none remembers more than a ring holds."""
    draw = random.Random(seed)
    names = [draw.randbytes(20) for _ in range(14)]
    used: Counter[tuple[str, bytes | None]] = Counter()
    block, time, stream = 0, 1_500_000_000, []
    while len(stream) < count:
        block, time = block + draw.choice((0, 1)), time + draw.choice((0, 0, 60, 3_600, 20_000))
        sender, receiver = draw.choice(names), None if draw.random() < 0.05 else draw.choice(names)
        value, success = draw.choice((0, *[draw.randrange(1, 1 << 40)] * 9)), draw.random() < 0.9
        moves = value > 0 and success and receiver is not None and receiver != sender
        if moves and RING in (used["out", sender], used["in", receiver]):
            value, moves = 0, False
        used["out", sender] += moves
        used["in", receiver] += moves
        asset = draw.choice((None, None, None, None, *TOKENS))
        stream.append(Transfer(block, time, sender, receiver, value, asset, success=success))
    return stream


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def answers(request: pytest.FixtureRequest) -> Iterator[Answers]:
    transfers = stream_of_short_rings(220, request.param)
    columns = {
        "k": list(range(len(transfers))),
        "time": pa.array([t.time for t in transfers], pa.int64()),
        "sender": [t.sender.hex() for t in transfers],
        "receiver": [t.receiver.hex() if t.receiver is not None else "nobody" for t in transfers],
        "value": pa.array([t.value for t in transfers], pa.int64()),
        "asset": [t.erc20.hex() if t.erc20 else "coin" for t in transfers],
        "success": [t.success for t in transfers],
    }
    rows = Engine().advance(to_batch(transfers)).rows
    present = np.array([side for t in transfers for side in (True, t.receiver is not None)])
    with duckdb.connect() as connection:
        connection.register("given", pa.table(columns))
        connection.execute("CREATE TABLE stream AS FROM given")
        connection.execute(TABLES)
        yield connection, rows[present]


def ask(connection: duckdb.DuckDBPyConnection, expression: str) -> list[int]:
    return [int(row[0]) for row in connection.execute(f"SELECT {expression} FROM sides s ORDER BY k, side").fetchall()]


@pytest.mark.parametrize("name", FEATURES)
def test_counts(answers: Answers, name: str) -> None:
    connection, rows = answers
    want = ask(connection, FEATURES[name])
    assert rows[:, SPEC.names.index(name)].tolist() == want
    assert len(set(want)) > 1


@pytest.mark.parametrize("name", RATIOS)
def test_shares(answers: Answers, name: str) -> None:
    connection, rows = answers
    parts, wholes = (ask(connection, expression) for expression in RATIOS[name])
    want = [ratio_ppm(part, whole) for part, whole in zip(parts, wholes, strict=True)]
    assert rows[:, SPEC.names.index(name)].tolist() == want
    assert len(set(want)) > 1
