"""Amounts of any asset in few bits: floating point by integers, for tokens whose unit nobody told us.

A packed amount is ``exponent << bits | mantissa`` and means ``mantissa << exponent``: an amount of
up to 256 bits (and more) with all but its top ``bits`` bits cleared. Packed amounts compare as what they mean.
``_packed_fast.py`` holds the compiled twins, tested equal.
"""

from __future__ import annotations

from typing import Final

from tallystick.features._rules import log2_q4, ratio_ppm

__all__ = ["RING_BITS", "WIDE_BITS", "pack", "packed_log2_q4", "packed_ratio_ppm", "packed_sum", "unpack"]

WIDE_BITS: Final = 55  # with an exponent below 256 a non-negative int64; an amount is at most 2**-54 too low
RING_BITS: Final = 12  # with the exponent 20 bits; at most 2**-11 too low


def pack(value: int, bits: int) -> int:
    """Keep the top bits of an amount.

    Parameters
    ----------
    value
        In [0, 2**(255 + bits)).
    bits
        :data:`WIDE_BITS` or :data:`RING_BITS`.

    Examples
    --------
    >>> pack(5, 12), pack(4_097, 12) == 1 << 12 | 2_048, unpack(pack(10**9 + 1, 12), 12)
    (5, True, 999817216)
    """
    exponent = max(0, value.bit_length() - bits)
    return exponent << bits | value >> exponent


def unpack(packed: int, bits: int) -> int:
    """The amount that is meant.

    Examples
    --------
    >>> unpack(pack(3 * 2**200, WIDE_BITS), WIDE_BITS) == 3 * 2**200
    True
    """
    return (packed & ((1 << bits) - 1)) << (packed >> bits)


def packed_sum(a: int, b: int) -> int:
    """Sum of two wide packed amounts, packed: the exact sum of what they mean, rounded down.

    Examples
    --------
    >>> packed_sum(pack(1 << 80, WIDE_BITS), 1) == pack(1 << 80, WIDE_BITS)  # too small to count
    True
    """
    return pack(unpack(a, WIDE_BITS) + unpack(b, WIDE_BITS), WIDE_BITS)


def packed_ratio_ppm(part: int, whole: int) -> int:
    """:func:`ratio_ppm` of what two wide packed amounts mean; that of the amounts themselves is at most one away.

    Examples
    --------
    >>> packed_ratio_ppm(pack(3 << 90, WIDE_BITS), pack(12 << 90, WIDE_BITS))
    250000
    """
    return ratio_ppm(unpack(part, WIDE_BITS), unpack(whole, WIDE_BITS))


def packed_log2_q4(packed: int) -> int:
    """:func:`log2_q4` of what a wide packed amount means; at most 16 * 256 + 15 for 256 bits.

    Examples
    --------
    >>> packed_log2_q4(pack(2**255, WIDE_BITS)), log2_q4(2**62)
    (4096, 1008)
    """
    return log2_q4(unpack(packed, WIDE_BITS))
