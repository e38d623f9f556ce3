"""What a list of labels says now that it did not say before: so a list can be read again each night."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tallystick.features.labels._feed import LabelFeed
from tallystick.features.labels._state import LabelState

if TYPE_CHECKING:
    from tallystick.features._engine import Engine

__all__ = ["label_news", "relabel"]


def relabel(engine: Engine, listed: LabelFeed) -> int:
    """Make an engine's labels those of a list, from the next second of its stream on; return how many events are new.

    Reading the same list again changes nothing. What the list no longer says ends; rows that are out stay.
    """
    now = engine._last[1] + 1
    held = engine._labels
    news = label_news(held.feed, listed, now)
    if len(news):
        engine._labels = LabelState(LabelFeed.merged(held.feed, news), held.played)
    return len(news)


def label_news(held: LabelFeed, listed: LabelFeed, now: int) -> LabelFeed:
    """Events at and after a second that make one feed count as the other does from there on.

    Parameters
    ----------
    held, listed
        What counts until now, and what is to count.
    now
        UTC seconds.

    Examples
    --------
    >>> one = np.ones(1, np.int64)
    >>> mixer = LabelFeed(100 * one, np.zeros((1, 3), np.uint64), one, one)
    >>> news = label_news(LabelFeed.empty(), mixer, 170)
    >>> news.time.tolist(), news.change.tolist(), len(label_news(mixer, mixer, 170))
    ([170], [1], 0)
    >>> label_news(mixer, LabelFeed.empty(), 170).change.tolist()
    [-1]
    """
    before, after = held.arriving(now), listed.arriving(now)
    keys = np.concatenate((_keys(before), _keys(after)))
    rows, of = np.unique(keys, axis=0, return_inverse=True)  # in a feed's order: time, address, category
    net = np.zeros(len(rows), np.int64)
    np.add.at(net, of.reshape(-1), np.concatenate((-before.change, after.change)))
    event = np.repeat(np.arange(len(rows)), np.abs(net))
    time, address, category = rows[event, 0].astype(np.int64), rows[event, 1:4], rows[event, 4].astype(np.int64)
    return LabelFeed(time, address, category, np.sign(net)[event], listed.left_out)


def _keys(feed: LabelFeed) -> np.ndarray:
    return np.column_stack((feed.time.astype(np.uint64), feed.address, feed.category.astype(np.uint64)))
