"""The undo journal: the last blocks, each with what it changed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from tallystick.errors import FeatureError, ReorgTooDeep
from tallystick.features._undo import Undo

__all__ = ["Journal", "KeptBlock"]


@dataclass(frozen=True)
class KeptBlock:
    """A block that can be taken back.

    Parameters
    ----------
    number
        The block's.
    before
        Block number and time before it, -1 for none.
    counts
        Rows of each table before it.
    labels
        Label events played before it.
    undo
        Rows that it changed, as they were.
    """

    number: int
    before: tuple[int, int]
    counts: np.ndarray
    labels: int
    undo: Undo


class Journal:
    """Blocks that can be taken back, newest last; the oldest falls out when it is full.

    Parameters
    ----------
    depth
        Blocks, at least 0.

    Raises
    ------
    FeatureError
        A negative depth.
    """

    def __init__(self, depth: int) -> None:
        if depth < 0:
            raise FeatureError(f"a journal of {depth} blocks", name="journal_blocks", next_step="Give 0 for none.")
        self.depth = depth
        self.blocks: deque[KeptBlock] = deque(maxlen=depth)

    def __len__(self) -> int:
        return len(self.blocks)

    @property
    def bytes(self) -> int:
        """Memory of the records."""
        return sum(array.nbytes for block in self.blocks for array in block.undo)

    def keep(self, block: KeptBlock) -> None:
        """Add a finished block."""
        self.blocks.append(block)

    def newest_after(self, number: int) -> int:
        """How many kept blocks are newer than a number."""
        return sum(block.number > number for block in self.blocks)

    def pop(self, blocks: int) -> list[KeptBlock]:
        """Remove and return the newest blocks, newest first.

        Raises
        ------
        ReorgTooDeep
            Fewer are kept.
        FeatureError
            A negative number.
        """
        if blocks < 0:
            raise FeatureError(f"{blocks} blocks are to be taken back", name="blocks", next_step="Give 0 or more.")
        if blocks > len(self.blocks):
            cause = f"{blocks} blocks are to be taken back, the engine's journal has {len(self.blocks)} of {self.depth}"
            raise ReorgTooDeep(
                cause, next_step="Load a state from before, or start again; journal_blocks sets the depth."
            )
        return [self.blocks.pop() for _ in range(blocks)]
