"""A layer whose weights are constants in the code: a push, a multiplication and an addition for many inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm.dense._finish import Sink, append_finish
from tallystick.targets.evm.dense._lanes import WORD, WORD_BITS, Lanes, segments
from tallystick.targets.evm.dense._layers import Layer

__all__ = ["Inline", "plan_inline"]

# The widest lane for each number of lanes in a word.
_WIDTHS: Final = (8, 16, 24, 32, 40, 48, 64, 80, 128)
_ON_STACK: Final = 12  # words that stay in reach of DUP, under a total, a sum and a weight
_WORD_GAS: Final = 17
_SEGMENT_GAS: Final = 12


@dataclass(frozen=True)
class Inline:
    """A layer, its lanes, and which words each output adds up before it looks at the sum."""

    layer: Layer
    lanes: Lanes
    parts: tuple[tuple[range, ...], ...]  # for each output

    @property
    def gas(self) -> int:
        """Estimate of what grows with the layer."""
        words, looks = len(self.lanes.words) * self.layer.outputs, sum(len(part) for part in self.parts)
        return self.lanes.gas + _WORD_GAS * words + _SEGMENT_GAS * looks

    def append(self, code: Assembler, at: int, sink: Sink) -> None:
        """Append the layer; its inputs are in lanes at an address."""
        words = len(self.lanes.words)
        stacked = words if words <= _ON_STACK and self.layer.outputs > 2 else 0
        for word in range(stacked):
            code.push(at + WORD * word).op("MLOAD")
        for output in sink.order:
            self._append_sum(code, output, at, stacked)
            append_finish(code, self.layer.finish[output])
            code.push(sink.address[output]).op("MSTORE")
        code.op(*["POP"] * stacked)

    def _append_sum(self, code: Assembler, output: int, at: int, stacked: int) -> None:
        """Leave ``floor((constant + sum) / 2**shift)`` on the stack.

        A sum is read from the top lane by an arithmetic shift. Half of that lane's unit is added before: the lanes
        below, whose sum is less than half a unit either way, then never borrow.
        """
        layer, lanes, parts = self.layer, self.lanes, self.parts[output]
        constant, below = layer.constant[output], WORD_BITS - lanes.bits
        half = 1 << below - 1
        if len(parts) == 1 and _fits(layer.sums[output], lanes.bits):
            self._append_words(code, (constant << below) + half, parts[0], output, (at, stacked))
            _append_shift(code, below + layer.shift)
            return
        code.push(constant)
        for part in parts:
            self._append_words(code, half, part, output, (at, stacked + bool(stacked)))
            _append_shift(code, below)
            code.op("ADD")
        _append_shift(code, layer.shift)

    def _append_words(self, code: Assembler, start: int, part: range, output: int, inputs: tuple[int, int]) -> None:
        """Leave start plus products on the stack; inputs are at an address, or so deep on the stack."""
        at, depth = inputs
        up = WORD_BITS - self.lanes.bits * self.lanes.count  # the last lane ends with the word
        code.push(start)
        for word in part:
            weights = self.lanes.weights(word, self.layer.weight[output]) << up
            if not weights:
                continue
            code.push(weights)
            if depth:
                code.op(f"DUP{depth + 2 - word}")
            else:
                code.push(at + WORD * word).op("MLOAD")
            code.op("MUL", "ADD")


def _append_shift(code: Assembler, bits: int) -> None:
    if bits:
        code.push(bits).op("SAR")


def _fits(ends: tuple[int, int], bits: int) -> bool:
    return -(1 << bits - 1) <= ends[0] and ends[1] < 1 << bits - 1


def plan_inline(layer: Layer, width: int = 0) -> Inline:
    """The cheapest lanes for a layer.

    Parameters
    ----------
    layer
        The layer.
    width
        As in :meth:`Lanes.of`.
    """
    plans = [plan for bits in _WIDTHS if (plan := _plan(layer, bits, width)) is not None]
    return min(plans, key=lambda plan: plan.gas)


def _plan(layer: Layer, bits: int, width: int) -> Inline | None:
    """Lanes of a width, or None where a value or a product does not fit.

    No lane of a segment may reach 2**(bits - 2): the top lane keeps its sign, and the lanes below add up to less than
    half a unit of it. Two lanes always fit: a weight times its own input's span is below 2**63, so a weight times
    another input's span is below 2**126, and a sum of two is no larger where both weights are set.
    """
    if max(layer.span, default=0) >= 1 << bits:
        return None
    lanes = Lanes.of(layer.used, layer.span, bits, WORD_BITS // bits, width)
    limit = (1 << bits - 2) - 1
    spans = [max(layer.span[i] for i in word) for word in lanes.words]
    parts = []
    for row in layer.weight:
        sizes = [_size(row, word, span) for word, span in zip(lanes.words, spans, strict=True)]
        if max(sizes, default=0) > limit:
            return None
        parts.append(tuple(segments(sizes, limit)))
    return Inline(layer, lanes, tuple(parts))


def _size(row: Sequence[int], word: Sequence[int], span: int) -> int:
    """Bound of every lane of a product: in each, a weight meets one input at most."""
    return span * sum(abs(row[i]) for i in word)
