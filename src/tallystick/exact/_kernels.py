"""The loops of the fast interpreter: integers only, no allocation."""

from __future__ import annotations

from typing import Any

from tallystick.exact._jit import compiled

__all__ = ["add_trees", "first_outside", "look_up"]


@compiled
def first_outside(rows: Any, low: Any, high: Any) -> Any:
    """Position, in the flattened rows, of the first value outside its feature's domain; -1 for none."""
    for row in range(rows.shape[0]):
        bad = False
        for feature in range(rows.shape[1]):
            value = rows[row, feature]
            bad |= (value < low[feature]) | (value > high[feature])
        if bad:
            for feature in range(rows.shape[1]):
                value = rows[row, feature]
                if (value < low[feature]) | (value > high[feature]):
                    return row * rows.shape[1] + feature
    return -1


@compiled
def add_trees(rows: Any, roots: Any, feature: Any, threshold: Any, child: Any, leaf: Any, raw: Any) -> None:
    for row in range(rows.shape[0]):
        total = raw[row]
        for tree in range(roots.shape[0]):
            at = roots[tree]
            while at >= 0:
                right = rows[row, feature[at]] > threshold[at]
                at = child[at, 1 if right else 0]
            total += leaf[~at]
        raw[row] = total


@compiled
def look_up(raw: Any, breakpoints: Any, values: Any, ppm: Any) -> None:
    """Write the calibrated ppm of each raw score."""
    for row in range(raw.shape[0]):
        first, size = 0, breakpoints.shape[0]
        while size > 1:
            half = size // 2
            first += half if breakpoints[first + half] <= raw[row] else 0
            size -= half
        ppm[row] = values[first]
