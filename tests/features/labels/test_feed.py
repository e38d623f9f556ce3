from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import InputError, RangeError, StoreError
from tallystick.features.labels._categories import CATEGORIES, EXCHANGES, SYNONYMS, exposure_category
from tallystick.features.labels._feed import LabelFeed, LeftOut
from tallystick.sources import read_labels
from tallystick.store import LABELS

from ..streams import ADDRESSES, UINT32_MAX, Transfer, to_batch
from .label_oracle import WORDS, account_of, active_labels

A, B = "0x" + "ab" * 20, "0x" + "00" * 19 + "01"
Row = dict[str, Any]


def row(address: str = A, category: str = "mixer", **times: int | None) -> Row:
    named = {"address": address, "network": "ethereum", "category": category, "source": "s", "detail": None}
    return {**named, "confidence_ppm": 1_000_000, "valid_from": None, "valid_to": None, "known_from": None, **times}


def feed_of(*rows: Row, **options: Any) -> LabelFeed:
    return LabelFeed.from_arrow(pa.Table.from_pylist(list(rows), schema=LABELS.schema), **options)


def events(feed: LabelFeed) -> list[tuple[int, bytes, str, int]]:
    """Time, address, category and change of every event."""
    accounts = [b"".join(int(word).to_bytes(8, "big") for word in words)[:20] for words in feed.address]
    names = [CATEGORIES[category] for category in feed.category]
    return list(zip(feed.time.tolist(), accounts, names, feed.change.tolist(), strict=True))


def running(feed: LabelFeed, time: int) -> Counter[tuple[bytes, str]]:
    """Sums of changes up to and including a time; none is ever below zero."""
    sums: Counter[tuple[bytes, str]] = Counter()
    for at, account, category, change in events(feed):
        if at <= time:
            sums[account, category] += change
            assert sums[account, category] >= 0
    return sums


def counting(feed: LabelFeed, time: int) -> set[tuple[bytes, str]]:
    return {key for key, count in running(feed, time).items() if count}


SECONDS = (0, 1, 2, 3, 5, 8, UINT32_MAX - 1, UINT32_MAX)
TEXTS = (
    *("0x" + address.hex() for address in ADDRESSES),
    "0X" + "AB" * 20,
    "0x12",
    "0x" + "ab" * 32,
    "1Bitcoin",
    "é" * 42,
)


@st.composite
def tables(draw: st.DrawFn) -> list[Row]:
    second = st.none() | st.sampled_from(SECONDS)
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        begin, end = draw(second), draw(second)
        if begin is not None and end is not None:
            begin, end = min(begin, end), max(begin, end)
        one = row(draw(st.sampled_from(TEXTS)), draw(st.sampled_from(sorted(WORDS))), valid_from=begin, valid_to=end)
        one |= {"known_from": draw(second), "network": draw(st.sampled_from(("ethereum", "ethereum", "bitcoin")))}
        rows.append(one)
    return rows


times = st.sampled_from(SECONDS) | st.integers(0, UINT32_MAX)


@given(tables(), st.sampled_from((("ethereum",), ("bitcoin", "ethereum"), ())), st.sampled_from(SECONDS))
def test_sums_against_oracle(rows: list[Row], networks: tuple[str, ...], not_before: int) -> None:
    feed = feed_of(*rows, networks=networks, not_before=not_before)
    for time in SECONDS:
        assert counting(feed, time) == active_labels(rows, time, networks, not_before)
    found = events(feed)
    assert found == sorted(found, key=lambda event: (*event[:2], CATEGORIES.index(event[2]), -event[3]))


@given(tables(), st.sampled_from(SECONDS))
def test_left_out_counts_every_row(rows: list[Row], not_before: int) -> None:
    feed = feed_of(*rows, not_before=not_before)
    begun = int((feed.change == 1).sum())
    left = feed.left_out
    assert begun + left.network + left.category + left.address + left.never == len(rows)


