"""Where the contract keeps each feature's value: on the stack, in a memory slot, or in the row as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._branch_tree import SHARE_ONE, Sequel, listing
from tallystick.targets.evm._contract import ROW_AT, read_value
from tallystick.targets.evm._row import RowCode

__all__ = ["Places", "place_features", "visits"]

_STACK: Final = 15  # DUP16 reaches the sixteenth; the first is the sum
_WORD: Final = 32
_MORE_THAN_SLOT: Final = 3  # 18 + 6 visits < 12 visits
_MORE_THAN_STACK: Final = (4, 3)  # 12 + 3 visits < 12 visits


@dataclass(frozen=True)
class Places:
    """Where each feature is.

    Parameters
    ----------
    row
        How rows are packed.
    stack
        Features on the stack, the lowest first; above them is the sum.
    slots
        Memory address of each feature that has a word of its own.
    """

    row: RowCode
    stack: tuple[int, ...]
    slots: Mapping[int, int]

    @property
    def end(self) -> int:
        """First address of memory that is not in use."""
        return _behind(self.row) + _WORD * len(self.slots)

    def load(self, code: Assembler) -> None:
        """Append what fills the slots and the stack."""
        for feature, address in self.slots.items():
            read_value(code, self.row, feature)
            code.push(address).op("MSTORE")
        for feature in self.stack:
            read_value(code, self.row, feature)

    def read(self, code: Assembler, feature: int) -> None:
        """Append a push of a feature's value, where nothing but the sum lies above the features."""
        if feature in self.slots:
            code.push(self.slots[feature]).op("MLOAD")
        elif feature in self.stack:
            code.op(f"DUP{len(self.stack) - self.stack.index(feature) + 1}")
        else:
            read_value(code, self.row, feature)


def place_features(row: RowCode, roots: Sequence[Sequel]) -> Places:
    """Choose the cheapest place for each feature: most visited on the stack, unused ones nowhere."""
    expected = visits(roots)
    order = sorted(expected, key=lambda feature: (-expected[feature], feature))
    most, least = _MORE_THAN_STACK
    stack = [feature for feature in order[:_STACK] if expected[feature] * least > most * SHARE_ONE]
    kept = [feature for feature in order[len(stack) :] if expected[feature] > _MORE_THAN_SLOT * SHARE_ONE]
    slots = {feature: _behind(row) + _WORD * place for place, feature in enumerate(kept)}
    return Places(row, tuple(reversed(stack)), slots)


def _behind(row: RowCode) -> int:
    """First address behind the last byte that a read of the row touches."""
    return ROW_AT + row.size + _WORD


def visits(roots: Sequence[Sequel]) -> dict[int, int]:
    """Expected splits of each feature for a row, in units of 1 / SHARE_ONE."""
    found: dict[int, int] = {}
    for root in roots:
        reach = {root: SHARE_ONE * SHARE_ONE}
        for sequel in listing(root):
            for split in sequel.splits:
                here = reach[sequel]
                found[split.feature] = found.get(split.feature, 0) + here
                reach[split.left] = here * split.share // SHARE_ONE
                reach[split.right] = here - reach[split.left]
    return {feature: count // SHARE_ONE for feature, count in found.items()}
