"""The generated stream, checked from its table alone: nothing here knows how it is made."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import SourceError
from tallystick.sources import open_source
from tallystick.sources._generated import GeneratedSource, PlantedMotif
from tallystick.sources._generated._draws import OCTAVE, Draws, bell, below, exponent, heavy_tail, power_of_two
from tallystick.sources._generated._plan import parse_plan
from tallystick.store import LABELS, TRANSFERS, check_table

NAME = "generated:60_000,seed=3"
DAY_S = 86_400
START_S = 1_704_067_200  # Monday 2024-01-01 UTC


def source_of(name: str) -> GeneratedSource:
    source = open_source(name)
    assert isinstance(source, GeneratedSource)
    return source


@cache
def opened(name: str = NAME) -> GeneratedSource:
    return source_of(name)


@cache
def table_of(name: str = NAME) -> pa.Table:
    return opened(name).read()


@cache
def rows_of(name: str = NAME) -> list[dict[str, Any]]:
    """Planted rows, in order, with their motif."""
    source, table = opened(name), table_of(name)
    truth, numbers = source.truth(), source.motif_numbers()
    rows: list[dict[str, Any]] = table.filter(pa.array(truth != 0)).to_pylist()
    for row, kind, number in zip(rows, truth[truth != 0].tolist(), numbers[truth != 0].tolist(), strict=True):
        row |= {"motif": PlantedMotif(kind), "number": number, "value": int.from_bytes(row["value_binary"], "big")}
    return rows


def motifs_of(name: str = NAME) -> dict[PlantedMotif, list[list[dict[str, Any]]]]:
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows_of(name):
        found[row["number"]].append(row)
    kinds = defaultdict(list)
    for rows in found.values():
        assert len({row["motif"] for row in rows}) == 1
        kinds[rows[0]["motif"]].append(rows)
    return kinds


def follows(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether the money of one row can be that of the other: received before sent, and hardly less."""
    return bool(
        before["to_address"] == after["from_address"]
        and before["block_number"] < after["block_number"]
        and before["erc20"] == after["erc20"]
        and before["value"] * 90 // 100 - 2 <= after["value"] <= before["value"]
    )


def test_transfers_and_accounts_are_as_many_as_asked_for() -> None:
    for name, transfers, accounts in ((NAME, 60_000, 12_000), ("generated:500,accounts=250,seed=4", 500, 250)):
        table = check_table(table_of(name), TRANSFERS)
        assert table.num_rows == transfers == len(opened(name).truth()) == len(opened(name).motif_numbers())
        assert (
            len(pc.unique(pa.chunked_array([*table["from_address"].chunks, *table["to_address"].chunks]))) == accounts
        )


