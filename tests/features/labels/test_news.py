from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tallystick.features import Engine, LabelFeed
from tallystick.features.labels._news import label_news, relabel

from ..streams import random_stream, to_batch

ADDRESSES = (0, 1, 2)
END = 60

events = st.lists(
    st.tuples(st.integers(0, 40), st.sampled_from(ADDRESSES), st.integers(0, 2), st.integers(1, 30) | st.none()),
    max_size=8,
)


def feed_of(statements: list[tuple[int, int, int, int | None]]) -> LabelFeed:
    """Statements of time, address, category and how long."""
    feed = LabelFeed.empty()
    for time, address, category, seconds in statements:
        ends = [] if seconds is None else [(time + seconds, -1)]
        for at, change in [(time, 1), *ends]:
            one = np.ones(1, np.int64)
            where = np.array([[address << 40, 0, 0]], np.uint64)
            feed = LabelFeed.merged(feed, LabelFeed(at * one, where, category * one, change * one))
    return feed


def counts(feed: LabelFeed, time: int) -> dict[tuple[int, int], bool]:
    """What counts at a second, by summing."""
    sums: dict[tuple[int, int], int] = {}
    for at, address, category, change in zip(feed.time, feed.address[:, 0], feed.category, feed.change, strict=True):
        key = (int(address), int(category))
        sums[key] = sums.get(key, 0) + int(change) * (at <= time)
    return {key: True for key, total in sums.items() if total > 0}


@given(events, events, st.integers(0, 45))
def test_from_now_on_the_list_counts_and_before_nothing_changes(
    was: list[tuple[int, int, int, int | None]], becomes: list[tuple[int, int, int, int | None]], now: int
) -> None:
    held, listed = feed_of(was), feed_of(becomes)
    merged = LabelFeed.merged(held, label_news(held, listed, now))
    for time in range(END + 15):
        assert counts(merged, time) == counts(listed if time >= now else held, time)
    assert len(label_news(merged, listed, now + 1)) == 0


def test_relabel_reads_a_list_again_without_a_trace() -> None:
    batch = to_batch(random_stream(60))
    feed = LabelFeed(np.zeros(1, np.int64), batch.sender[:1].copy(), np.zeros(1, np.int64), np.ones(1, np.int64))
    engine = Engine(labels=feed)
    engine.advance(batch)
    before = engine.state_hash()
    assert relabel(engine, feed) == 0
    assert engine.state_hash() == before
    assert relabel(engine, LabelFeed.empty()) == 1
    assert engine.state_hash() != before