@given(tables(), tables(), st.randoms())
def test_order_of_rows_does_not_matter(first: list[Row], second: list[Row], draw: random.Random) -> None:
    both = first + second
    draw.shuffle(both)
    merged = LabelFeed.merged(feed_of(*first), feed_of(*second))
    assert events(merged) == events(feed_of(*both))
    assert merged.content_hash() == feed_of(*both).content_hash()
    assert merged.content_hash() == LabelFeed.merged(feed_of(*second), feed_of(*first)).content_hash()
    assert merged.left_out == feed_of(*both).left_out


@given(tables(), tables(), st.integers(0, 10))
def test_a_label_learnt_later_never_changes_the_past(known: list[Row], learnt: list[Row], time: int) -> None:
    late = [{**one, "known_from": max(one["known_from"] or 0, time)} for one in learnt]
    before, after = feed_of(*known), LabelFeed.merged(feed_of(*known), feed_of(*late))
    for second in range(time):
        assert running(before, second) == running(after, second)
        assert events(before)[: len(before) - len(before.after(second))] == [
            event for event in events(after) if event[0] <= second
        ]


@given(tables(), times)
def test_after_is_the_rest(rows: list[Row], time: int) -> None:
    feed = feed_of(*rows)
    assert events(feed.after(time)) == [event for event in events(feed) if event[0] > time]
    assert feed.after(time).left_out == feed.left_out


@given(tables(), times)
def test_arriving_counts_the_same_from_then_on(rows: list[Row], time: int) -> None:
    feed, late = feed_of(*rows), feed_of(*rows).arriving(time)
    assert all(event[0] >= time for event in events(late))
    for second in (*SECONDS, time):
        assert running(late, second) == (+running(feed, second) if second >= time else Counter())
    assert late.arriving(time).content_hash() == late.content_hash()
    assert late.left_out == feed.left_out


@given(tables(), times)
def test_arriving_is_the_feed_of_labels_not_before(rows: list[Row], time: int) -> None:
    assert feed_of(*rows).arriving(time).content_hash() == feed_of(*rows, not_before=time).content_hash()


@given(tables())
def test_content_hash_is_of_the_written_bytes(rows: list[Row]) -> None:
    feed = feed_of(*rows)
    content = b"tallystick label feed 1\nsanction,mixer,phishing,hack,exchange,gambling\n"
    for time, account, category, change in events(feed):
        content += time.to_bytes(8, "big") + account + bytes([CATEGORIES.index(category), change % 256])
    assert feed.content_hash() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("stated", "want"),
    [
        ({}, [(0, 1)]),
        ({"valid_from": 5}, [(5, 1)]),
        ({"known_from": 5}, [(5, 1)]),
        ({"valid_from": 5, "known_from": 3}, [(5, 1)]),
        ({"valid_from": 3, "known_from": 5}, [(5, 1)]),
        ({"valid_to": 5}, [(0, 1), (5, -1)]),
        ({"valid_from": 3, "valid_to": 5, "known_from": 4}, [(4, 1), (5, -1)]),
        ({"valid_from": 3, "valid_to": 5, "known_from": 5}, []),
        ({"valid_from": 5, "valid_to": 5}, []),
        ({"valid_to": 0}, []),
        ({"valid_from": UINT32_MAX}, [(UINT32_MAX, 1)]),
    ],
)
def test_a_statement_counts_once_it_holds_and_is_known(stated: Row, want: list[tuple[int, int]]) -> None:
    feed = feed_of(row(**stated))
    assert list(zip(feed.time.tolist(), feed.change.tolist(), strict=True)) == want
    assert feed.left_out == LeftOut(never=0 if want else 1)


def test_not_before_holds_all_back() -> None:
    feed = feed_of(row(), row(B, valid_to=9), row(valid_from=20), not_before=10)
    assert [(time, change) for time, _, _, change in events(feed)] == [(10, 1), (20, 1)]
    assert feed.left_out == LeftOut(never=1)


