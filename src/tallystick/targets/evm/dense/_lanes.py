"""Packed inputs in memory: several to a word, a lane each.

A word of weights times a word of inputs is a product of polynomials: with a word's inputs in lanes 0, 1, ... and their
weights in the lanes from ``count - 1`` down, lane ``count - 1`` of the product is their dot product. The other lanes
hold sums that nobody wants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import ROW_AT, read_value
from tallystick.targets.evm._row import RowCode

__all__ = ["WORD", "WORD_BITS", "Lanes", "pack_row", "segments"]

WORD: Final = 32
WORD_BITS: Final = 256
_MOVE_GAS: Final = 18  # of a word that is cut out with a mask, and of a single value


@dataclass(frozen=True)
class Lanes:
    """Which input is in which word and lane.

    Parameters
    ----------
    bits
        Width of a lane, a multiple of 8.
    words
        Inputs of each word, lane 0 first; a lane may be empty only above the last one used.
    count
        Lanes of a word.
    strided
        How many of the first words can be cut out of the row with a mask (:func:`pack_row`).
    """

    bits: int
    words: tuple[tuple[int, ...], ...]
    count: int
    strided: int = 0

    @classmethod
    def of(cls, inputs: Sequence[int], spans: Sequence[int], bits: int, count: int, width: int = 0) -> Lanes:
        """Distribute inputs over words.

        Parameters
        ----------
        inputs
            Indices.
        spans
            Largest value of every input.
        bits, count
            As above.
        width
            Bytes of each input where all follow each other in the row, and all are used; else 0.
        """
        apart = bits // 8 // width if width else 0  # inputs from one lane to the next
        if count < 2 or not apart or bits != 8 * width * apart:
            # Inputs of similar spans share a word: lanes nobody wants hold the products of their neighbours.
            order = sorted(inputs, key=lambda i: (spans[i], i))
            return cls(bits, _cut(order, count), count)
        whole = len(inputs) // (apart * count) * apart * count
        words = []
        for begin in range(0, whole, apart * count):
            # The row is big-endian: its last input is the lowest lane.
            words += [tuple(reversed(range(begin + i, begin + apart * count, apart))) for i in range(apart)]
        return cls(bits, (*words, *_cut(range(whole, len(inputs)), count)), count, len(words))

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return WORD * len(self.words)

    @property
    def gas(self) -> int:
        """What it costs to fill the lanes from a row."""
        return _MOVE_GAS * (self.strided + sum(len(word) for word in self.words[self.strided :]))

    @property
    def mask(self) -> int:
        """The lowest bit of each lane."""
        return sum(1 << self.bits * lane for lane in range(self.count))

    @cached_property
    def places(self) -> tuple[tuple[int, int], ...]:
        """Each input and where it is stored, from the last address down.

        An input is written as a whole word that ends with its lane: it clears what is below and leaves what is above.
        """
        lane_bytes = self.bits // 8
        return tuple(
            (i, WORD * word - lane_bytes * lane)
            for word in reversed(range(len(self.words)))
            for lane, i in enumerate(self.words[word])
        )

    def weights(self, word: int, row: Sequence[int]) -> int:
        """The weights that belong to a word's inputs, as a polynomial; of any sign."""
        return sum(row[i] << self.bits * (self.count - 1 - lane) for lane, i in enumerate(self.words[word]))


def _cut(inputs: Sequence[int], count: int) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(inputs[i : i + count]) for i in range(0, len(inputs), count))


def segments(sizes: Sequence[int], limit: int) -> list[range]:
    """Cut a sequence into as few runs as possible, none with a sum above the limit; each size is at most that.

    Examples
    --------
    >>> segments([3, 3, 3, 3, 9], 9)
    [range(0, 3), range(3, 4), range(4, 5)]
    """
    found, begin, total = [], 0, 0
    for at, size in enumerate(sizes):
        if total + size > limit:
            found.append(range(begin, at))
            begin, total = at, 0
        total += size
    return [*found, range(begin, len(sizes))] if sizes else []


def pack_row(code: Assembler, row: RowCode, lanes: Lanes, at: int) -> None:
    """Append what moves the row's values into lanes at an address.

    Nothing below ``at`` is kept for 31 bytes.
    """
    single = {i for word in lanes.words[lanes.strided :] for i in word}
    for i, place in lanes.places:
        if i in single:
            read_value(code, row, i)
            code.push(at + place).op("MSTORE")
    if not lanes.strided:
        return
    code.push(lanes.mask * ((1 << 8 * row.widths[0]) - 1))
    for word, end in enumerate(_ends(row, lanes)):
        code.push(ROW_AT + end - WORD).op("MLOAD", "DUP2", "AND").push(at + WORD * word).op("MSTORE")
    code.op("POP")


def _ends(row: RowCode, lanes: Lanes) -> Iterator[int]:
    """Where each strided word ends in the row: behind the input in its lane 0."""
    for word in lanes.words[: lanes.strided]:
        yield row.offsets[word[0]] + row.widths[word[0]]
