"""A program laid out for the machine: one array of words, cut into the sections that ``_sections.py`` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels_sections as sections
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._layout_masks import lay_out_masks
from tallystick.exact._layout_ranks import lay_out_columns
from tallystick.exact._layout_walks import lay_out_walks
from tallystick.exact._program import Program

__all__ = ["aligned", "common_sections", "lay_out_trees", "pack", "scratch_words"]

MASK_LEAVES: Final = 64  # most leaves of a tree that is run with masks; larger ones cost less to walk
_LINE: Final = 8  # words of a cache line

Words = npt.NDArray[np.int64]


def lay_out_trees(program: Program, model: TreeEnsemble) -> dict[int, npt.NDArray[Any]]:
    """Sections of a program of trees: small ones as masks, and every one as nodes to walk down."""
    output = model.output or (0,) * len(model.trees)
    trees = list(zip(model.trees, output, strict=True))
    masked = [(tree, number) for tree, number in trees if len(tree.leaf) <= MASK_LEAVES]
    columns, places = lay_out_columns([tree for tree, _ in masked])
    return columns | lay_out_masks(masked, places) | lay_out_walks(trees, program.decision, MASK_LEAVES)


def common_sections(program: Program, base: Iterable[int] = (), divisor: int = 1) -> dict[int, npt.NDArray[Any]]:
    """Sections of every program."""
    return {
        sections.NUMBERS: np.array([program.model.outputs, program.decision, divisor], np.int64),
        sections.LOW: np.array([feature.low for feature in program.features], np.int64),
        sections.HIGH: np.array([feature.high for feature in program.features], np.int64),
        sections.STEP_RAW: np.array(program.calibration.raw, np.int64),
        sections.STEP_PPM: np.array(program.calibration.ppm, np.int64),
        sections.BASE: np.array(tuple(base), np.int64),
    }


def pack(content: Mapping[int, npt.NDArray[Any]]) -> Words:
    """Put sections one after the other, each on a cache line of its own, after a table of where they end.

    Sections of bytes are filled up with zeros to a whole word.
    """
    count = sections.SECTIONS
    parts = {number: _words_of(part) for number, part in content.items()}
    size = -(-(2 * count) // _LINE) * _LINE
    table = np.zeros(size, np.int64)
    place = size
    for number, part in parts.items():
        table[2 * number : 2 * number + 2] = place, place + len(part)
        place += -(-len(part) // _LINE) * _LINE
    words = aligned(place)
    words[:] = 0
    words[:size] = table
    for number, part in parts.items():
        words[table[2 * number] : table[2 * number + 1]] = part
    words.flags.writeable = False
    return words


def aligned(count: int) -> Words:
    """So many words, not filled, from the beginning of a cache line on: vectors that cross lines are slow."""
    words = np.empty(count + _LINE, np.int64)
    first = -(words.ctypes.data // 8) % _LINE
    return words[first : first + count]


def scratch_words(words: Words) -> int:
    """Words of working memory that a call needs: a block's leaves and ranks, a byte each."""
    columns = (words[2 * sections.COLUMNS + 1] - words[2 * sections.COLUMNS]) // sections.COLUMN_WORDS
    return int((columns + 1) * sections.BLOCK_ROWS // 8)


def _words_of(part: npt.NDArray[Any]) -> Words:
    data = part.tobytes()
    return np.frombuffer(data + bytes(-len(data) % 8), np.int64)
