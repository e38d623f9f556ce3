"""A layer whose weights are data: several outputs share each word of weights, and one loop runs over the outputs.

The weights of ``k`` outputs lie in each lane of a word, one beside the other: class 0, 1, ... Of the products with the
inputs, those of the first classes need a mask; the last one's is the whole word's product minus theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.dense._finish import Sink, append_finish
from tallystick.targets.evm.dense._lanes import WORD, WORD_BITS, Lanes, segments
from tallystick.targets.evm.dense._layers import Layer

__all__ = ["DATA", "Area", "Packed", "Run", "Stored", "plan_packed"]

ADDRESS_BYTES: Final = 20
DATA: Final = "data"
MAX_CLASSES: Final = 5  # masks, loop variables, totals and sums stay in reach of DUP
_MASKED_GAS, _LAST_GAS, _COPY_GAS, _LOOK_GAS, _LOOP_GAS = 26, 20, 3, 30, 100


class Area(NamedTuple):
    """Memory of a layer: its inputs in lanes, a piece of its weights, its sums."""

    lanes: int
    piece: int
    sums: int


class Run(NamedTuple):
    """Pieces of weights that follow each other: number of the data contract, begin and end in its data."""

    contract: int
    begin: int
    end: int


class Stored(NamedTuple):
    """Where weights are: in contracts at these addresses behind one byte, or, without, in the own code's data."""

    addresses: Sequence[int]

    def push(self, code: Assembler, run: Run) -> None:
        """Push the contract, the end and the begin of a run."""
        if self.addresses:
            code.push(self.addresses[run.contract], ADDRESS_BYTES).push(1 + run.end).push(1 + run.begin)
        else:
            code.push(0).push_label(DATA, run.end).push_label(DATA, run.begin)

    def copy(self, code: Assembler) -> None:
        """Copy; the stack is contract, end, piece, sums, size, piece, address in memory."""
        code.op("DUP7", "EXTCODECOPY") if self.addresses else code.op("CODECOPY")


@dataclass(frozen=True)
class Packed:
    """A layer, its lanes, and how its weights are packed.

    Parameters
    ----------
    layer
        The layer.
    lanes
        Of its inputs.
    low
        Smallest weight: what is packed is a weight minus this.
    step
        Bits of a packed weight, a multiple of 8.
    classes
        Outputs that share a word.
    parts
        Words that are added up before the sum is looked at.
    """

    layer: Layer
    lanes: Lanes
    low: int
    step: int
    classes: int
    parts: tuple[range, ...]

    @property
    def gas(self) -> int:
        """Estimate of what grows with the layer."""
        return self.lanes.gas + sum(times * self._loop_gas(classes) for classes, times in self.loops)

    def _loop_gas(self, classes: int) -> int:
        word = _MASKED_GAS * (classes - 1) + _LAST_GAS + _COPY_GAS
        return len(self.lanes.words) * word + len(self.parts) * classes * _LOOK_GAS + _LOOP_GAS

    @property
    def loops(self) -> list[tuple[int, int]]:
        """Outputs that share a word, and how many times: the outputs that are left share one more piece."""
        whole, left = divmod(self.layer.outputs, self.classes)
        return [(self.classes, whole)] + [(left, 1)] * bool(left)

    @cached_property
    def pieces(self) -> list[bytes]:
        """Weights of outputs that share words, one piece after the other."""
        outputs = range(self.layer.outputs)
        return [self._piece(outputs[i : i + self.classes]) for i in range(0, len(outputs), self.classes)]

    def _piece(self, outputs: Sequence[int]) -> bytes:
        rows = [[weight - self.low for weight in self.layer.weight[output]] for output in outputs]
        return b"".join(
            sum(self.lanes.weights(word, row) << self.step * k for k, row in enumerate(rows)).to_bytes(WORD, "big")
            for word in range(len(self.lanes.words))
        )

    def append(self, code: Assembler, area: Area, stored: Stored, runs: Sequence[Sequence[Run]]) -> None:
        """Append the loops that leave a sum for each output in memory; ``runs`` are the pieces of each loop."""
        sums = area.sums
        for (classes, times), its_runs in zip(self.loops, runs, strict=True):
            _Loop(self, classes, area, stored).append(code, sums, its_runs)
            sums += WORD * classes * times

    def append_finish(self, code: Assembler, area: Area, sink: Sink) -> None:
        """Append what turns sums into outputs: the weights' low is taken out with the sum of the inputs."""
        if self.low:
            self._append_sum_of_inputs(code, area.lanes)
            code.push(self.low).op("MUL")
        for output in sink.order:
            code.push(area.sums + WORD * output).op("MLOAD")
            if self.low:
                code.op("DUP2", "ADD")
            if self.layer.constant[output]:
                code.push(self.layer.constant[output]).op("ADD")
            if self.layer.shift:
                code.push(self.layer.shift).op("SAR")
            append_finish(code, self.layer.finish[output])
            code.push(sink.address[output]).op("MSTORE")
        code.op(*["POP"] * bool(self.low))

    def _append_sum_of_inputs(self, code: Assembler, at: int) -> None:
        """Leave the sum of all inputs on the stack: a product with ones, whose top lane it is."""
        lanes = self.lanes
        sizes = [sum(self.layer.span[i] for i in word) for word in lanes.words]
        up = WORD_BITS - lanes.bits * lanes.count
        for number, part in enumerate(segments(sizes, (1 << lanes.bits) - 1)):
            for word in part:
                code.push(at + WORD * word).op("MLOAD", *["ADD"] * (word > part.start))
            code.push(lanes.mask << up).op("MUL").push(WORD_BITS - lanes.bits).op("SHR", *["ADD"] * (number > 0))


