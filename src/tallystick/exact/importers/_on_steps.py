"""Trees on values that a quantiser turns into integers first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._thresholds import integer_threshold

if TYPE_CHECKING:
    from tallystick.exact.importers._quantiser import Quantiser  # needs numpy; reading a model of integers does not

__all__ = ["trees_on_steps"]


def trees_on_steps(source: FloatTrees, quantisers: Sequence[Quantiser]) -> FloatTrees:
    """The same trees, asked about a quantiser's integers.

    Integer n goes where the middle of its step goes: ``offset + (n + 1/2) * step <= threshold``. A threshold inside a
    step sends part of the step elsewhere in the library; the notes count those thresholds.

    Raises
    ------
    ProgramError
        Another number of quantisers than features, or a split on categories of a value that is not an integer.
    """
    if len(quantisers) != len(source.names):
        cause = f"{len(quantisers)} quantisers for a model of {len(source.names)} features"
        raise ProgramError(cause, field="quantisers", next_step="Declare one quantiser for each feature.")
    trees = []
    inside = 0
    for index, tree in enumerate(source.trees):
        if not all(0 <= feature < len(quantisers) for feature in tree.feature):
            raise ProgramError(f"tree {index} of the {source.library} model names an unknown feature", field="trees")
        moved = [_moved(source, tree, node, quantisers) for node in range(len(tree.feature))]
        inside += sum(between for _, between in moved)
        trees.append(replace(tree, threshold=[threshold for threshold, _ in moved]))
    notes = {**source.notes, "thresholds_inside_steps": inside}
    return replace(source, trees=trees, strict=False, value_bits=53, notes=notes)


def _moved(source: FloatTrees, tree: FloatTree, node: int, quantisers: Sequence[Quantiser]) -> tuple[int, bool]:
    """Largest integer that goes left, and whether its step or the next one is torn."""
    quantiser, threshold = quantisers[tree.feature[node]], tree.threshold[node]
    if not math.isfinite(threshold):
        raise ProgramError(f"a threshold of the {source.library} model is not finite", field="threshold")
    if quantiser.whole:
        return integer_threshold(threshold, source.value_bits, source.strict), False
    if node in tree.categories or node in tree.zero_left:
        step = "Declare the feature's quantiser as whole."
        cause = f"a categorical split of the {source.library} model is on a value that is no integer"
        raise ProgramError(cause, feature=quantiser.name, next_step=step)
    place = (Fraction(threshold) - quantiser.offset) / quantiser.step
    middle = place - Fraction(1, 2)
    return math.ceil(middle) - 1 if source.strict else math.floor(middle), place.denominator != 1
