"""What follows a sum: clip, and a place to store it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.dense._lanes import WORD, Lanes
from tallystick.targets.evm.dense._layers import Finish

__all__ = ["Sink", "append_finish"]


@dataclass(frozen=True)
class Sink:
    """Where outputs go, and in which order they must be stored."""

    order: Sequence[int]
    address: Sequence[int]

    @classmethod
    def of_words(cls, outputs: int, at: int) -> Sink:
        """A word for each output."""
        return cls(range(outputs), range(at, at + WORD * outputs, WORD))

    @classmethod
    def of_lanes(cls, outputs: int, lanes: Lanes, at: int) -> Sink:
        """The next layer's lanes; an output that never changes goes nowhere."""
        address = [0] * outputs
        for i, place in lanes.places:
            address[i] = at + place
        return cls([i for i, _ in lanes.places], address)


def append_finish(code: Assembler, finish: Finish) -> None:
    """Append the steps from a shifted sum to what is stored."""
    if finish.upper:
        code.op("DUP1").push(0).op("SGT", "MUL")
    if finish.step:
        code.push(finish.step).op("ADD")
    if finish.lower:
        code.op("DUP1").push(0).op("SLT", "MUL")
    if finish.after:
        code.push(finish.after).op("ADD")
