from __future__ import annotations

from itertools import repeat

import pytest

from tallystick.errors import ProgramError
from tallystick.exact import Feature, Linear, Tree, TreeEnsemble
from tallystick.targets.zk import MAX_LOGROWS, MIN_LOGROWS, circuit, logrows_for, refusal
from tallystick.targets.zk._size import size_of

from .programs import KINDS, finished


def ladder(steps: int):
    trees = tuple(Tree((0,), (step,), (-1,), (-2,), (0,), (0, 1)) for step in range(steps))
    return finished((Feature("height", 0, steps),), TreeEnsemble(trees))


def test_logrows_hold_the_rows() -> None:
    for rows in (1, 1_984, 1_985, 4_000, 65_472, 65_473):
        logrows = logrows_for(rows)
        assert rows + 64 <= 1 << logrows
        assert logrows == MIN_LOGROWS or rows + 64 > 1 << (logrows - 1)


def test_invalid_too_large() -> None:
    program = ladder(10_000)
    assert "its circuit could take" in refusal(program)
    with pytest.raises(ProgramError, match="at most 131,008 are proved"):
        circuit(program)
    assert refusal(ladder(5_000)) == ""
    assert logrows_for(size_of(ladder(5_000)).rows) == MAX_LOGROWS


def test_invalid_too_wide() -> None:
    count = 50_000
    features = tuple(Feature(f"f{index}", 0, 1) for index in range(count))
    weight = tuple(repeat((1,) * count, 6))
    assert refusal(finished(features, Linear(weight, (0,) * 6, (0,) * count)))


@pytest.mark.parametrize("kind", KINDS)
def test_small_programs_are_not_refused(kind: str) -> None:
    assert [refusal(KINDS[kind](seed)) for seed in range(5)] == [""] * 5


def test_digits_follow_the_widest_domain_that_is_compared() -> None:
    stump = Tree((0,), (7,), (-1,), (-2,), (0,), (0, 1))
    wide = (Feature("a", 0, (1 << 20) - 1), Feature("b", -(1 << 63), (1 << 63) - 1))
    assert size_of(finished(wide, TreeEnsemble((stump,)))).legs == 2
    stump = Tree((1,), (7,), (-1,), (-2,), (0,), (0, 1))
    assert size_of(finished(wide, TreeEnsemble((stump,)))).legs == 7