def test_statements_never_merge() -> None:
    feed = feed_of(row(valid_to=9), row(valid_to=9), row(valid_from=3), row(category="coinjoin", valid_to=4))
    assert [event[::3] for event in events(feed)] == [(0, 1), (0, 1), (0, 1), (3, 1), (4, -1), (9, -1), (9, -1)]
    assert [sum(running(feed, time).values()) for time in (0, 3, 4, 9)] == [3, 4, 3, 1]


def test_beginnings_stand_before_ends() -> None:
    feed = feed_of(row(valid_to=5), row(valid_from=5))
    assert feed.change.tolist() == [1, 1, -1]
    assert running(feed, 5) == {(bytes.fromhex("ab" * 20), "mixer"): 1}


def test_left_out_by_the_first_reason() -> None:
    bitcoin = {**row("1Bitcoin", "normal"), "network": "bitcoin"}
    feed = feed_of(bitcoin, row("0x12", "normal"), row("0x12", valid_to=0), row(valid_to=0), row())
    assert feed.left_out == LeftOut(network=1, category=1, address=1, never=1)
    assert feed_of(bitcoin, networks=()).left_out == LeftOut(network=1)


def test_addresses_are_the_batch_s_words() -> None:
    rows = [row("0x" + address.hex()) for address in ADDRESSES]
    batch = to_batch([Transfer(1, 1, address, None) for address in sorted(ADDRESSES)])
    assert (feed_of(*rows).address == batch.sender).all()
    assert feed_of(*rows).address.dtype == batch.sender.dtype


def test_empty_feeds_are_equal() -> None:
    assert len(LabelFeed.empty()) == len(feed_of()) == len(LabelFeed.empty().arriving(3)) == 0
    assert LabelFeed.empty().content_hash() == feed_of(row("0x12")).content_hash()
    assert feed_of(row()).content_hash() not in (feed_of().content_hash(), feed_of(row(B)).content_hash())


def test_table_of_chunks_and_slices() -> None:
    rows = [row("0x" + bytes([i] * 20).hex(), valid_from=i, valid_to=2 * i) for i in range(9)]
    table = pa.Table.from_pylist(rows, schema=LABELS.schema)
    pieces = pa.concat_tables([table.slice(at, 2) for at in range(0, 9, 2)])
    assert events(LabelFeed.from_arrow(pieces)) == events(feed_of(*rows))
    assert events(LabelFeed.from_arrow(table.slice(3, 4))) == events(feed_of(*rows[3:7]))


def test_invalid_statement_that_ends_before_it_holds() -> None:
    with pytest.raises(RangeError, match="label ends before it begins: valid_from is 9, valid_to is 8") as caught:
        feed_of(row(B), row(valid_from=9, valid_to=8))
    assert caught.value.where == {"column": "valid_to", "value": 8, "name": A}
    assert isinstance(caught.value, InputError)


@pytest.mark.parametrize("time", [-1, 1 << 32])
def test_invalid_not_before(time: int) -> None:
    with pytest.raises(RangeError, match="not_before is outside"):
        feed_of(row(), not_before=time)


