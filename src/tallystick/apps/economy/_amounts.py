"""Amounts as people write them: round, nearly round, or with all their digits."""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._dice import Dice
from tallystick.units import WEI_PER_ETHER

__all__ = ["FINNEY", "written"]

FINNEY: Final = WEI_PER_ETHER // 1_000  # wei


def written(dice: Dice, wei: int, round_ppm: int) -> int:
    """Write an amount near this one as a person or an exchange would.

    With probability ``round_ppm`` one leading digit (or one and a half) followed by zeros; else a round amount less a
    small fee, six decimals, or every digit down to the wei.

    Examples
    --------
    >>> written(Dice(1, "x"), 487 * FINNEY, 1_000_000) % (10 * FINNEY)
    0
    """
    if dice.chance(round_ppm):
        return _round(dice, wei)
    style = dice.below(3)
    if style == 0:
        return max(_round(dice, wei) - dice.between(1, 40) * FINNEY // 20, FINNEY // 10)
    if style == 1:
        return max(wei // 10**12, 1) * 10**12 + dice.below(1_000) * 10**12
    return wei + dice.below(FINNEY)


def _round(dice: Dice, wei: int) -> int:
    unit = 1
    while unit * 10 <= wei:
        unit *= 10
    digits = wei // unit
    if digits < 3 and dice.chance(300_000):
        return digits * unit + unit // 2
    return max(digits, 1) * unit
