"""The logistic function and the share of a class as step tables, from integer arithmetic alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from tallystick.exact._calibration import Calibration
from tallystick.exact._limits import INT64_MAX, INT64_MIN
from tallystick.units import PPM_ONE

__all__ = ["LOG_BITS", "log_odds", "share_table", "sigmoid_table"]

_FINEST: Final = 256  # steps of 1/256 of the smaller side's ppm ...
_COARSEST_PPM: Final = 500  # ... and never above this
LOG_BITS: Final = 160  # bits behind the point of a logarithm


def sigmoid_table(slope: Fraction, scale_bits: int) -> Calibration:
    """Tabulate ``10**6 / (1 + exp(-slope * raw / 2**scale_bits))``, rounded down to some 5,000 steps.

    A step begins exactly at the first raw score whose value is at least the step's ppm. So the table is never above the
    function, and below it by at most 500 ppm and by at most max(1 ppm, 0.4 %) of the smaller of ppm and 10**6 - ppm.

    Parameters
    ----------
    slope
        Above 0.
    scale_bits
        Raw scores are in units of 2**-scale_bits.

    Examples
    --------
    >>> table = sigmoid_table(Fraction(1), 24)
    >>> table.at(-1), table.at(0), table.at(1 << 24)
    (499563, 500000, 730937)
    """
    steps = [(INT64_MIN, 0)]
    for ppm in _step_ppm():
        start = -((-log_odds(ppm, PPM_ONE - ppm) * slope.denominator << scale_bits) // (slope.numerator << LOG_BITS))
        if start > INT64_MAX:
            break
        if start <= steps[-1][0]:  # a coarse scale: several steps begin at one raw score
            steps.pop()
        steps.append((max(start, INT64_MIN), ppm))
    return Calibration.of(steps)


def share_table(scale_bits: int) -> Calibration:
    """Tabulate a score that is a share, in the same steps as :func:`sigmoid_table`.

    A step begins right above its ppm, so 500,000 ppm is reached where the share is more than a half: where a forest of
    two classes names the second.

    Examples
    --------
    >>> table = share_table(24)
    >>> table.at(1 << 23), table.at((1 << 23) + 1), table.at(1 << 24)
    (499563, 500000, 999999)
    """
    steps = [(INT64_MIN, 0)]
    for ppm in _step_ppm():
        start = (ppm << scale_bits) // PPM_ONE + 1
        if start == steps[-1][0]:  # a coarse scale: several steps begin at one raw score
            steps.pop()
        steps.append((start, ppm))
    return Calibration.of(steps)


def _step_ppm() -> Iterator[int]:
    """Every step's ppm, rising, the same distances from both ends."""
    lower = [1]
    while lower[-1] < PPM_ONE // 2:
        lower.append(min(lower[-1] + max(1, min(lower[-1] // _FINEST, _COARSEST_PPM)), PPM_ONE // 2))
    yield from lower
    yield from (PPM_ONE - ppm for ppm in reversed(lower[:-1]))


def log_odds(part: int, rest: int) -> int:
    """``ln(part / rest) * 2**160`` of two positive integers, within 2**12 units; 0 where they are equal.

    ``ln(m * 2**e) = 2 * atanh((m - 1) / (m + 1)) + e * ln 2`` with m near 1, atanh by its series.
    """
    shift = part.bit_length() - rest.bit_length()
    above, below = (part, rest << shift) if shift >= 0 else (part << -shift, rest)
    return _log_near_one(above, below) + shift * _log_near_one(2, 1)


def _log_near_one(above: int, below: int) -> int:
    """The same of a quotient in [1/2, 2]: ``|z| <= 1/3``, so each term of the series is a ninth of the last."""
    power = ((above - below) << LOG_BITS) // (above + below)
    square = power * power >> LOG_BITS
    total, odd = 0, 1
    while power not in (0, -1):
        total += power // odd
        power, odd = power * square >> LOG_BITS, odd + 2
    return 2 * total
