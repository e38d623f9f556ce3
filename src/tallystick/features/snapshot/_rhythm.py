"""Rhythm: gaps between payments, bursts and spans; only differences of times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from tallystick.features._spec import Feature
from tallystick.features.snapshot import _reduce as plain
from tallystick.features.snapshot._graph import Graph
from tallystick.features.snapshot._plain import PlainGraph
from tallystick.features.snapshot._reduce_fast import Groups, log2_q8, part_ppm
from tallystick.features.snapshot._words import COUNT, LOG_S, SECONDS, SHARE, SIDES, feature

__all__ = ["FEATURES", "columns", "reference"]

_PERCENTS: Final = (25, 50, 75)
_WINDOWS: Final = {"1h": 3_600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}

FEATURES: Final[tuple[Feature, ...]] = tuple(
    made
    for side, word in SIDES.items()
    for made in (
        feature(f"{side}_span", SECONDS, f"{word} payments: from the first to the last; 0 of none."),
        *(
            feature(f"{side}_gap_p{p}", SECONDS, f"{word} payments: {p} % of the gaps are not longer.")
            for p in _PERCENTS
        ),
        feature(f"{side}_gap_least", SECONDS, f"{word} payments: the shortest gap."),
        feature(f"{side}_gap_most", SECONDS, f"{word} payments: the longest gap."),
        feature(f"{side}_log_gap_mean", LOG_S, f"{word} payments: mean logarithm of the gaps."),
        feature(f"{side}_log_gap_deviation", LOG_S, f"{word} payments: mean distance of these to their mean."),
        *(feature(f"{side}_busiest_{name}", COUNT, f"{word} payments: most within {name}.") for name in _WINDOWS),
        *(
            feature(f"{side}_burst_{name}", SHARE, f"{word} payments: share of the busiest {name}.")
            for name in _WINDOWS
        ),
    )
)


def reference(graph: PlainGraph, account: int) -> list[int]:
    """Compute the family for one account."""
    seen = graph.accounts[account]
    return [value for name in SIDES for value in _plain_rhythm([one.time for one in seen.side(name)])]


def _plain_rhythm(times: Sequence[int]) -> list[int]:
    gaps = plain.gaps(times)
    logs = [plain.log2_q8(gap) for gap in gaps]
    busiest = [plain.busiest(times, window) for window in _WINDOWS.values()]
    return [
        times[-1] - times[0] if times else 0,
        *(plain.quantile(gaps, percent) for percent in _PERCENTS),
        plain.least(gaps),
        plain.most(gaps),
        plain.mean(logs),
        plain.deviation(logs),
        *busiest,
        *(plain.part_ppm(count, len(times)) for count in busiest),
    ]


def columns(graph: Graph) -> list[np.ndarray]:
    """Twin of :func:`reference`, for all accounts."""
    sides = [graph.side(name) for name in SIDES]
    return [column for side in sides for column in _fast_rhythm(side.groups, side.time)]


def _fast_rhythm(groups: Groups, times: np.ndarray) -> list[np.ndarray]:
    between, gaps = groups.gaps(times)
    logs, risen = log2_q8(gaps), between.rising(gaps)
    busiest = [groups.busiest(times, window) for window in _WINDOWS.values()]
    return [
        groups.most(times) - groups.least(times),
        *(between.quantile(risen, percent) for percent in _PERCENTS),
        between.least(gaps),
        between.most(gaps),
        between.mean(logs),
        between.deviation(logs),
        *busiest,
        *(part_ppm(count, groups.size) for count in busiest),
    ]
