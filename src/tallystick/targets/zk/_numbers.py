"""Numbers as the circuit holds them: field elements, constants of 24 bits, digits in base 1024."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["BASE", "BASE_BITS", "FIELD", "columns_of_parts", "from_field", "legs_for", "parts", "to_field"]

# Order of the scalar field of BN254, in which the proof system counts.
FIELD: Final = 0x30644E72E131A029B85045B68181585D2833E84879B9709143E1F593F0000001
BASE_BITS: Final = 10
BASE: Final = 1 << BASE_BITS  # one table of so many rows checks every digit; larger bases make every circuit larger
_PART_BITS: Final = 24  # ezkl reads every constant as a 32-bit float, whose integers are exact to 24 significant bits
_FEWEST_LEGS: Final = 2  # its floor changes the last digit but one, and needs one


def parts(value: int) -> list[int]:
    """Split an integer into summands of at most 24 significant bits each, largest first; none for zero.

    Examples
    --------
    >>> parts((1 << 40) + 5), parts(-(1 << 60)), parts(0)
    ([1099511627776, 5], [-1152921504606846976], [])
    """
    found = []
    while value:
        low = max(0, abs(value).bit_length() - _PART_BITS)
        size = abs(value) >> low << low
        found.append(size if value > 0 else -size)
        value -= found[-1]
    return found


def columns_of_parts(values: Sequence[int]) -> list[list[int]]:
    """Vectors of parts that add up to a vector: as many as its longest number has, at least one.

    Examples
    --------
    >>> columns_of_parts([3, (1 << 30) + 1])
    [[3, 1073741824], [0, 1]]
    """
    split = [parts(value) for value in values]
    return [[own[k] if k < len(own) else 0 for own in split] for k in range(max([1, *map(len, split)]))]


def legs_for(reach: int) -> int:
    """Digits in base 1024 that hold every number of absolute value up to ``reach``.

    Examples
    --------
    >>> legs_for(0), legs_for((1 << 20) - 1), legs_for(1 << 20), legs_for((1 << 64) - 1)
    (2, 2, 3, 7)
    """
    return max(_FEWEST_LEGS, -(-reach.bit_length() // BASE_BITS))


def to_field(value: int) -> int:
    """Field element that stands for an integer; negative ones count down from the field's order."""
    return value % FIELD


def from_field(element: int) -> int:
    """Integer that a field element stands for, in (-FIELD / 2, FIELD / 2)."""
    return element if element <= FIELD // 2 else element - FIELD