def test_invalid_table_layout() -> None:
    table = pa.Table.from_pylist([row()], schema=LABELS.schema)
    with pytest.raises(StoreError, match="8 columns where 9 belong"):
        LabelFeed.from_arrow(table.drop_columns("known_from"))
    wide = table.set_column(8, "known_from", pa.array([1 << 32], pa.int64()))
    with pytest.raises(StoreError, match="known_from: int64 where known_from: uint32 belongs"):
        LabelFeed.from_arrow(wide)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda a: {"time": a["time"].astype(np.int32)}, "time is not 2 int64"),
        (lambda a: {"category": a["category"][:1]}, "category is not 2 int64"),
        (lambda a: {"address": a["address"][:, :2]}, "address is not 2 rows of 3 uint64"),
        (lambda a: {"time": a["time"] - 1}, "a time is before 1970"),
        (lambda a: {"category": a["category"] + 5}, "a category is outside 0 to 5"),
        (lambda a: {"category": a["category"] - 2}, "a category is outside 0 to 5"),
        (lambda a: {"change": a["change"] * 2}, "a change is neither 1 nor -1"),
        (lambda a: {"address": a["address"] + np.uint64(1)}, "an address is longer than 20 bytes"),
        (lambda a: {name: array[::-1] for name, array in a.items()}, "events are out of order"),
        (lambda a: {"change": -a["change"], "time": a["time"] * 0}, "events are out of order"),
    ],
)
def test_invalid_arrays(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]], cause: str) -> None:
    feed = feed_of(row(valid_to=9))
    arrays = {name: getattr(feed, name) for name in ("time", "address", "category", "change")}
    LabelFeed(**arrays)
    with pytest.raises(RangeError, match=cause):
        LabelFeed(**{**arrays, **change(arrays)})


def test_categories_know_their_words() -> None:
    words = [word for meant in SYNONYMS.values() for word in meant]
    assert len({*words, *EXCHANGES, *CATEGORIES}) == len(words) + len(EXCHANGES) + len(CATEGORIES)
    assert all(word == word.strip().lower() for word in (*words, *EXCHANGES))
    assert {name: exposure_category(name) for name in CATEGORIES} == {name: i for i, name in enumerate(CATEGORIES)}
    for word, category in WORDS.items():
        assert exposure_category(f" {word} ") == (None if category is None else CATEGORIES.index(category))
    assert account_of(TEXTS[-2]) is account_of(TEXTS[-1]) is None


def test_categories_are_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "explanation" / "labels.md").read_text(encoding="utf-8")
    for number, category in enumerate(CATEGORIES):
        words = ", ".join(f"`{word}`" for word in SYNONYMS[category])
        assert f"\n| {number} | `{category}` | {words}" in page
    assert all(f"`{name}`" in page for name in EXCHANGES)


def test_many_labels_are_quick() -> None:
    draw = random.Random(1)
    count = 100_000
    columns = [
        ["0x" + draw.randbytes(20).hex() for _ in range(count)],
        ["ethereum"] * count,
        [draw.choice(sorted(WORDS)) for _ in range(count)],
        ["s"] * count,
        [None] * count,
        [1] * count,
        [draw.randrange(1000) for _ in range(count)],
        [draw.randrange(1000, 2000) for _ in range(count)],
        [draw.choice((None, 5, 1500)) for _ in range(count)],
    ]
    arrays = [pa.array(cells, field.type) for cells, field in zip(columns, LABELS.schema, strict=True)]
    table = pa.Table.from_arrays(arrays, schema=LABELS.schema)
    began = process_time()
    feed = LabelFeed.from_arrow(table)
    assert process_time() - began < 2
    assert len(feed) > count


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("ofac:labels/ofac#2024-09-27", {"sanction": 162}),
        (
            "graphsense:labels/graphsense",
            {"sanction": 1, "mixer": 102, "phishing": 8_317, "hack": 986, "exchange": 761, "gambling": 2_656},
        ),
        ("forta:labels/forta", {"phishing": 13_280, "hack": 212}),
        ("etherscan:labels/etherscan", {"sanction": 72, "mixer": 86, "exchange": 526, "gambling": 162}),
        ("xblock:tsgn", {"phishing": 679}),
        ("xblock:xblock_phishing", {"phishing": 1_718}),
        ("tedge:tedge", {}),
    ],
)
def test_real_lists_give_categories(data_dir: Path, name: str, want: dict[str, int]) -> None:
    kind, path = name.split(":")
    table = read_labels(f"{kind}:{data_dir / path}")
    feed = LabelFeed.from_arrow(table)
    assert Counter(CATEGORIES[category] for category in feed.category) == want
    assert (feed.change == 1).all()
