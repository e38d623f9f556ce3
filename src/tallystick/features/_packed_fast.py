"""The rules of ``_packed.py``, compiled; equal to them on every packed amount."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined, looped
from tallystick.features._packed import RING_BITS, WIDE_BITS
from tallystick.features._rules import RATIO_CAP
from tallystick.features._rules_fast import top_bit
from tallystick.features._stamp import STAMP

__all__ = ["pack_words", "packed_log2_q4", "packed_ratio_ppm", "packed_sum", "ring_ratio_ppm", "to_ring"]

_WIDE_MASK = (1 << WIDE_BITS) - 1
_RING_MASK = (1 << RING_BITS) - 1
_DROPPED = WIDE_BITS - RING_BITS


@inlined
def to_ring(wide: int) -> Any:
    """``pack(unpack(wide, WIDE_BITS), RING_BITS)``."""
    mantissa, exponent = wide & _WIDE_MASK, wide >> WIDE_BITS
    if mantissa <= _RING_MASK:  # only where the exponent is 0
        return mantissa
    shift = top_bit(mantissa) + 1 - RING_BITS
    return (exponent + shift) << RING_BITS | mantissa >> shift


@inlined
def ring_ratio_ppm(part: int, whole: int) -> Any:
    """:func:`tallystick.features._rules.ratio_ppm` of what two ring amounts mean."""
    return _ratio(part & _RING_MASK, part >> RING_BITS, whole & _RING_MASK, whole >> RING_BITS)


@inlined
def packed_sum(a: int, b: int) -> Any:
    """Twin of :func:`tallystick.features._packed.packed_sum`."""
    if a < b:
        a, b = b, a
    exponent = a >> WIDE_BITS
    apart = exponent - (b >> WIDE_BITS)
    total = (a & _WIDE_MASK) + ((b & _WIDE_MASK) >> apart if apart <= WIDE_BITS else 0)
    if total > _WIDE_MASK:
        return (exponent + 1) << WIDE_BITS | total >> 1
    return exponent << WIDE_BITS | total


@inlined
def packed_ratio_ppm(part: int, whole: int) -> Any:
    """Twin of :func:`tallystick.features._packed.packed_ratio_ppm`."""
    return _ratio(part & _WIDE_MASK, part >> WIDE_BITS, whole & _WIDE_MASK, whole >> WIDE_BITS)


@inlined
def _ratio(part: int, part_exponent: int, whole: int, whole_exponent: int) -> Any:
    if part <= 0 or whole <= 0:
        return 0
    bits = max(top_bit(part) + part_exponent, top_bit(whole) + whole_exponent) + 1
    shift = max(0, bits - 42)
    whole = max(_shifted(whole, whole_exponent - shift), 1)
    return min(_shifted(part, part_exponent - shift) * 1_000_000 // whole, RATIO_CAP)


@inlined
def _shifted(mantissa: int, left: int) -> Any:
    """``mantissa * 2**left``, rounded down; below 2**42 by the choice of the shift."""
    if left >= 0:
        return mantissa << left
    return mantissa >> -left if left > -64 else 0


@inlined
def packed_log2_q4(packed: int) -> Any:
    """Twin of :func:`tallystick.features._packed.packed_log2_q4`."""
    mantissa = packed & _WIDE_MASK
    if mantissa == 0:
        return 0
    top = top_bit(mantissa)
    below = (mantissa >> (top - 4) if top >= 4 else mantissa << (4 - top)) & 15
    return 16 * (top + (packed >> WIDE_BITS) + 1) + below


@inlined
def _pack_words(words: np.ndarray, packed: np.ndarray) -> None:
    for i in range(len(words)):
        at = 0
        while at < 3 and words[i, at] == 0:
            at += 1
        high = words[i, at]
        if at == 3 and high <= np.uint64(_WIDE_MASK):
            packed[i] = np.int64(high)
            continue
        below = words[i, at + 1] if at < 3 else np.uint64(0)
        bits = 0  # of the first word that is not zero
        while bits < 64 and high >> np.uint64(bits):
            bits += 1
        if bits >= WIDE_BITS:
            mantissa = high >> np.uint64(bits - WIDE_BITS)
        else:
            mantissa = high << np.uint64(WIDE_BITS - bits) | below >> np.uint64(64 - (WIDE_BITS - bits))
        exponent = 64 * (3 - at) + bits - WIDE_BITS
        packed[i] = np.int64(exponent) << WIDE_BITS | np.int64(mantissa)


def _entry_point(stamp: int) -> Any:
    @looped
    def pack_words(words: np.ndarray, packed: np.ndarray) -> None:
        if stamp >= 0:  # pragma: no branch - a closure variable is part of numba's cache key
            _pack_words(words, packed)

    return pack_words


pack_words = _entry_point(STAMP)
"""Pack 256-bit amounts, (n, 4) uint64 words with the most significant first, into (n,) int64."""
