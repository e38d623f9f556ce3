"""Where the contract keeps each feature's value: on the stack, in a memory slot, or in the row as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import ROW_AT, read_value, read_word
from tallystick.targets.evm._row import RowCode
from tallystick.targets.evm.branch._tree import SHARE_ONE, Sequel, Split, listing

__all__ = ["Places", "place_features"]

_STACK: Final = 15  # DUP16 reaches the sixteenth; the first is the sum
_WORD: Final = 32
_READ: Final = 12  # gas: PUSH, MLOAD, PUSH, SHR
_STORE: Final = 6  # PUSH, MSTORE
_SLOT: Final = 6  # PUSH, MLOAD
_DUP: Final = 3
_SHIFT: Final = 6  # PUSH, SHR: saved where a threshold is as wide as the word
_SHIFT_BYTES: Final = 3


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
    whole
        Tests of features in the row that compare the whole word which begins with the value.
    gas
        Expected gas of loading them, and of reads beyond the 3 gas of one on the stack, in units of 1 / SHARE_ONE.
    """

    row: RowCode
    stack: tuple[int, ...]
    slots: Mapping[int, int]
    whole: Mapping[Split, None]
    gas: int

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

    def read(self, code: Assembler, split: Split) -> int:
        """Append a push of what a test compares, where nothing but the sum lies above the features.

        Returns
        -------
        int
            How many bits of something else lie below the value.
        """
        feature = split.feature
        if feature in self.slots:
            code.push(self.slots[feature]).op("MLOAD")
        elif feature in self.stack:
            code.op(f"DUP{len(self.stack) - self.stack.index(feature) + 1}")
        elif split in self.whole:
            return read_word(code, self.row, feature)
        else:
            read_value(code, self.row, feature)
        return 0


def place_features(row: RowCode, roots: Sequence[Sequel], price: int | None) -> Places:
    """Choose the cheapest place for each feature: most visited on the stack, unused ones nowhere.

    Parameters
    ----------
    row
        How rows are packed.
    roots
        What the code will test.
    price
        Expected gas that a byte of code must save, in units of 1 / SHARE_ONE; None for the smallest code.
    """
    reached = _reaches(roots)
    expected: dict[int, int] = {}
    for split, reach in reached:
        expected[split.feature] = expected.get(split.feature, 0) + reach
    stack: list[int] = []
    slots: dict[int, int] = {}
    gas = 0
    for feature in sorted(expected, key=lambda feature: (-expected[feature], feature)):
        count = expected[feature]
        on_stack = SHARE_ONE * _READ + count * _DUP
        in_slot = SHARE_ONE * (_READ + _STORE) + count * _SLOT
        in_row = count * _READ
        if len(stack) < _STACK and on_stack < in_row:
            stack.append(feature)
        elif in_slot < in_row:
            slots[feature] = _behind(row) + _WORD * len(slots)
        gas += min(on_stack if feature in stack else in_row, in_slot) - count * _DUP
    kept = {*stack, *slots}
    whole: dict[Split, None] = {}
    for split, reach in reached:
        more_bytes = _WORD - _SHIFT_BYTES - row.widths[split.feature]
        if price is not None and split.feature not in kept and reach * _SHIFT > price * more_bytes:
            whole[split] = None
            gas -= reach * _SHIFT
    return Places(row, tuple(reversed(stack)), slots, whole, gas)


def _behind(row: RowCode) -> int:
    """First address behind the last byte that a read of the row touches."""
    return ROW_AT + row.size + _WORD


def _reaches(roots: Sequence[Sequel]) -> list[tuple[Split, int]]:
    """Every test with the share of rows that it is expected to be made for, in units of 1 / SHARE_ONE."""
    found: list[tuple[Split, int]] = []
    for root in roots:
        reach = {root: SHARE_ONE * SHARE_ONE}  # finer, as it becomes small
        for sequel in listing(root):
            for split in sequel.splits:
                here = reach[sequel]
                found.append((split, here // SHARE_ONE))
                reach[split.left] = here * split.share // SHARE_ONE
                reach[split.right] = here - reach[split.left]
    return found
