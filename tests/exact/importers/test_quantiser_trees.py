from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact.importers import FloatTree, FloatTrees, Quantiser
from tallystick.exact.importers._quantiser_scores import float_scores
from tallystick.exact.importers._quantiser_trees import FeatureCost, quantise_trees

STEP = Quantiser("a", Fraction(0), Fraction(1), 0, 9)  # the first integer stands for [0, 1)
WHOLE = Quantiser.of_whole("a", 0, 9)


def stump(threshold: float, **changes: Any) -> FloatTrees:
    return FloatTrees("x", ["a"], [FloatTree([0], [threshold], [-1], [-2], [1, 2], [1, 1])], [0], **changes)


def moved(source: FloatTrees, rows: list[float], quantiser: Quantiser = STEP) -> tuple[float, FeatureCost]:
    trees, (cost,) = quantise_trees(source, [quantiser], np.array(rows, float).reshape(-1, 1))
    return float(trees.trees[0].threshold[0]), cost


@pytest.mark.parametrize(
    ("threshold", "rows", "want", "misplaced"),
    [
        (3.2, [3.1, 3.5, 3.6], 2, 1),  # two rows of the step go right
        (3.8, [3.1, 3.5, 3.9], 3, 1),
        (3.2, [3.1, 3.15], 3, 0),  # all of the step's rows go left
        (3.8, [3.85, 3.9], 2, 0),
        (3.2, [], 2, 0),  # no rows: the middle of the step decides
        (3.8, [], 3, 0),
        (3.2, [3.1, 3.5], 2, 1),  # as many on each side: the middle again
        (3.8, [3.1, 3.9], 3, 1),
        (3.0, [3.0, 3.0, 3.5], 3, 1),  # the threshold itself goes left
    ],
)
def test_threshold_goes_where_most_rows_are(threshold: float, rows: list[float], want: int, misplaced: int) -> None:
    assert moved(stump(threshold), rows) == (want, FeatureCost("a", 1, int(misplaced > 0), 0, misplaced))


def test_threshold_of_a_strict_comparison() -> None:
    assert moved(stump(3.0, strict=True), [3.0, 3.5])[0] == 2
    assert moved(stump(3.5, strict=True), [3.5, 3.6])[0] == 2


def test_threshold_compares_as_the_library_rounds() -> None:
    above = float(np.float32(3.7)) + 1e-9  # float32 takes it down to the threshold
    assert moved(stump(float(np.float32(3.7)), value_bits=24), [above])[0] == 3
    assert moved(stump(float(np.float32(3.7))), [above])[0] == 2


def test_whole_values_lose_nothing() -> None:
    assert moved(stump(3.7), [3, 4], WHOLE) == (3, FeatureCost("a", 1, 0, 0, 0))


def test_cost_counts_thresholds_that_share_a_step() -> None:
    trees = [stump(value).trees[0] for value in (3.2, 3.2, 3.8, 5.0)]
    _, (cost,) = quantise_trees(FloatTrees("x", ["a"], trees, [0]), [STEP], np.array([[3.5], [9.0]]))
    assert cost == FeatureCost("a", 3, 0, 2, 0)


def test_categories_stay_on_whole_features() -> None:
    tree = FloatTree([0], [0], [-1], [-2], [1, 2], [1, 1], categories={0: frozenset([3, 5])})
    source = FloatTrees("x", ["a"], [tree], [0])
    trees, (cost,) = quantise_trees(source, [WHOLE], np.array([[3.0]]))
    assert (trees.trees[0].categories, cost.thresholds) == (tree.categories, 0)
    with pytest.raises(ProgramError, match="on a value that is no integer"):
        quantise_trees(source, [STEP], np.array([[3.0]]))


@given(st.floats(0, 10), st.lists(st.floats(0, 9.99), max_size=12), st.booleans())
def test_no_other_integer_threshold_leaves_fewer_rows_wrong(threshold: float, rows: list[float], strict: bool) -> None:
    made, cost = moved(stump(threshold, strict=strict), rows)

    def wrong(candidate: float) -> int:
        left = [value < threshold if strict else value <= threshold for value in rows]
        return sum(side != (value // 1 <= candidate) for side, value in zip(left, rows, strict=True))

    assert wrong(made) == cost.rows_misplaced == min(wrong(candidate) for candidate in range(-2, 12))


def test_float_scores_walk_every_kind_of_node() -> None:
    tree = FloatTree(
        feature=[0, 1, 0], threshold=[0, 2.5, -1.0], left=[1, -1, -3], right=[2, -2, -4],
        leaf=[1, 2, Fraction(1, 4), 8], cover=[1] * 4, categories={0: frozenset([3, 5])}, zero_left={2: True},
    )  # fmt: skip
    constant = FloatTree([], [], [], [], [0.5], [1], output=1)
    source = FloatTrees("x", ["a", "b"], [tree, constant], [10, 0], divisor=2)
    rows = np.array([[3, 2.5], [5, 3], [0, 9], [-2, 9], [7, 9]], float)
    assert float_scores(source, rows).tolist() == [[10.5, 0.25], [11, 0.25], [10.125, 0.25], [10.125, 0.25], [14, 0.25]]
