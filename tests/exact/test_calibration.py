from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact import Calibration

from .programs import INT64, rising

LOW, HIGH = INT64
RAWS = st.integers(LOW, HIGH)
STEPS = st.lists(st.tuples(RAWS, st.integers(0, 1_000_000)), min_size=1, max_size=12).map(
    lambda pairs: list(zip(sorted({raw for raw, _ in pairs}), sorted(ppm for _, ppm in pairs), strict=False))
)


def test_of_merges_and_covers_everything() -> None:
    table = Calibration.of([(-5, 3), (-4, 3), (0, 3), (9, 4), (10, 4)])
    assert table == Calibration((LOW, 9), (3, 4))
    assert [table.at(raw) for raw in (LOW, 8, 9, HIGH)] == [3, 3, 4, 4]


def test_raw_reaching() -> None:
    table = Calibration.of([(0, 3), (9, 40)])
    assert [table.raw_reaching(ppm) for ppm in (0, 3, 4, 40, 41)] == [LOW, LOW, 9, 9, None]


@given(steps=STEPS, raw=RAWS)
def test_at_agrees_with_a_scan(steps: list[tuple[int, int]], raw: int) -> None:
    table = Calibration.of(steps)
    below = [ppm for breakpoint, ppm in steps if breakpoint <= raw]
    assert table.at(raw) == (below[-1] if below else steps[0][1])
    assert rising(table.raw)
    assert rising(table.ppm)


@pytest.mark.parametrize(
    ("raw", "ppm", "cause"),
    [
        ((), (), "at least one"),
        ((LOW,), (), "as many ppm as breakpoints"),
        ((LOW, 1), (2, 2), "calibration.ppm must rise"),
        ((LOW, LOW), (1, 2), "calibration.raw must rise"),
        ((0,), (1,), "must be -2"),
        ((LOW,), (1_000_001,), "calibration.ppm must be in"),
        ((LOW,), (-1,), "calibration.ppm must be in"),
        ((LOW, 1 << 63), (1, 2), "calibration.raw must be in"),
    ],
)
def test_invalid_table(raw: tuple[int, ...], ppm: tuple[int, ...], cause: str) -> None:
    with pytest.raises(ProgramError, match=cause):
        Calibration(raw, ppm)


@pytest.mark.parametrize("steps", [[], [(1, 5), (1, 6)], [(2, 5), (1, 6)], [(1, 6), (2, 5)]])
def test_invalid_steps(steps: list[tuple[int, int]]) -> None:
    with pytest.raises(ProgramError):
        Calibration.of(steps)
