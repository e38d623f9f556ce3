from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tallystick.errors import RangeError
from tallystick.exact import Explanation, Program, Score, explain_row, score_row

from .programs import edge_rows, program, programs


@pytest.mark.parametrize(
    ("row", "score"),
    [
        ((100, -3), Score(-2 - 10 - 7, 10_000, False)),
        ((100, -2), Score(-2 + 5 - 7, 10_000, False)),
        ((100, 0), Score(-2 + 5 - 7, 10_000, False)),
        ((100, 1), Score(-2 + 5 + 3, 400_000, True)),
        ((101, -3), Score(-2 + 40 - 7, 400_000, True)),
        ((1000, 64), Score(-2 + 40 + 3, 990_000, True)),
    ],
)
def test_score_by_hand(row: tuple[int, int], score: Score) -> None:
    assert score_row(program(), row) == score


def test_explain_by_hand() -> None:
    assert explain_row(program(), (100, 1)) == Explanation(-2 + 4 - 1, (-2 - 4, (5 + 2) + (3 + 1)))


def test_no_trees() -> None:
    assert score_row(program(trees=()), (0, 0)).raw == -2
    assert explain_row(program(trees=()), (0, 0)) == Explanation(-2, (0, 0))


@given(made=programs())
def test_contributions_add_up(made: Program) -> None:
    for row in edge_rows(made, limit=20):
        bias, contributions, _ = explain_row(made, row)
        assert bias + sum(contributions) == score_row(made, row).raw


@given(made=programs(max_leaves=12))
def test_score_agrees_with_leaf_boxes(made: Program) -> None:
    """Oracle: every leaf is a box of conditions, and a row is in exactly one box of each tree."""
    for row in edge_rows(made, limit=10):
        raw = made.model.base[0]
        for tree in made.model.trees:
            boxes: list[tuple[int, list[bool]]] = [(0, [])]
            inside = []
            for child, conditions in boxes:  # grows while it is read
                if child < 0:
                    inside += [tree.leaf[~child]] if all(conditions) else []
                    continue
                below = row[tree.feature[child]] <= tree.threshold[child]
                boxes += [(tree.left[child], [*conditions, below]), (tree.right[child], [*conditions, not below])]
            assert len(inside) == 1
            raw += inside[0]
        assert score_row(made, row).raw == raw


def test_numpy_rows_are_taken() -> None:
    row = np.array([100, 1])
    assert score_row(program(), row) == score_row(program(), (100, 1))
    assert type(score_row(program(), row).raw) is int


@pytest.mark.parametrize("act", [score_row, explain_row])
@pytest.mark.parametrize(
    ("row", "name", "value"),
    [
        ((-1, 0), "age_s", -1),
        ((1001, 0), "age_s", 1001),
        ((0, 65), "value_log2", 65),
        ((0, 1.5), "value_log2", "1.5"),
        ((None, 0), "age_s", "None"),
    ],
)
def test_invalid_value(act: Any, row: Any, name: str, value: object) -> None:
    with pytest.raises(RangeError) as caught:
        act(program(), row)
    assert caught.value.where == {"name": name, "value": value}


@pytest.mark.parametrize("row", [(), (1,), (1, 2, 3)])
def test_invalid_length(row: tuple[int, ...]) -> None:
    with pytest.raises(RangeError, match=f"the row has {len(row)} values, the program has 2 features"):
        score_row(program(), row)
