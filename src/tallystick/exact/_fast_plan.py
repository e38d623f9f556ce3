"""Which loops run a program, and what they are handed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tallystick.exact import _kernels as trees
from tallystick.exact import _kernels_dense as dense
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._kernels_sections import BLOCK_ROWS
from tallystick.exact._layout import common_sections, lay_out_trees, pack, scratch_words
from tallystick.exact._layout_dense import lay_out_linear, lay_out_mlp, width_of
from tallystick.exact._linear import Linear
from tallystick.exact._mlp import Mlp
from tallystick.exact._program import Program

__all__ = ["Plan", "plan_of"]

_Words = npt.NDArray[np.int64]


class Plan(NamedTuple):
    """What runs a program."""

    run: Callable[..., int]  # (rows, words, scratch, totals, ppm): -1, or the place of a value outside its domain
    run_row: Callable[[_Words, _Words], tuple[int, int]]  # (row, words): raw and ppm; OUTSIDE for ppm where it is
    words: _Words
    scratch_words: int


def plan_of(program: Program) -> Plan:
    """Lay a program out."""
    model = program.model
    if isinstance(model, TreeEnsemble):
        words = pack(common_sections(program, model.base, model.divisor) | lay_out_trees(program, model))
        return Plan(trees.run_trees, trees.run_tree_row, words, scratch_words(words))
    if isinstance(model, Linear):
        words = pack(common_sections(program, model.base) | lay_out_linear(model))
        return Plan(dense.run_linear, dense.run_linear_row, words, 0)
    return _plan_of_mlp(program, model)


def _plan_of_mlp(program: Program, model: Mlp) -> Plan:
    words, width = pack(common_sections(program) | lay_out_mlp(model)), width_of(model)

    def run_row(row: _Words, its: _Words) -> tuple[int, int]:
        raw, ppm = dense.run_mlp_row(row, its, np.empty(2 * width, np.int32))
        return raw, ppm

    return Plan(dense.run_mlp, run_row, words, width * BLOCK_ROWS)
