"""The fast interpreter is the reference, bit for bit: every kind, blocks of rows and single ones."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tallystick.errors import InputError, RangeError
from tallystick.exact import (
    DenseLayer,
    FastProgram,
    Feature,
    Linear,
    Mlp,
    Program,
    Tree,
    TreeEnsemble,
    score_outputs,
    score_row,
)
from tallystick.exact._kernels_sections import BLOCK_ROWS

from .kinds import INT32, KINDS, every_kind
from .programs import INT64, Shape, edge_rows, ladder, program, programs, random_program

LARGE = Shape(seed=7, features=6, leaves=[2, 31, 32, 33, 64, 65, 500], reach=1 << 50)


def array(rows: list[list[int]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(rows, np.int64)


def check_equal(made: Program, rows: list[list[int]]) -> None:
    fast, given_rows = FastProgram(made), array(rows).reshape(len(rows), len(made.features))
    raw, ppm = fast.score(given_rows)
    assert (raw.dtype, ppm.dtype) == (np.int64, np.uint32)
    expected = [score_row(made, row) for row in rows]
    assert raw.tolist() == [score.raw for score in expected]
    assert ppm.tolist() == [score.ppm for score in expected]
    outputs = fast.outputs(given_rows)
    assert (outputs.dtype, outputs.shape) == (np.int64, (len(rows), made.model.outputs))
    assert outputs.tolist() == [list(score_outputs(made, row)) for row in rows]
    assert [fast.score_one(row) for row in given_rows] == [score[:2] for score in expected]


@settings(max_examples=60, deadline=None)
@given(made=programs(max_leaves=100))
def test_equals_reference(made: Program) -> None:
    check_equal(made, edge_rows(made, limit=40))


@settings(max_examples=100, deadline=None)
@given(made=every_kind())
def test_every_kind_equals_reference(made: Program) -> None:
    check_equal(made, edge_rows(made, limit=40))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 128, 129, BLOCK_ROWS, 2 * BLOCK_ROWS + 1])
def test_every_kind_in_blocks_of_any_size(kind: str, count: int) -> None:
    made = KINDS[kind](5)
    check_equal(made, (edge_rows(made) * count)[:count])


def test_means_are_rounded_down() -> None:
    tree = Tree((0,), (0,), (-1,), (-2,), (-1,), (-7, 7))
    made = program(trees=(tree,))
    made = finished_model(made, TreeEnsemble((tree,), (10,), (), 2))
    check_equal(made, [[0, 0], [1, 0]])
    assert FastProgram(made).outputs(array([[0, 0], [1, 0]])).tolist() == [[6], [13]]


def test_weighted_sums_reach_the_ends_of_int64() -> None:
    far = (1 << 62) - 1
    features = (Feature("x", *INT64), Feature("y", -far, far))
    model = Linear(((0, 1), (0, -1)), (1 << 62, -(1 << 62)), (0, 0))
    made = finished_model(program(features=features, trees=()), model)
    check_equal(made, [[INT64[0], far], [INT64[1], -far], [0, 0]])
    assert FastProgram(made).outputs(array([[0, far]])).tolist() == [[INT64[1], -INT64[1]]]


def test_perceptron_ignores_what_has_no_weight() -> None:
    """Such a value may be too large for the accumulators."""
    layer = DenseLayer(((0, 2),), (1,), 0, *INT32)
    features = (Feature("x", *INT64), Feature("y", -9, 9))
    made = finished_model(program(features=features, trees=()), Mlp((layer,)))
    check_equal(made, [[INT64[0], 3], [INT64[1], -3], [1 << 31, 9]])


def test_perceptron_accumulators_reach_the_ends_of_int32() -> None:
    layer = DenseLayer(((1, 1, 1, 1, -1), (-1, -1, -1, -1, 1)), (7, -7), 0, *INT32)
    reach = (INT32[1] - 7) // 5
    features = tuple(Feature(f"x{i}", -reach, reach) for i in range(5))
    made = finished_model(program(features=features, trees=()), Mlp((layer,)))
    check_equal(made, [[reach] * 4 + [-reach], [-reach] * 4 + [reach], [0] * 5])


@pytest.mark.parametrize("leaves", [2, 7, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 129, 700])
def test_trees_of_any_size(leaves: int) -> None:
    made = random_program(Shape(leaves, features=3, leaves=[leaves, 3, leaves], reach=1 << 40))
    check_equal(made, edge_rows(made, limit=100))


def test_equals_reference_at_every_threshold_of_large_trees() -> None:
    made = random_program(LARGE)
    rows = edge_rows(made, limit=10_000)
    assert len(rows) > 3 * BLOCK_ROWS
    check_equal(made, rows)


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 255, 256, 300])
def test_ladder_counts_thresholds(steps: int) -> None:
    rows = array([[height] for height in range(steps + 1)])
    assert FastProgram(ladder(steps)).score(rows)[0].tolist() == list(range(steps + 1))


SPREADS = {
    "close": range(40),
    "even": range(0, 40_000_000, 1_000_003),
    "by size": [(1 << bit) + extra for bit in range(2, 62) for extra in (0, 1 << bit - 1)],
    "clustered": [base + step for base in (0, 1 << 20, 1 << 61) for step in range(90)],
    "many": range(0, 7 * 1_000, 7),
    "ends": [0, (1 << 64) - 2],
}


@pytest.mark.parametrize("low", [INT64[0], -(1 << 31), 0])
@pytest.mark.parametrize("spread", SPREADS)
def test_thresholds_spread_in_any_way(low: int, spread: str) -> None:
    """Each way of making buckets, at every threshold and beside it."""
    thresholds = [low + offset for offset in SPREADS[spread] if low + offset < INT64[1]]
    trees = tuple(Tree((0,), (t,), (-1,), (-2,), (0,), (0, 1)) for t in thresholds)
    made = program(features=(Feature("x", *INT64),), trees=trees)
    values = {*INT64, *(t + d for t in thresholds for d in (-1, 0, 1) if INT64[0] <= t + d <= INT64[1])}
    raw, _ = FastProgram(made).score(array([[value] for value in sorted(values)]))
    assert raw.tolist() == [-2 + sum(value > t for t in thresholds) for value in sorted(values)]


@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS])
def test_any_number_of_rows(count: int) -> None:
    made = random_program(LARGE)
    rows = (edge_rows(made) * 2)[:count]
    raw, ppm = FastProgram(made).score(array(rows).reshape(count, 6))
    assert list(zip(raw.tolist(), ppm.tolist(), strict=True)) == [score_row(made, row)[:2] for row in rows]


def finished_model(made: Program, model: Any) -> Program:
    """The same program with another model."""
    return replace(made, model=model)


def test_no_trees() -> None:
    check_equal(program(trees=()), [[0, 0], [1000, 64]])


def test_read_only_rows_are_taken_and_kept() -> None:
    rows = array([[100, 1], [101, -3]])
    rows.flags.writeable = False
    assert FastProgram(program()).score(rows)[0].tolist() == [6, 31]


def test_threads_give_the_same() -> None:
    made = random_program(LARGE)
    fast, rows = FastProgram(made), array(edge_rows(made))
    expected = fast.score(rows)[0]
    with ThreadPoolExecutor(4) as pool:
        for raw, _ in pool.map(fast.score, [rows] * 8):
            assert (raw == expected).all()


@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2]],
        np.zeros((2, 2), np.int32),
        np.zeros((2, 2)),
        np.zeros((2, 2), np.int64).T[::-1],
        np.zeros((2, 2), np.int64, order="F"),
        np.zeros(2, np.int64),
        np.zeros((2, 3), np.int64),
        np.zeros((2, 2, 2), np.int64),
    ],
)
def test_invalid_rows(rows: Any) -> None:
    with pytest.raises(InputError, match="rows must"):
        FastProgram(program()).score(rows)


@pytest.mark.parametrize(("row", "column", "value"), [(0, 0, -1), (3, 1, 65), (BLOCK_ROWS + 5, 0, 1001)])
def test_invalid_value_names_its_place(row: int, column: int, value: int) -> None:
    rows = np.zeros((2 * BLOCK_ROWS, 2), np.int64)
    rows[row, column] = value
    rows[row + 1 :, :] = -1000
    with pytest.raises(RangeError, match=f"row {row} outside") as caught:
        FastProgram(program()).score(rows)
    assert caught.value.where == {"name": program().features[column].name, "value": value}


@pytest.mark.parametrize("kind", KINDS)
def test_invalid_value_of_every_kind(kind: str) -> None:
    made = KINDS[kind](3)
    fast, row = FastProgram(made), edge_rows(made)[0]
    for index, feature in enumerate(made.features):
        for value in {max(feature.low - 1, INT64[0]), min(feature.high + 1, INT64[1])} - {feature.low, feature.high}:
            wrong = array([row, [*row[:index], value, *row[index + 1 :]]])
            for act in (fast.score, fast.outputs):
                with pytest.raises(RangeError, match="row 1 outside"):
                    act(wrong)
            with pytest.raises(RangeError) as caught:
                fast.score_one(wrong[1])
            assert caught.value.where == {"name": feature.name, "value": value}


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_in_any_form(kind: str) -> None:
    made = KINDS[kind](4)
    fast, row = FastProgram(made), edge_rows(made)[2]
    expected = score_row(made, row)[:2]
    wide = np.repeat(array([row]), 2, axis=1)
    frozen = array([row])[0]
    frozen.flags.writeable = False
    for form in (row, tuple(row), array([row])[0], frozen, wide[0, ::2], np.array(row, object)):
        found = fast.score_one(form)
        assert found == expected
        assert [type(number) for number in found] == [int, int]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", [lambda row: row[:-1], lambda row: [*row, 0], lambda row: [*row[:-1], 0.5]])
def test_invalid_one_row(kind: str, change: Any) -> None:
    made = KINDS[kind](4)
    wrong = change(edge_rows(made)[2])
    for form in (wrong, np.array(wrong)):
        with pytest.raises(RangeError):
            FastProgram(made).score_one(form)


def test_errors_give_the_working_memory_back() -> None:
    fast = FastProgram(program())
    with pytest.raises(RangeError):
        fast.score(array([[-1, 0]]))
    assert len(fast._spare) == 1
    fast.score(array([[0, 0]]))
    assert len(fast._spare) == 1
