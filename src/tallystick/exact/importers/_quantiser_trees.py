"""Thresholds of floats in the domain of quantisers, with the user's rows as the judge of where each one goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tallystick.exact.importers._float_models import FloatTrees
from tallystick.exact.importers._on_steps import trees_on_steps
from tallystick.exact.importers._quantiser import Quantiser

__all__ = ["FeatureCost", "goes_left", "quantise_trees"]


@dataclass(frozen=True)
class FeatureCost:
    """What quantisation did to one feature's thresholds.

    Parameters
    ----------
    name
        The feature's.
    thresholds
        Different ones in the model.
    inside
        Of these, how many fell inside a step that holds rows on both sides of them: no integer threshold is right.
    merged
        Of these, how many fell into a step together with another one.
    rows_misplaced
        Most rows that any one of them has on the wrong side.
    """

    name: str
    thresholds: int
    inside: int
    merged: int
    rows_misplaced: int


@dataclass(frozen=True)
class _Column:
    """One feature's different values in the rows, rising: their integers, and how many rows come before each."""

    values: npt.NDArray[np.float64]
    integers: npt.NDArray[np.int64]
    before: npt.NDArray[np.int64]  # one more than there are values

    @classmethod
    def of(cls, quantiser: Quantiser, values: npt.NDArray[np.float64]) -> _Column:
        different, counts = np.unique(values, return_counts=True)
        before = np.concatenate([[0], np.cumsum(counts)])
        return cls(different, quantiser.integers_of(different), before)

    def misplaced(self, left: int, threshold: int) -> int:
        """Rows that go to another side by the integer threshold; ``left`` values go left by the float one."""
        moved = int(np.searchsorted(self.integers, threshold, side="right"))
        return abs(int(self.before[moved]) - int(self.before[left]))


def goes_left(
    source: FloatTrees, values: npt.NDArray[np.float64], threshold: npt.NDArray[np.float64] | float
) -> npt.NDArray[np.bool_]:
    """Which values the library sends left at a threshold, as it rounds and compares them."""
    if source.value_bits == 24:
        with np.errstate(over="ignore"):
            values = values.astype(np.float32).astype(np.float64)
    return values < threshold if source.strict else values <= threshold


def quantise_trees(
    source: FloatTrees, quantisers: Sequence[Quantiser], rows: npt.NDArray[np.float64]
) -> tuple[FloatTrees, list[FeatureCost]]:
    """Trees that ask about integers, and what that cost.

    Of the integer thresholds on both sides of the float one, the one that leaves fewer rows on the wrong side is taken;
    of equals the one by which the middle of the step goes where the float model sends it.

    Raises
    ------
    ProgramError
        A split on categories of a feature whose values are not whole, or a model with other features.
    """
    moved = trees_on_steps(source, quantisers)
    columns = [_Column.of(its, rows[:, column]) for column, its in enumerate(quantisers)]
    found: dict[tuple[int, float], int] = {}
    trees = []
    for old, new in zip(source.trees, moved.trees, strict=True):
        thresholds = list(new.threshold)
        for node, (feature, threshold) in enumerate(zip(old.feature, map(float, old.threshold), strict=True)):
            if node in old.categories or quantisers[feature].whole:
                continue
            key = (feature, threshold)
            if key not in found:
                left = int(goes_left(source, columns[feature].values, threshold).sum())
                found[key] = _best(columns[feature], quantisers[feature], threshold, int(thresholds[node]), left)
            thresholds[node] = found[key]
        trees.append(replace(new, threshold=thresholds))
    costs = [_cost(source, quantisers[index], column, index, found) for index, column in enumerate(columns)]
    return replace(moved, trees=trees), costs


def _best(column: _Column, quantiser: Quantiser, threshold: float, middle: int, left: int) -> int:
    place = int((Fraction(threshold) - quantiser.offset) // quantiser.step)
    candidates = (middle, place, place - 1)
    return min(candidates, key=lambda candidate: column.misplaced(left, candidate))  # the first of equals


def _cost(
    source: FloatTrees, quantiser: Quantiser, column: _Column, index: int, found: dict[tuple[int, float], int]
) -> FeatureCost:
    if quantiser.whole:
        its = {
            threshold
            for tree in source.trees
            for node, (feature, threshold) in enumerate(zip(tree.feature, tree.threshold, strict=True))
            if feature == index and node not in tree.categories
        }
        return FeatureCost(quantiser.name, len(its), 0, 0, 0)
    here = {threshold: made for (feature, threshold), made in found.items() if feature == index}
    wrong = [
        column.misplaced(int(goes_left(source, column.values, threshold).sum()), made)
        for threshold, made in here.items()
    ]
    steps = [quantiser.integer_of(threshold) for threshold in here]
    merged = sum(steps.count(step) > 1 for step in steps)
    return FeatureCost(quantiser.name, len(here), sum(rows > 0 for rows in wrong), merged, max(wrong, default=0))
