"""What the table's data and its interpreter agree on: the format of a data contract and the interpreter's memory.

``docs/formats/evm-table-v1.md`` describes both field by field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = [
    "BLOCK",
    "BLOCK_SHIFTS",
    "BUFFER",
    "FIXED",
    "FRONT_AT",
    "HEAD",
    "HEAD_BYTES",
    "JUMP",
    "MAGIC",
    "MAX_SLOTS",
    "MODES",
    "NEXT",
    "OUT",
    "PART_HEAD_BYTES",
    "PART_MAGIC",
    "STOP",
    "TREES_UNROLLED",
    "UNIT",
    "UNIT_SHIFTS",
    "WORD",
    "FixedKind",
    "Section",
    "top_bytes",
]

WORD: Final = 32
STOP: Final = bytes(4)  # begin of data that cannot be run
JUMP: Final = bytes.fromhex("60a05600")  # begin of data that holds its own front: PUSH1 FRONT_AT JUMP
FRONT_AT: Final = 160  # a push among the first 128 bytes, which are data, hides at most the 32 behind them
MAGIC: Final = b"TTb\x01"  # "tally table", version
PART_MAGIC: Final = b"TTp\x01"  # of a contract that another one names

# The interpreter's memory. Lanes of narrow features are below HEAD.
HEAD: Final = 0x120  # copy of the data's first four words: head, program hash, first base, first descriptor
OUT: Final = HEAD + 2 * WORD  # the sum, where there is one output: it begins as the base
NEXT: Final = HEAD + 3 * WORD  # descriptor of the section that is next
BUFFER: Final = HEAD + 4 * WORD  # content of the section that is being read
HEAD_BYTES: Final = 4 * WORD
PART_HEAD_BYTES: Final = 2 * WORD  # of the further contracts of a table

MAX_SLOTS: Final = 64  # narrow lanes of four bytes whose address fits a byte
TREES_UNROLLED: Final = 32

# A section's mode is the address in the interpreter's code where it is handled: five bytes each, from 3.
_NAMES: Final = (
    "end1", "end", "switch", "spans", "narrow", "wide", "bases",
    "depth1", "depth2", "depth3", "depth4", "depth5", "blocks", "nodes",
)  # fmt: skip
MODES: Final = tuple((name, 3 + 5 * index) for index, name in enumerate(_NAMES))

UNIT: Final = 12  # bytes of a node and its two leaves
UNIT_SHIFTS: Final = (192, 160)  # bits below each leaf, when the unit is at the top of a word
BLOCK: Final = 32  # bytes of three nodes and four leaves
BLOCK_SHIFTS: Final = ((32, 96), (0, 64))  # bits below the leaf, by first and second comparison


def top_bytes(levels: int) -> int:
    """Bytes of a word's nodes above units or blocks: the last level's have two places of one byte, the others none.

    Examples
    --------
    >>> [top_bytes(levels) for levels in (1, 2, 3)]
    [5, 14, 32]
    """
    return 5 if levels == 1 else 4 + 2 * top_bytes(levels - 1)


@dataclass(frozen=True)
class FixedKind:
    """Trees of one depth, all laid out alike: levels in the top word, then units or blocks."""

    depth: int
    levels: int
    bottom: int  # UNIT or BLOCK

    @property
    def head(self) -> int:
        """Bytes before the first unit or block."""
        return 0 if self.levels == 0 else 16 if self.levels == 2 else WORD

    @property
    def stride(self) -> int:
        """Bytes of a tree."""
        return self.head + self.bottom * (1 << self.levels)


FIXED: Final = (FixedKind(1, 0, UNIT), FixedKind(2, 0, BLOCK), FixedKind(3, 2, UNIT), FixedKind(4, 3, UNIT),
                FixedKind(5, 3, BLOCK))  # fmt: skip


@dataclass(frozen=True)
class Section:
    """One link of the chain that an interpreter follows.

    Parameters
    ----------
    mode
        Name in :data:`MODES`.
    content
        Bytes that are copied behind the next descriptor.
    count
        Trees, features or words in it, as its mode says; [0, 255].
    place
        Address in memory, or offset in the row; [0, 2**24).
    size
        Instead of the content's, where there is none.
    divisor
        Of the mean, in the last section.
    """

    mode: str
    content: bytes = b""
    count: int = 0
    place: int = 0
    size: int | None = None
    divisor: int = 0

    def descriptor(self, tail: bytes) -> bytes:
        """The word that says what this section is; ``tail`` is its offset, or the address of the next contract."""
        size = WORD + len(self.content) if self.size is None else self.size
        parts = (size.to_bytes(2, "big"), bytes([dict(MODES)[self.mode], self.count]), self.place.to_bytes(3, "big"))
        return (b"".join(parts) + self.divisor.to_bytes(4, "big")).ljust(WORD - len(tail), b"\x00") + tail