def test_same_name_gives_the_same_bits_in_another_process() -> None:
    code = (
        "import hashlib; from tallystick.sources import open_source; s = open_source('generated:3000,seed=5,days=3');"
        "d = hashlib.sha256(); [d.update(c.to_numpy(zero_copy_only=False).astype(str).tobytes() if c.type == 'bool' "
        "else b''.join(b for b in c.buffers()[1:] if b)) for t in [s.read()] for col in t.columns for c in col.chunks];"
        "d.update(s.truth().tobytes()); print(d.hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(runs) == 1


def digest_of(source: GeneratedSource) -> str:
    table, digest = source.read(), hashlib.sha256()
    for name in ("block_number", "transaction_index", "transaction_hash", "from_address", "to_address", "value_binary"):
        for cell in table[name].to_pylist():
            digest.update(cell if isinstance(cell, bytes) else cell.to_bytes(4, "big"))
    for name in ("gas_used", "gas_price"):
        digest.update(b"".join(cell.to_bytes(8, "big") for cell in table[name].to_pylist()))
    for name in ("erc20", "method"):
        digest.update(b"".join(cell or b"-" for cell in table[name].to_pylist()))
    digest.update(bytes(table["success"].to_pylist()))
    digest.update(source.truth().tobytes())
    digest.update(source.motif_numbers().astype(">i4").tobytes())
    return digest.hexdigest()


def test_stream_is_that_of_its_version() -> None:
    """Another digest here needs a higher ``GENERATOR_VERSION``."""
    assert (
        digest_of(source_of("generated:3000,seed=5,days=3"))
        == "7dcafa109458a5653383f0046a7d22838e6cc4147e3278b0bf2e53bf93c7f18b"
    )


def test_other_parameters_give_another_stream() -> None:
    names = [f"generated:1000{rest}" for rest in ("", ",seed=2", ",days=29", ",accounts=201")]
    tables = [source_of(name).read() for name in names]
    assert not any(one.equals(other) for one, other in pairwise([*tables, tables[0]]))
    assert len({source_of(name).content_hash() for name in names}) == len(names)
    assert source_of("generated:1000").content_hash() == source_of("generated:1_000?accounts=200&seed=1").content_hash()


def test_blocks_are_twelve_seconds_and_hold_their_rows_in_order() -> None:
    table = table_of()
    blocks, times = table["block_number"].to_numpy().astype(np.int64), table["timestamp"].to_numpy().astype(np.int64)
    assert (times == START_S + 12 * blocks).all()
    assert blocks[-1] < 30 * 7_200
    inside = table["transaction_index"].to_numpy().astype(np.int64)
    new = np.append(True, np.diff(blocks) > 0)
    assert (np.diff(blocks) >= 0).all()
    assert (inside == np.where(new, 0, np.append(0, inside[:-1] + 1))).all()
    assert len(set(table["transaction_hash"].to_pylist())) == table.num_rows


def degrees(name: str = NAME) -> tuple[Counter[bytes], Counter[bytes]]:
    table = table_of(name)
    return Counter(table["from_address"].to_pylist()), Counter(table["to_address"].to_pylist())


def test_activity_has_a_heavy_tail() -> None:
    sent, received = degrees()
    both = sent + received
    ranked = [count for _, count in both.most_common()]
    assert 0.3 < sum(ranked[:120]) / sum(ranked) < 0.6  # the busiest of a hundred
    assert sum(count <= 3 for count in ranked) > 0.3 * len(ranked)
    for counts in (sent, received):
        few = sum(counts[account] <= 2 for account in both) / len(both)
        assert few > 0.5
        assert 0.02 < counts.most_common(1)[0][1] / 60_000 < 0.25
    people = ranked[6:]
    # On logarithmic scales the tail is a line: ten times the activity, many times fewer accounts.
    tail = [sum(count >= size for count in people) for size in (10, 30, 90, 270)]
    assert all(one > 1.5 * two > 0 for one, two in pairwise(tail))


def test_relations_last_and_are_mutual() -> None:
    table = table_of()
    pairs = Counter(zip(table["from_address"].to_pylist(), table["to_address"].to_pylist(), strict=True))
    assert sum(count for count in pairs.values() if count > 1) > 0.3 * table.num_rows
    assert sum((two, one) in pairs for one, two in pairs) > 0.1 * len(pairs)
    assert not any(one == two for one, two in pairs)


def test_money_comes_before_new_accounts_spend() -> None:
    """Whoever first appears late in the stream first appears as a receiver, as a rule."""
    table = table_of()
    seen: dict[bytes, tuple[int, bool]] = {}
    for row, (one, two) in enumerate(
        zip(*(table[name].to_pylist() for name in ("from_address", "to_address")), strict=True)
    ):
        seen.setdefault(one, (row, False))
        seen.setdefault(two, (row, True))
    late = [received for row, received in seen.values() if row > 40_000]
    assert len(late) > 1_000
    assert sum(late) > 0.8 * len(late)


def test_days_have_nights_and_weeks_have_weekends() -> None:
    times = table_of()["timestamp"].to_numpy().astype(np.int64)
    hours = np.bincount(times % DAY_S // 3_600, minlength=24)
    assert hours[11:17].min() > 2.5 * hours[1:5].max()
    whole = times[times < START_S + 28 * DAY_S]
    days = np.bincount((whole - START_S) // DAY_S % 7, minlength=7)
    assert 0.7 < days[5:].mean() / days[:5].mean() < 0.9


def test_tokens_gas_and_methods_are_plausible() -> None:
    table = table_of()
    token = table["erc20"].is_valid().to_numpy()
    assert 0.25 < token.mean() < 0.35
    assert len(pc.unique(table["erc20"].drop_null())) == 6
    method = pc.fill_null(table["method"], b"").to_pylist()
    gas = table["gas_used"].to_numpy()
    for is_token, name, used in zip(token.tolist(), method, gas.tolist(), strict=True):
        if is_token:
            assert name == bytes.fromhex("a9059cbb")
            assert 30_000 < used < 90_000
        else:
            assert (used == 21_000) == (name == b"")
    assert ((table["gas_price"].to_numpy() >= 8 * 10**9) & (table["gas_price"].to_numpy() < 40 * 10**9)).all()
    assert 0.002 < 1 - pc.mean(table["success"]).as_py() < 0.02
    coins = [int.from_bytes(cell, "big") for cell in table.filter(pa.array(~token))["value_binary"].to_pylist()]
    assert 10**16 < sorted(coins)[len(coins) // 2] < 10**18
    assert min(coins) > 0
    round_share = sum(len(str(value).rstrip("0")) <= 2 for value in coins) / len(coins)
    assert 0.15 < round_share < 0.35


def test_every_kind_of_motif_is_planted() -> None:
    truth, numbers = opened().truth(), opened().motif_numbers()
    assert (truth.dtype, numbers.dtype) == (np.int8, np.int32)
    assert ((truth == 0) == (numbers == 0)).all()
    assert set(truth.tolist()) == set(PlantedMotif)
    assert 0.002 < (truth > 0).mean() < 0.005
    assert set(numbers.tolist()) == set(range(int(numbers.max()) + 1))


def test_motifs_succeed_in_one_asset_within_three_days() -> None:
    for motifs in motifs_of().values():
        for rows in motifs:
            assert all(row["success"] for row in rows)
            assert len({row["erc20"] for row in rows}) == 1
            assert rows[-1]["timestamp"] - rows[0]["timestamp"] <= 3 * DAY_S


@pytest.mark.parametrize("length", [2, 3, 4])
def test_cycles_return_to_their_sender_in_time_order(length: int) -> None:
    cycles = motifs_of()[PlantedMotif[f"CYCLE_{length}"]]
    assert cycles
    for rows in cycles:
        assert len(rows) == length == len({row["from_address"] for row in rows})
        assert rows[-1]["to_address"] == rows[0]["from_address"]
        assert all(follows(one, two) for one, two in pairwise(rows))


def test_cycles_are_found_by_search() -> None:
    """A join over all rows, that knows no truth, comes upon each planted cycle of three."""
    columns = table_of().select(["block_number", "from_address", "to_address", "erc20"])
    values = [float(int.from_bytes(cell, "big")) for cell in table_of()["value_binary"].to_pylist()]
    transfers = columns.append_column("at", pa.array(range(len(values)))).append_column("value", pa.array(values))
    step = """{1}.from_address = {0}.to_address and {1}.erc20 is not distinct from {0}.erc20
        and {1}.block_number > {0}.block_number and {1}.block_number < {0}.block_number + 21600
        and {1}.value <= {0}.value and {1}.value >= 0.9 * {0}.value"""
    with duckdb.connect() as database:
        database.register("transfers", transfers)
        found = database.sql(
            f"""select a.at, b.at, c.at from transfers a join transfers b on {step.format("a", "b")}
            join transfers c on {step.format("b", "c")} and c.to_address = a.from_address"""
        ).fetchall()
    numbers = opened().motif_numbers()
    planted = {
        tuple(np.flatnonzero(numbers == rows[0]["number"]).tolist()) for rows in motifs_of()[PlantedMotif.CYCLE_3]
    }
    assert planted
    assert planted <= set(found)


def test_chains_pass_money_on() -> None:
    chains = motifs_of()[PlantedMotif.CHAIN]
    assert {len(rows) for rows in chains} <= {4, 5, 6, 7}
    for rows in chains:
        assert all(follows(one, two) for one, two in pairwise(rows))
        assert len({row["from_address"] for row in rows} | {rows[-1]["to_address"]}) == len(rows) + 1


@pytest.mark.parametrize(("kind", "one", "many"), [("FAN_OUT", "from", "to"), ("FAN_IN", "to", "from")])
def test_fans_have_one_centre(kind: str, one: str, many: str) -> None:
    fans = motifs_of()[PlantedMotif[kind]]
    assert fans
    for rows in fans:
        assert len({row[f"{one}_address"] for row in rows}) == 1
        assert len({row[f"{many}_address"] for row in rows}) == len(rows) in range(4, 12)


def test_scatter_gather_goes_from_one_by_many_to_one() -> None:
    motifs = motifs_of()[PlantedMotif.SCATTER_GATHER]
    assert motifs
    for rows in motifs:
        senders = Counter(row["from_address"] for row in rows)
        receivers = Counter(row["to_address"] for row in rows)
        (source, many), (sink, again) = senders.most_common(1)[0], receivers.most_common(1)[0]
        assert many == again in range(3, 8)
        assert len(rows) == 2 * many
        assert source != sink
        out = {row["to_address"]: row for row in rows if row["from_address"] == source}
        back = {row["from_address"]: row for row in rows if row["to_address"] == sink}
        assert set(out) == set(back)
        assert all(follows(out[middle], back[middle]) for middle in out)


def test_gather_scatter_waits_for_all_its_money() -> None:
    motifs = motifs_of()[PlantedMotif.GATHER_SCATTER]
    assert motifs
    for rows in motifs:
        (centre,) = {row["to_address"] for row in rows} & {row["from_address"] for row in rows}
        came = [row for row in rows if row["to_address"] == centre]
        went = [row for row in rows if row["from_address"] == centre]
        assert len(came) == len(went) in range(3, 8)
        assert max(row["block_number"] for row in came) < min(row["block_number"] for row in went)
        total, left = (sum(row["value"] for row in side) for side in (came, went))
        assert total * 90 // 100 <= left < total
        assert len({row["from_address"] for row in came} | {row["to_address"] for row in went}) == len(rows)


def area(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a planted row has the higher value, ties counting half."""
    order = np.sort(negative)
    below_, upto = np.searchsorted(order, positive, "left"), np.searchsorted(order, positive, "right")
    return float((below_ + upto).mean() / 2 / len(order))


def test_no_column_of_amount_or_time_tells_motifs() -> None:
    name = "generated:400_000,seed=11"
    table, planted = table_of(name), opened(name).truth() > 0
    times = table["timestamp"].to_numpy().astype(np.int64)
    coin = ~table["erc20"].is_valid().to_numpy()
    values = np.array([int.from_bytes(cell, "big") for cell in table["value_binary"].to_pylist()], np.float64)
    price = table["gas_price"].to_numpy()
    for column in (times, times % DAY_S, times % (7 * DAY_S), price):
        assert 0.44 < area(column[planted], column[~planted]) < 0.56
    assert 0.45 < area(values[coin & planted], values[coin & ~planted]) < 0.55


def test_members_do_ordinary_things_too() -> None:
    table, truth = table_of(), opened().truth()
    normal = table.filter(pa.array(truth == 0))
    others = set(normal["from_address"].to_pylist()) | set(normal["to_address"].to_pylist())
    members = {row[side] for row in rows_of() for side in ("from_address", "to_address")}
    assert members <= others


def test_labels_are_the_truth_of_all_accounts() -> None:
    labels = check_table(opened().labels(), LABELS).to_pylist()
    first: dict[str, int] = {}
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in rows_of():
        for side in ("from_address", "to_address"):
            address = "0x" + row[side].hex()
            first.setdefault(address, row["timestamp"])
            kinds[address].add(row["motif"].name.lower())
    assert len(labels) == 12_000 == len({label["address"] for label in labels})
    for label in labels:
        bad = label["address"] in first
        assert label["category"] == ("laundering" if bad else "normal")
        assert label["valid_from"] == first.get(label["address"])
        assert (label["valid_to"], label["network"], label["confidence_ppm"]) == (None, "generated", 1_000_000)
        assert set(label["detail"].split(", ") if label["detail"] else []) == kinds[label["address"]]
    assert labels[0]["source"] == "generated:60000,accounts=12000,seed=3,days=30"


def test_range_cuts_rows_truth_and_labels_alike() -> None:
    whole, source = table_of(), source_of(f"{NAME}#50_000:150_000")
    blocks = whole["block_number"].to_numpy()
    inside = (blocks >= 50_000) & (blocks < 150_000)
    table = source.read()
    assert table.equals(whole.filter(pa.array(inside)).combine_chunks())
    assert (source.truth() == opened().truth()[inside]).all()
    assert (source.motif_numbers() == opened().motif_numbers()[inside]).all()
    addresses = {"0x" + cell.hex() for name in ("from_address", "to_address") for cell in table[name].to_pylist()}
    labels = source.labels()
    assert set(labels["address"].to_pylist()) == addresses
    of_whole = {label["address"]: label for label in opened().labels().to_pylist()}
    assert all(label == of_whole[label["address"]] for label in labels.to_pylist())
    empty = source_of(f"{NAME}#7:7")
    assert (empty.read().num_rows, len(empty.truth()), empty.labels().num_rows) == (0, 0, 0)


def test_truth_is_a_copy() -> None:
    source = source_of("generated:500")
    source.truth()[:] = 9
    source.motif_numbers()[:] = 9
    assert source.truth().max() < 9
    assert (source.motif_numbers() != 9).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(500, 3_000), st.integers(0, (1 << 63) - 1), st.integers(1, 400), st.data())
def test_any_parameters_give_a_stream(transfers: int, seed: int, days: int, data: st.DataObject) -> None:
    accounts = data.draw(st.integers(100, transfers // 2))
    source = source_of(f"generated:{transfers},accounts={accounts},seed={seed},days={days}")
    table = check_table(source.read(), TRANSFERS)
    assert table.num_rows == transfers
    assert pc.max(table["timestamp"]).as_py() < START_S + days * DAY_S
    assert source.labels().num_rows == accounts
    assert set(source.truth().tolist()) == set(PlantedMotif)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("many", "transfers is not a whole number from 500"),
        ("499", "transfers is not a whole number"),
        ("1e6", "transfers is not a whole number"),
        ("5000,", "'' is not NAME=NUMBER; names are accounts, seed, days"),
        ("5000,sed=1", "'sed=1' is not NAME=NUMBER"),
        ("5000,seed", "'seed' is not NAME=NUMBER"),
        ("5000,transfers=9000", "transfers is given twice"),
        ("5000,seed=1,seed=1", "seed is given twice"),
        ("5000,seed=-1", "seed is not a whole number from 0"),
        ("5000,seed=9223372036854775808", "seed is not"),
        ("5000,days=0", "days is not a whole number from 1 to 400"),
        ("5000,days=401", "days is not"),
        ("5000,accounts=99", "accounts is not a whole number from 100"),
        ("5000,accounts=2501", "2501 accounts need at least 5002 transfers"),
        ("5000,accounts=" + "1" * 31, "accounts is not"),
    ],
)
def test_invalid_parameters_are_refused(text: str, cause: str) -> None:
    with pytest.raises(SourceError, match=cause):
        open_source(f"generated:{text}")


def test_plan_is_written_as_it_is_read() -> None:
    plan = parse_plan("5_000_000?accounts=1000000&seed=1&days=30")
    assert str(plan) == "5000000,accounts=1000000,seed=1,days=30"
    assert parse_plan(str(plan)) == plan == parse_plan("5000000")
    assert plan.services + plan.people + plan.deposits == plan.accounts


@given(st.integers(1, (1 << 51) - 1))
def test_exponents_are_integer_logarithms(value: int) -> None:
    """``2**(e/1024) <= value < 2**((e+1)/1024)``, to twelve bits of the value."""
    one = int(exponent(np.array([value]))[0])
    twelve = max(value.bit_length() - 13, 0)
    low, high = ((value >> twelve) << twelve), ((value >> twelve) + 1) << twelve
    slack = 1 + 1 / 4_000
    assert 2 ** (one / OCTAVE) <= high * slack
    assert low <= 2 ** ((one + 1) / OCTAVE) * slack
    assert abs(int(power_of_two(np.array([one]))[0]) - value) <= value / 500 + 1


def test_draws_have_the_distributions_they_claim() -> None:
    words = Draws(1).words("test", 200_000)
    assert abs(below(words, 1_000).mean() - 499.5) < 2
    assert abs(bell(words, 1_000).std() - 1_000) < 10
    tail = heavy_tail(words, 6, 12)
    for octaves in range(1, 8):
        assert abs((tail >= octaves * OCTAVE).mean() * 2**octaves - 1) < 0.1
    assert tail.max() <= 12 * OCTAVE
    keyed = Draws(1).keyed("test", np.arange(200_000))
    assert abs(below(keyed, 1_000).mean() - 499.5) < 2
    assert len(np.unique(keyed)) == 200_000
    assert (Draws(2).keyed("test", np.arange(9)) != keyed[:9]).all()
    assert (Draws(1).keyed("tests", np.arange(9)) != keyed[:9]).all()
