"""Writes planned splits as code."""

from __future__ import annotations

from typing import NamedTuple

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.branch._place import Places
from tallystick.targets.evm.branch._plan import Layout, Plans
from tallystick.targets.evm.branch._tree import Sequel, Split

__all__ = ["Writer"]


class _Begin(NamedTuple):
    """A sequence to write. It ends by falling into ``exit``, or by jumping there."""

    sequel: Sequel
    added: int
    exit: str
    leave: bool
    label: str = ""


class _Ask(NamedTuple):
    """A test to write."""

    split: Split
    added: int
    exit: str
    leave: bool


class _End(NamedTuple):
    """A label to write if something jumps to it."""

    label: str


class Writer:
    """Writes sequences into an assembler.

    Parameters
    ----------
    code
        Where to.
    places
        Where the features are; the sum is on top of the stack.
    bits
        The sum is kept modulo 2**bits; what is above is not defined.
    prefix
        Begin of the labels' names.
    """

    def __init__(self, code: Assembler, places: Places, bits: int, prefix: str) -> None:
        self._code, self._places, self._modulus, self._prefix = code, places, 1 << bits, prefix
        self._labels = 0
        self._used: set[str] = set()

    def write(self, root: Sequel, base: int) -> int:
        """Append the base, with what is already added for the likeliest leaves, and the sequence.

        Returns
        -------
        int
            Expected gas, in units of 1 / SHARE_ONE, as if every feature were on the stack.
        """
        plans = Plans(root)
        gas, added = plans.of(root, False).best()
        self._code.push((base + added) % self._modulus)
        end = self._name()
        waiting: list[_Begin | _Ask | _End] = [_End(end), _Begin(root, added, end, False)]
        while waiting:
            match waiting.pop():
                case _Begin() as begin:
                    waiting += reversed(self._begin(begin, plans))
                case _Ask() as ask:
                    waiting += reversed(self._ask(ask, plans))
                case _End(label) if label in self._used:
                    self._code.label(label)
        return gas

    def _name(self) -> str:
        self._labels += 1
        return f"{self._prefix}{self._labels}"

    def _jump(self, name: str) -> Assembler:
        self._used.add(name)
        return self._code.push_label(name)

    def _add(self, difference: int) -> None:
        if difference:
            self._code.push(difference % self._modulus).op("ADD")

    def _begin(self, begin: _Begin, plans: Plans) -> list[_Begin | _Ask | _End]:
        sequel, added, leave = begin.sequel, begin.added, begin.leave
        if begin.label:
            self._code.label(begin.label)
        if not sequel.splits:
            self._add(sequel.constant - added)
            if leave:
                self._jump(begin.exit).op("JUMP")
            return []
        missing, shares = plans.shares(sequel, leave, added)
        self._add(missing)
        steps: list[_Begin | _Ask | _End] = []
        splits = plans.order(sequel, leave)
        for place, (split, share) in enumerate(zip(splits, shares, strict=True)):
            if place == len(splits) - 1:
                steps.append(_Ask(split, share, begin.exit, leave))
            else:
                after = self._name()
                steps += (_Ask(split, share, after, False), _End(after))
        return steps

    def _ask(self, ask: _Ask, plans: Plans) -> list[_Begin | _Ask | _End]:
        split, added = ask.split, ask.added
        layout = plans.layout(split, ask.leave, added)
        self._compare(split, layout)
        jump, fall = (split.right, split.left) if layout.jump_right else (split.left, split.right)
        if layout.select:
            self._code.push((jump.constant - fall.constant) % self._modulus).op("MUL", "ADD")
            return [_Begin(Sequel(fall.constant), added, ask.exit, ask.leave)]
        if layout.leave:
            self._jump(ask.exit).op("JUMPI")
            return [_Begin(fall, added, ask.exit, ask.leave)]
        there = self._name()
        self._jump(there).op("JUMPI")
        return [
            _Begin(fall, added, ask.exit, True),
            _Begin(jump, added, ask.exit, ask.leave, there),
        ]

    def _compare(self, split: Split, layout: Layout) -> None:
        """Append what is not 0 on the side to jump to, and 1 there if it is to be multiplied."""
        below = self._places.read(self._code, split)
        bound = (split.threshold + 1) << below
        if layout.jump_right and (layout.select or bound > 1):
            self._code.push(bound - 1).op("LT")
        elif not layout.jump_right and bound == 1:
            self._code.op("ISZERO")
        elif not layout.jump_right:
            self._code.push(bound).op("GT")
