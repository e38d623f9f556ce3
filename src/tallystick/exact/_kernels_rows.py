"""Loops that every kind of program needs: the domain before, the calibration after."""

from __future__ import annotations

from typing import Any

from tallystick.compiling import inlined
from tallystick.exact._kernels_sections import DECISION, HIGH, LOW, NUMBERS, STEP_PPM, STEP_RAW, section

__all__ = ["first_outside", "place_outside", "ppm_at", "write_ppm"]


@inlined
def outside_of(row: Any, low: Any, high: Any) -> Any:
    """First feature whose value is outside its domain; -1 for none."""
    outside = False
    for feature in range(low.shape[0]):
        value = row[feature]
        outside |= (value < low[feature]) | (value > high[feature])
    if not outside:
        return -1
    feature = 0
    while low[feature] <= row[feature] <= high[feature]:
        feature += 1
    return feature


@inlined
def first_outside(rows: Any, low: Any, high: Any) -> Any:
    """Position, in the flattened rows, of the first value outside its feature's domain; -1 for none."""
    for row in range(rows.shape[0]):
        feature = outside_of(rows[row], low, high)
        if feature >= 0:
            return row * rows.shape[1] + feature
    return -1


@inlined
def place_outside(row: Any, words: Any) -> Any:
    """As :func:`outside_of`; 0 also for a row of another length."""
    low, high = section(words, LOW), section(words, HIGH)
    return outside_of(row, low, high) if row.shape[0] == low.shape[0] else 0


@inlined
def ppm_at(raw: Any, words: Any) -> Any:
    """Calibrated ppm of a raw score."""
    breakpoints = section(words, STEP_RAW)
    first, size = 0, breakpoints.shape[0]
    while size > 1:
        half = size // 2
        first += half if breakpoints[first + half] <= raw else 0
        size -= half
    return section(words, STEP_PPM)[first]


@inlined
def write_ppm(totals: Any, words: Any, ppm: Any) -> None:
    """Write the decision output's ppm of each row that ``ppm`` has room for."""
    decision = section(words, NUMBERS)[DECISION]
    for row in range(ppm.shape[0]):
        ppm[row] = ppm_at(totals[row, decision], words)
