"""The integer rules that features are made of: the meaning, in plain Python.

``_rules_fast.py`` holds their compiled twins, tested equal. All rounding is floor.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "AMOUNT_CAP",
    "FRACTIONS_Q16",
    "HALF_LIVES_S",
    "NARROW_CAP",
    "NEVER",
    "ONE_Q12",
    "RATIO_CAP",
    "TOTAL_CAP",
    "decay",
    "log2_q4",
    "mean_q4",
    "ratio_ppm",
    "saturate",
    "significant_digits",
    "ticks",
    "variance",
]

HALF_LIVES_S: Final = (3_600, 86_400, 7 * 86_400)  # an hour, a day, a week
ONE_Q12: Final = 1 << 12  # one event in a decayed counter
NARROW_CAP: Final = (1 << 32) - 1  # where narrow columns are held
AMOUNT_CAP: Final = 1 << 61  # gwei; 2.3e9 ether, twenty times the supply
TOTAL_CAP: Final = 1 << 62  # gwei; a total plus one amount still fits an int64
RATIO_CAP: Final = 1_000_000_000  # ppm; a thousandfold
NEVER: Final = -1  # a time span whose start has not happened

# floor(2**16 * 2**(-k/32)): what is left of one after k 32nds of a half-life.
FRACTIONS_Q16: Final = tuple(
    # The exact floor by integers: the largest m with m**32 * 2**k <= 2**(16 * 32).
    next(m for m in range(65_536, 0, -1) if m**32 << k <= 1 << 512)
    for k in range(32)
)


def saturate(total: int) -> int:
    """Hold a running total at its cap, so that it never wraps.

    Examples
    --------
    >>> saturate(5), saturate(1 << 62) == saturate((1 << 62) + 5)
    (5, True)
    """
    return min(total, TOTAL_CAP)


def log2_q4(value: int) -> int:
    """Sixteen times one plus the base-2 logarithm, linear between powers of two; 0 for 0.

    ``16 * bit_length + next four bits below the top bit``; never above ``16 * (1 + log2(value))``
    and less than 2.4 below: 1.4 by the straight line, 1 by rounding.

    Parameters
    ----------
    value
        Below 2**63; negative counts as 0.

    Examples
    --------
    >>> [log2_q4(v) for v in (0, 1, 2, 3, 4, 1000)]
    [0, 16, 32, 40, 48, 175]
    """
    if value <= 0:
        return 0
    top = value.bit_length() - 1
    below = (value >> (top - 4) if top >= 4 else value << (4 - top)) & 15
    return 16 * (top + 1) + below


def ratio_ppm(part: int, whole: int) -> int:
    """``floor(part * 10**6 / whole)`` in [0, 10**9]; 0 where either is not positive.

    Operands of more than 42 bits are first shifted right together, so that the product fits
    64 bits; the result is then at most 1 off. A whole that vanishes counts as 1.

    Examples
    --------
    >>> ratio_ppm(1, 3), ratio_ppm(7, 0), ratio_ppm(1 << 60, 1)
    (333333, 0, 1000000000)
    """
    if part <= 0 or whole <= 0:
        return 0
    shift = max(0, max(part, whole).bit_length() - 42)
    return min((part >> shift) * 1_000_000 // max(whole >> shift, 1), RATIO_CAP)


def mean_q4(total: int, count: int) -> int:
    """``floor(16 * total / count)``, or -1 of nothing.

    Examples
    --------
    >>> mean_q4(3, 2), mean_q4(0, 0)
    (24, -1)
    """
    return 16 * total // count if count > 0 else NEVER


def variance(total: int, total_of_squares: int, count: int) -> int:
    """``floor((n * sum(x**2) - sum(x)**2) / n**2)``, or -1 below two values.

    Examples
    --------
    >>> variance(1 + 3, 1 + 9, 2), variance(3 + 4, 9 + 16, 2), variance(5, 25, 1)
    (1, 0, -1)
    """
    if count < 2:
        return NEVER
    return (count * total_of_squares - total**2) // count**2


def ticks(then_s: int, now_s: int, half_life_s: int) -> int:
    """32nds of a half-life that began after one moment and up to another, counted from second 0.

    Ticks of spans that follow one another add up to the ticks of the whole, however short the spans.

    Examples
    --------
    >>> ticks(0, 3_600, 3_600), sum(ticks(t, t + 1, 3_600) for t in range(3_600))
    (32, 32)
    """
    return now_s * 32 // half_life_s - then_s * 32 // half_life_s


def decay(value: int, elapsed_ticks: int) -> int:
    """What is left of a decayed counter after some 32nds of its half-life.

    Whole half-lives halve by a shift; the rest is a table look-up:
    ``floor((value >> halvings) * FRACTIONS_Q16[k] / 2**16)``. Never above the exact exponential of
    the ticks, less than ``2 + value / 2**(16 + halvings)`` below it; the ticks themselves are
    within one of the time, which is 2.2 %.

    Parameters
    ----------
    value
        In [0, 2**62].
    elapsed_ticks
        At least 0, from :func:`ticks`.

    Examples
    --------
    >>> decay(65_536, 32), decay(65_536, 16), decay(65_536, 1 << 31)
    (32768, 46340, 0)
    """
    halvings, k = divmod(elapsed_ticks, 32)
    if halvings > 62:
        return 0
    return (value >> halvings) * FRACTIONS_Q16[k] >> 16


def significant_digits(value: int) -> int:
    """Decimal digits without trailing zeros: how round an amount is; 0 for 0.

    Examples
    --------
    >>> [significant_digits(v) for v in (0, 5, 500, 120, 123)]
    [0, 1, 1, 2, 3]
    """
    return len(str(value).rstrip("0")) if value > 0 else 0
