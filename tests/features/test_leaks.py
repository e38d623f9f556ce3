"""Labels change exposures from the second on at which they were known and held, and no row before it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tallystick.features import CATEGORIES, SPEC, Engine, EngineOptions, LabelFeed, ReferenceEngine

from .labels.label_oracle import active_labels
from .streams import (
    ADDRESSES,
    UINT32_MAX,
    Label,
    Transfer,
    assert_same,
    engine_rows,
    labels_of,
    random_labels,
    random_stream,
    streams,
    to_batch,
    to_blocks,
    to_feed,
)

RULES = ("haircut", "fifo", "poison")
A, B, C, D = ADDRESSES[1:5]
NO_LABELS = LabelFeed.empty()


def column(rows: np.ndarray, name: str) -> list[int]:
    return rows[:, SPEC.names.index(name)].tolist()


def before(transfers: list[Transfer], time: int) -> np.ndarray:
    """Rows of the transfers before a second."""
    return np.repeat(np.array([t.time < time for t in transfers], bool), 2)


@settings(max_examples=60, deadline=None)
@given(streams(), st.sampled_from(RULES), st.data())
def test_a_label_changes_nothing_before_it_is_known(transfers: list[Transfer], rule: str, data: st.DataObject) -> None:
    # The engine is handed everything in advance: labels that held all along, but are known only later.
    options = EngineOptions(exposure=rule)
    known = data.draw(st.sampled_from([t.time for t in transfers]))
    labels = [replace(label, begin=0, known=known) for label in data.draw(labels_of(transfers))]
    labels += [Label(address, 0, None, "hack", known) for address in ADDRESSES]
    early = before(transfers, known)
    have = engine_rows(transfers, options, to_feed(labels))
    assert_same(have[early], engine_rows(transfers, options, NO_LABELS)[early], SPEC.names)
    later = [row for row, t in enumerate(transfers) if t.time >= known]
    assert all(have[2 * row, SPEC.names.index("labelled_hack")] == 1 for row in later)  # and from then on they do


@settings(max_examples=60, deadline=None)
@given(streams(), st.data())
def test_future_labels_do_not_matter(transfers: list[Transfer], data: st.DataObject) -> None:
    # Whatever the labels are: those that begin at or after a second change no row before it.
    labels = data.draw(labels_of(transfers))
    time = data.draw(st.sampled_from([t.time for t in transfers]))
    past = [label for label in labels if max(label.begin, label.known or 0) < time]
    early = before(transfers, time)
    assert_same(
        engine_rows(transfers, None, to_feed(labels))[early],
        engine_rows(transfers, None, to_feed(past))[early],
        SPEC.names,
    )


@settings(max_examples=40, deadline=None)
@given(streams(), st.sampled_from(RULES), st.data())
def test_labels_that_are_added_count_from_the_next_second(
    transfers: list[Transfer], rule: str, data: st.DataObject
) -> None:
    # Said in the middle of the stream, of any time: rows that are out stay, the rest is as if known just then.
    options, blocks = EngineOptions(exposure=rule), to_blocks(transfers)
    first, added = (data.draw(labels_of(transfers)) for _ in range(2))
    at = data.draw(st.integers(1, len(blocks)))
    head, tail = ([t for block in part for t in block] for part in (blocks[:at], blocks[at:]))
    assume(head[-1].time < UINT32_MAX)  # a label of the second after it could not be written down
    engine, never = Engine(options, to_feed(first)), Engine(options, to_feed(first))
    assert_same(engine.advance(to_batch(head)).rows, never.advance(to_batch(head)).rows, SPEC.names)
    engine.add_labels(to_feed(added))
    now = head[-1].time
    heard = [replace(label, known=max(label.known or 0, now + 1)) for label in added]
    fresh = Engine(options, LabelFeed.merged(to_feed(first), to_feed(heard)))
    fresh.advance(to_batch(head))
    assert engine.state_hash() == fresh.state_hash()
    rows = engine.advance(to_batch(tail)).rows
    assert_same(rows, fresh.advance(to_batch(tail)).rows, SPEC.names)
    same = before(tail, now + 1)
    assert_same(rows[same], never.advance(to_batch(tail)).rows[same], SPEC.names)
    assert engine.state_hash() == fresh.state_hash()


@settings(max_examples=60, deadline=None)
@given(streams(), st.data())
def test_labelled_is_what_was_known_and_held(transfers: list[Transfer], data: st.DataObject) -> None:
    labels = data.draw(labels_of(transfers))
    rows = engine_rows(transfers, None, to_feed(labels))
    table = [
        {
            "address": f"0x{label.address.hex()}",
            "network": "ethereum",
            "category": label.category,
            "valid_from": label.begin,
            "valid_to": label.end,
            "known_from": label.known,
        }
        for label in labels
    ]
    for k, transfer in enumerate(transfers):
        active = active_labels(table, transfer.time)
        for row, party in ((2 * k, transfer.sender), (2 * k + 1, transfer.receiver)):
            have = {c for c in CATEGORIES if rows[row, SPEC.names.index(f"labelled_{c}")]}
            assert have == ({c for who, c in active if who == party} if party is not None else set())


@pytest.mark.parametrize("rule", RULES)
def test_a_leak_by_hand(rule: str) -> None:
    # A robs; B, C and D pass the loot on. That A is a thief comes out at 35, two payments later.
    moves = [(10, A, B), (20, B, C), (30, C, D), (40, A, B), (50, B, C), (60, C, D)]
    stream = [Transfer(k, time, a, b, 10**18) for k, (time, a, b) in enumerate(moves)]
    options, label = EngineOptions(exposure=rule), Label(A, 0, None, "hack", known=35)
    rows = engine_rows(stream, options, to_feed([label]))
    assert_same(rows[:6], engine_rows(stream, options)[:6], SPEC.names)
    assert column(rows, "exposed_hack")[:6] == [0] * 6
    assert column(rows, "received_hack")[7::2] == [500_000, 500_000, 500_000]
    assert column(rows, "hops_from_hack") == [15] * 6 + [0, 1, 1, 2, 2, 3]
    assert column(rows, "hops_to_hack") == [15] * 6 + [0] + [15] * 5
    assert column(rows, "labelled_hack") == [0] * 6 + [1, 0, 0, 0, 0, 0]


def test_a_label_that_ends_leaves_what_it_tainted() -> None:
    moves = [(10, A, B), (20, A, B), (30, A, B), (40, B, C)]
    stream = [Transfer(k, time, a, b, 10**18) for k, (time, a, b) in enumerate(moves)]
    rows = engine_rows(stream, None, to_feed([Label(A, 15, 30, "mixer")]))
    assert column(rows, "labelled_mixer")[::2] == [0, 1, 0, 0]
    assert column(rows, "exposed_mixer")[1::2] == [0, 500_000, 333_333, 333_333]


def hops(transfers: list[Transfer], feed_labels: list[Label], forwards: bool) -> dict[tuple[bytes, str], int]:
    """Fewest transfers in time order from (or to) an account while it was labelled, by search over the transfers."""
    moves = [t for t in transfers if t.value > 0 and t.success and t.receiver not in (None, t.sender)]
    found: dict[tuple[bytes, str], int] = defaultdict(lambda: 15)
    for category in {label.category for label in feed_labels}:
        for k, start in enumerate(moves):
            source, target = (start.sender, start.receiver) if forwards else (start.receiver, start.sender)
            labelled = any(
                label.address == source
                and label.category == category
                and max(label.begin, label.known or 0) <= start.time
                and (label.end is None or start.time < label.end)
                for label in feed_labels
            )
            if not labelled or target is None:
                continue
            # Forwards money goes on after this transfer. Backwards, whoever pays somebody who had already paid a
            # labelled account learns of it; that is in time order too.
            reached = {target: 1}
            found[target, category] = min(found[target, category], 1)
            for then in moves[k + 1 :]:
                a, b = (then.sender, then.receiver) if forwards else (then.receiver, then.sender)
                if a in reached and b is not None and reached[a] + 1 < reached.get(b, 15):
                    reached[b] = reached[a] + 1
                    found[b, category] = min(found[b, category], reached[b])
    return found


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ["hops_from", "hops_to"])
def test_hops_are_shortest_ways_in_time_order(name: str, seed: int) -> None:
    transfers = random_stream(160, accounts=16, seed=seed)
    labels = random_labels(transfers, 6, seed=seed)
    engine, end = Engine(labels=to_feed(labels)), transfers[-1]
    engine.advance(to_batch(transfers))
    nearest = hops(transfers, labels, forwards=name == "hops_from")
    parties = sorted({t.sender for t in transfers} | {t.receiver for t in transfers if t.receiver})
    # One transfer of nothing each, after all labels have ended, so that every account has a row.
    last = [Transfer(end.block + 1, (1 << 32) - 1, party, None) for party in parties]
    rows = engine.advance(to_batch(last)).rows[::2]
    labelled = {(label.address, label.category) for label in labels if label.end is None}
    for category in CATEGORIES:
        want = [0 if (party, category) in labelled else nearest[party, category] for party in parties]
        assert column(rows, f"{name}_{category}") == want
    assert min(nearest.values()) == 1
    assert max(value for value in nearest.values() if value < 15) >= 3


def test_the_reference_plays_labels_as_the_engine_does() -> None:
    # Also where a label begins while its account is unknown, and where two statements overlap.
    stream = [Transfer(k, 10 * k, *pair, 10**18) for k, pair in enumerate([(A, B), (B, C), (C, D), (D, A)] * 3)]
    labels = [Label(C, 0), Label(C, 5, 75), Label(C, 60, 90, "hack"), Label(D, 25, 25), Label(b"\x99" * 20, 0)]
    want = np.array(ReferenceEngine(labels=to_feed(labels)).advance(to_batch(stream)), np.int64)
    assert_same(engine_rows(stream, None, to_feed(labels)), want, SPEC.names)