@dataclass(frozen=True)
class _Loop:
    """The loop over the pieces of so many classes; in comments the stack's top is on the right.

    Below the loop: masks, the label to return to, the contract, the last piece's end; then the piece and the address
    of its sums.
    """

    packed: Packed
    classes: int
    area: Area
    stored: Stored

    def append(self, code: Assembler, sums: int, runs: Sequence[Run]) -> None:
        """Append the loop's calls, one for each run of pieces, and the loop."""
        lanes, step = self.packed.lanes, self.packed.step
        name = f"loop_{self.area.lanes}_{sums}"
        for k in range(self.classes - 1):
            code.push(lanes.mask * ((1 << step) - 1) << step * k)
        for number, run in enumerate(runs):
            code.push_label(f"{name}_{number}")
            self.stored.push(code, run)
            code.push(sums)
            sums += WORD * self.classes * ((run.end - run.begin) // lanes.size)
            if number:
                code.push_label(name).op("JUMP")
            else:
                self._append_loop(code, name)
            code.label(f"{name}_{number}")
        code.op(*["POP"] * (self.classes - 1))

    def _append_loop(self, code: Assembler, name: str) -> None:
        size = self.packed.lanes.size
        code.label(name)  # return, contract, end, piece, sums
        code.push(size).op("DUP3").push(self.area.piece)
        self.stored.copy(code)
        self._append_piece(code)
        for k in reversed(range(self.classes)):  # ..., piece, sums, total 0, ..., total k
            code.op(f"DUP{k + 2}")
            if k:
                code.push(WORD * k).op("ADD")
            code.op("MSTORE")
        code.push(WORD * self.classes).op("ADD", "SWAP1").push(size).op("ADD", "SWAP1")
        code.op("DUP2", "DUP4", "GT").push_label(name).op("JUMPI", "POP", "POP", "POP", "POP", "JUMP")

    def _append_piece(self, code: Assembler) -> None:
        """Leave the total of each class on the stack."""
        for number, part in enumerate(self.packed.parts):
            totals = self.classes if number else 0
            for k in range(self.classes):
                self._append_class(code, part, k, totals)
            self._append_last(code)
            self._append_totals(code, first=not number)

    def _append_class(self, code: Assembler, part: range, k: int, totals: int) -> None:
        """Leave the sum of a class's products, or of the whole words' for the last class."""
        last = k == self.classes - 1
        # From the top: a weight, the sum (but for the first word), sums 0 to k - 1, totals, five variables, masks.
        depth = 1 + k + totals + 5 + (self.classes - 1 - k)
        for word in part:
            following = word > part.start
            code.push(self.area.piece + WORD * word).op("MLOAD")
            if not last:
                code.op(f"DUP{depth + following}", "AND")
            code.push(self.area.lanes + WORD * word).op("MLOAD", "MUL", *["ADD"] * following)

    def _append_last(self, code: Assembler) -> None:
        """Take the other classes' sums out of the whole words'."""
        for k in range(self.classes - 1):
            code.op(f"DUP{k + 2}", "SWAP1", "SUB")

    def _append_totals(self, code: Assembler, first: bool) -> None:
        """Replace the sums by their top lanes, and add those to the totals."""
        count = self.classes
        for k in reversed(range(count)):
            away = count - 1 - k if first else 0
            code.op(*[f"SWAP{away}"] * bool(away))
            self._append_top_lane(code, k)
            code.op(*[f"SWAP{away}"] * bool(away))
            if not first:
                code.op(f"DUP{count + 1}", "ADD", f"SWAP{count}", "POP")

    def _append_top_lane(self, code: Assembler, k: int) -> None:
        lanes = self.packed.lanes
        above = WORD_BITS - lanes.bits * lanes.count - self.packed.step * k
        if above:
            code.push(above).op("SHL")
        code.push(WORD_BITS - lanes.bits).op("SHR")


def plan_packed(layer: Layer, width: int = 0, most_classes: int = MAX_CLASSES) -> Packed:
    """The cheapest lanes for a layer, with as many outputs to a word as allowed.

    Parameters
    ----------
    layer
        The layer; an input of it can change.
    width
        As in :meth:`Lanes.of`.
    most_classes
        Most outputs that share a word, at most five.
    """
    widths = range(8, WORD_BITS + 1, 8)
    plans = [plan for bits in widths if (plan := _plan(layer, bits, most_classes, width)) is not None]
    return min(plans, key=lambda plan: plan.gas)


def _plan(layer: Layer, bits: int, most_classes: int, width: int) -> Packed | None:
    """Lanes of a width, or None where a value or a product does not fit.

    No lane of a segment may reach 2**bits. Lanes above the top one are shifted out.
    """
    low = min(min(row) for row in layer.weight)
    most = max(max(row) for row in layer.weight) - low
    step = 8 * max(1, -(-most.bit_length() // 8))
    classes = min(most_classes, layer.outputs, bits // step)
    if not classes or max(layer.span) >= 1 << bits:
        return None
    count = (WORD_BITS - step * (classes - 1)) // bits
    if not count:
        return None
    lanes = Lanes.of(layer.used, layer.span, bits, count, width)
    sizes = [most * sum(layer.span[i] for i in word) for word in lanes.words]
    if max(sizes) >= 1 << bits or max(sum(layer.span[i] for i in word) for word in lanes.words) >= 1 << bits:
        return None
    return Packed(layer, lanes, low, step, classes, tuple(segments(sizes, (1 << bits) - 1)))
