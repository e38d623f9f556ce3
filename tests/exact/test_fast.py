"""The fast interpreter is the reference, bit for bit; its loops are also run as plain Python."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from tallystick.errors import InputError, RangeError
from tallystick.exact import FastProgram, Feature, Program, Tree, _kernels, score_row
from tallystick.exact._bits import trailing_zeros
from tallystick.exact._fast import BLOCK_ROWS
from tallystick.exact._layout import rank_type

from .programs import INT64, Shape, edge_rows, ladder, program, programs, random_program

LARGE = Shape(seed=7, features=6, leaves=[2, 31, 32, 33, 64, 65, 500], reach=1 << 50)


def array(rows: list[list[int]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(rows, np.int64)


def check_equal(made: Program, rows: list[list[int]]) -> None:
    raw, ppm = FastProgram(made).score(array(rows))
    assert (raw.dtype, ppm.dtype) == (np.int64, np.uint32)
    expected = [score_row(made, row) for row in rows]
    assert raw.tolist() == [score.raw for score in expected]
    assert ppm.tolist() == [score.ppm for score in expected]


@settings(max_examples=60, deadline=None)
@given(made=programs(max_leaves=100))
def test_equals_reference(made: Program) -> None:
    check_equal(made, edge_rows(made, limit=40))


def test_equals_reference_at_every_threshold_of_large_trees() -> None:
    made = random_program(LARGE)
    rows = edge_rows(made, limit=10_000)
    assert len(rows) > 3 * BLOCK_ROWS
    check_equal(made, rows)


@pytest.mark.parametrize("steps", [1, 7, 8, 9, 255, 256, 300])
def test_ladder_counts_thresholds(steps: int) -> None:
    rows = array([[height] for height in range(steps + 1)])
    assert FastProgram(ladder(steps)).score(rows)[0].tolist() == list(range(steps + 1))


@pytest.mark.parametrize("span", [(1 << 31) - 3, (1 << 31) - 2, (1 << 31) - 1, 1 << 31, (1 << 63) - 1])
@pytest.mark.parametrize("low", [INT64[0], -(1 << 31), 0])
def test_columns_at_the_edge_of_narrow(low: int, span: int) -> None:
    thresholds = (low, low + span - 1)
    trees = tuple(Tree((0,), (t,), (-1,), (-2,), (0,), (0, 1 << i)) for i, t in enumerate(thresholds))
    made = program(features=(Feature("x", *INT64),), trees=trees)
    values = {INT64[0], INT64[1], *(t + d for t in thresholds for d in (-1, 0, 1))}
    check_equal(made, [[value] for value in sorted(values) if INT64[0] <= value <= INT64[1]])


@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS])
def test_any_number_of_rows(count: int) -> None:
    made = random_program(LARGE)
    rows = (edge_rows(made) * 2)[:count]
    raw, ppm = FastProgram(made).score(array(rows).reshape(count, 6))
    assert list(zip(raw.tolist(), ppm.tolist(), strict=True)) == [score_row(made, row)[:2] for row in rows]


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


def test_rank_type_is_the_smallest() -> None:
    sizes = {0: np.uint8, 255: np.uint8, 256: np.uint16, 65_535: np.uint16, 65_536: np.uint32}
    for size, expected in sizes.items():
        assert rank_type({0: [], 1: [0] * size}) is expected
    assert rank_type({}) is np.uint8


def test_trailing_zeros() -> None:
    for bit in range(32):
        assert trailing_zeros((1 << bit) | (1 << 31)) == bit
    assert trailing_zeros(0) == 32


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_loops_as_plain_python(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The same source without the compiler, so that a wrong compilation could not hide a wrong loop."""
    made = random_program(Shape(seed, features=6, leaves=[2, 33, 70]))
    rows = edge_rows(made, limit=8)
    for name in ("first_outside", "count_below", "rank_columns", "add_trees", "look_up", "score_blocks"):
        plain = getattr(_kernels, name).py_func
        monkeypatch.setattr(_kernels, name, plain)
        monkeypatch.setattr(f"tallystick.exact._fast.{name}", plain, raising=False)
    check_equal(made, rows)
    for row in ([1001, 65], [0, 65]):
        with pytest.raises(RangeError, match="row 1 outside"):
            FastProgram(program()).score(array([[0, 0], row]))
