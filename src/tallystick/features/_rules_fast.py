"""The rules of ``_rules.py``, compiled; equal to them on every int64 input in their domains."""

from __future__ import annotations

import numpy as np

from tallystick.compiling import inlined
from tallystick.features import _rules
from tallystick.features._rules import NEVER

__all__ = [
    "NEVER",
    "decay_all",
    "log2_q4",
    "mean_q4",
    "ratio_ppm",
    "saturate",
    "significant_digits",
    "top_bit",
    "variance",
]

_FRACTIONS = np.array(_rules.FRACTIONS_Q16, np.int64)
_HALF_LIVES = np.array(_rules.HALF_LIVES_S, np.int64)
_RATIO_CAP = _rules.RATIO_CAP
_TOTAL_CAP = _rules.TOTAL_CAP


@inlined
def saturate(total: int) -> int:
    """Twin of :func:`tallystick.features._rules.saturate`."""
    return total if total < _TOTAL_CAP else _TOTAL_CAP


@inlined
def top_bit(value: int) -> int:
    """Position of the highest bit set of a positive int64; 0 for 1."""
    top = 0
    if value >> 32:
        value >>= 32
        top += 32
    if value >> 16:
        value >>= 16
        top += 16
    if value >> 8:
        value >>= 8
        top += 8
    if value >> 4:
        value >>= 4
        top += 4
    if value >> 2:
        value >>= 2
        top += 2
    return top + (value >> 1)


@inlined
def log2_q4(value: int) -> int:
    """Twin of :func:`tallystick.features._rules.log2_q4`."""
    if value <= 0:
        return 0
    top: int = top_bit(value)
    below = (value >> (top - 4) if top >= 4 else value << (4 - top)) & 15
    return 16 * (top + 1) + below


@inlined
def ratio_ppm(part: int, whole: int) -> int:
    """Twin of :func:`tallystick.features._rules.ratio_ppm`."""
    if part <= 0 or whole <= 0:
        return 0
    larger = max(part, whole)
    if larger >> 42:
        shift = top_bit(larger) - 41
        part >>= shift
        whole = max(whole >> shift, 1)
    return min(part * 1_000_000 // whole, _RATIO_CAP)


@inlined
def mean_q4(total: int, count: int) -> int:
    """Twin of :func:`tallystick.features._rules.mean_q4`."""
    return 16 * total // count if count > 0 else -1


@inlined
def variance(total: int, total_of_squares: int, count: int) -> int:
    """Twin of :func:`tallystick.features._rules.variance`."""
    if count < 2:
        return -1
    mean = total // count
    rest = total - mean * count
    # n S - T**2 with T = mean n + rest, over n**2, without leaving 64 bits: n is below 2**31.
    within = total_of_squares - mean * mean * count - 2 * mean * rest
    return (within - (rest * rest + count - 1) // count) // count


@inlined
def _decayed(value: int, halvings: int, fraction: int) -> int:
    value >>= halvings
    # floor(value * fraction / 2**16) without leaving 64 bits: high and low part apart.
    return (value >> 16) * fraction + (((value & 65_535) * fraction) >> 16)


@inlined
def decay_all(account: np.ndarray, volumes: int, counts: int, then_s: int, now_s: int) -> None:
    """Decay an account's counters in place: two volumes from column ``volumes`` on and two counts a half-life."""
    for h in range(3):
        ticks = now_s * 32 // _HALF_LIVES[h] - then_s * 32 // _HALF_LIVES[h]
        if ticks == 0:
            continue
        halvings = min(ticks >> 5, 63)
        fraction = _FRACTIONS[ticks & 31]
        for at in (volumes + 2 * h, counts + 2 * h):
            account[at] = _decayed(account[at], halvings, fraction)
            account[at + 1] = _decayed(account[at + 1], halvings, fraction)


@inlined
def significant_digits(value: int) -> int:
    """Twin of :func:`tallystick.features._rules.significant_digits`."""
    if value <= 0:
        return 0
    while value % 10 == 0:
        value //= 10
    digits = 0
    while value > 0:
        value //= 10
        digits += 1
    return digits
