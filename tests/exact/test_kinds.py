"""What holds for programs of every kind: bytes, meaning, explanation, description."""

from __future__ import annotations

import json
import pickle
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact import (
    KIND_FOREST,
    KIND_LINEAR,
    KIND_MLP,
    KIND_TREES,
    DenseLayer,
    ErrorBound,
    Explanation,
    Feature,
    Linear,
    Mlp,
    Program,
    Tree,
    TreeEnsemble,
    describe,
    explain_row,
    program_text,
    score_outputs,
    score_row,
    winner,
)

from .kinds import INT32, KINDS, every_kind
from .programs import INT64, edge_rows

TWO = (Feature("a", 0, 10), Feature("b", -5, 5))
STUMP = Tree((0,), (4,), (-1,), (-2,), (0,), (-3, 8))


def of(model: TreeEnsemble | Linear | Mlp, decision: int = 0) -> Program:
    return Program(TWO, bytes(32), model, 0, ErrorBound(0, "by hand"), decision=decision)


@given(made=every_kind())
def test_round_trip(made: Program) -> None:
    data = made.to_bytes()
    assert Program.from_bytes(data) == made == pickle.loads(pickle.dumps(made))
    assert Program.from_bytes(data).to_bytes() == data


@given(made=every_kind(), data=st.data())
def test_mutated_bytes_are_refused_or_canonical(made: Program, data: st.DataObject) -> None:
    mutated = bytearray(made.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = Program.from_bytes(bytes(mutated))
    except ProgramError:
        return
    assert again.to_bytes() == bytes(mutated)


@pytest.mark.parametrize("make", KINDS.values(), ids=list(KINDS))
def test_invalid_truncated(make: object) -> None:
    data = make(5).to_bytes()
    for size in range(len(data)):
        with pytest.raises(ProgramError, match="cut short"):
            Program.from_bytes(data[:size])


@given(made=every_kind())
def test_decision_is_one_of_the_outputs(made: Program) -> None:
    for row in edge_rows(made, limit=10):
        raws = score_outputs(made, row)
        score = score_row(made, row)
        assert len(raws) == made.model.outputs
        assert all(INT64[0] <= raw <= INT64[1] for raw in raws)
        assert score.raw == raws[made.decision]
        assert score.ppm == made.calibration.at(score.raw)


@given(made=every_kind().filter(lambda made: not isinstance(made.model, Mlp)))
def test_contributions_add_up(made: Program) -> None:
    for row in edge_rows(made, limit=10):
        why = explain_row(made, row)
        assert (why.bias + sum(why.contributions)) // why.divisor == score_row(made, row).raw


@given(made=every_kind())
def test_every_program_has_a_description(made: Program) -> None:
    summary = describe(made)
    assert json.loads(json.dumps(summary)) == summary
    assert program_text(made).startswith(f"program 0x{made.hash.hex()}\n")


def test_forest_by_hand() -> None:
    """Fractions as the oracle: the mean is rounded down, on either side of zero."""
    made = of(TreeEnsemble((STUMP, STUMP, STUMP), (100, -7), (0, 1, 1), 3), decision=1)
    assert made.model.kind == KIND_FOREST
    for a, leaf in ((4, -3), (5, 8)):
        assert score_outputs(made, (a, 0)) == (100 + floor(Fraction(leaf, 3)), -7 + floor(Fraction(2 * leaf, 3)))
    assert score_row(made, (4, 0)).raw == -9
    assert explain_row(made, (5, 0)) == Explanation(-21, (16, 0), 3)
    assert "tree 1 for output 1\n" in program_text(made)


def test_one_plain_output_is_the_first_kind() -> None:
    assert of(TreeEnsemble((STUMP,), (0,))).model.kind == KIND_TREES
    assert of(TreeEnsemble((STUMP,), (0,), divisor=2)).model.kind == KIND_FOREST


def test_linear_by_hand() -> None:
    made = of(Linear(((3, -2), (0, 1)), (7, -1), (2, 1)))
    assert made.model.kind == KIND_LINEAR
    assert score_outputs(made, (10, -5)) == (7 + 30 + 10, -6)
    assert explain_row(made, (10, -5)) == Explanation(7 + 6 - 2, (24, 12))
    assert "weight b: -2 1  center 1\n" in program_text(made)


def test_mlp_by_hand() -> None:
    """Floor, not truncation: -1 >> 1 is -1; and both ends of the clip."""
    hidden = DenseLayer(((1, 0), (-1, 0), (0, 127)), (0, -1, 0), 1, -2, 3)
    made = of(Mlp((hidden, DenseLayer(((1, 10, 100),), (5,), 0, *INT32))))
    assert made.model.kind == KIND_MLP
    assert score_outputs(made, (0, 0)) == (5 + 0 + 10 * -1 + 0,)
    assert score_outputs(made, (9, 5)) == (5 + 3 + 10 * -2 + 100 * 3,)
    assert score_outputs(made, (3, -5)) == (5 + 1 + 10 * -2 + 100 * -2,)
    assert "layer 0: shift 1, clip to [-2, 3]\n" in program_text(made)
    with pytest.raises(ProgramError, match="not a sum over features"):
        explain_row(made, (0, 0))


def test_winner_is_the_first_of_equals() -> None:
    assert [winner(raws) for raws in ([0], [1, 2], [2, 2, 1], [-5, -4, -4])] == [0, 1, 0, 1]


def test_largest_accumulators_are_allowed() -> None:
    rest = INT32[1] - 127 * 10 - 128 * 5
    row = ((127, -128),)
    assert of(Mlp((DenseLayer(row, (rest,), 0, *INT32),))).model.outputs == 1
    with pytest.raises(ProgramError, match="could leave int32"):
        of(Mlp((DenseLayer(row, (rest + 1,), 0, *INT32),)))
    weight = (INT64[1] - 5) // 10
    assert of(Linear(((weight, 0),), (INT64[1] - weight * 10,), (0, 0))).model.outputs == 1
    with pytest.raises(ProgramError, match="could leave int64"):
        of(Linear(((weight, 1),), (INT64[1] - weight * 10,), (0, 0)))


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda: of(TreeEnsemble((STUMP,), (0, 0))), "each tree needs its output"),
        (lambda: of(TreeEnsemble((STUMP,), (0,), (0,))), "each tree needs its output"),
        (lambda: of(TreeEnsemble((STUMP,), (0, 0), (2,))), "tree.output must be in"),
        (lambda: of(TreeEnsemble((STUMP,), ())), "outputs must be in"),
        (lambda: of(TreeEnsemble((STUMP,), (0,), divisor=0)), "divisor must be in"),
        (lambda: of(TreeEnsemble((STUMP,), (0,)), decision=1), "decision must be in"),
        (lambda: of(TreeEnsemble((STUMP,), (INT64[1],), divisor=2)), "could leave int64"),
        (lambda: of(Linear(((1,),), (0,), (0,))), "a weight for each feature"),
        (lambda: of(Linear(((1, 2), (1,)), (0, 0), (0, 0))), "each output and feature"),
        (lambda: of(Linear((), (), (0, 0))), "outputs must be in"),
        (lambda: of(Linear(((1, 1 << 63),), (0,), (0, 0))), "linear numbers must be in"),
        (lambda: of(Linear(((1, 1),), (0,), (11, 0))), "linear.center must be in"),
        (lambda: of(Mlp(())), "layers must be in"),
        (lambda: of(Mlp((DenseLayer(((1,),), (0,), 0, 0, 1),))), "takes 1 inputs and gets 2"),
        (lambda: DenseLayer(((1,), (1, 2)), (0, 0), 0, 0, 1), "each output and input"),
        (lambda: DenseLayer(((128,),), (0,), 0, 0, 1), "layer.weight must be in"),
        (lambda: DenseLayer(((1,),), (1 << 31,), 0, 0, 1), "layer.bias must be in"),
        (lambda: DenseLayer(((1,),), (0,), 32, 0, 1), "layer.shift must be in"),
        (lambda: DenseLayer(((1,),), (0,), 0, 1, 1), "layer.high must be in"),
        (lambda: DenseLayer((), (), 0, 0, 1), "layer.outputs must be in"),
    ],
)
def test_invalid_model(make: object, cause: str) -> None:
    with pytest.raises(ProgramError, match=cause):
        make()


def test_invalid_forest_that_is_a_sum() -> None:
    data = of(TreeEnsemble((STUMP,), (5,), divisor=2)).to_bytes()
    place = data.rindex((5).to_bytes(8, "big") + (2).to_bytes(4, "big")) + 8
    with pytest.raises(ProgramError, match="written as kind 1"):
        Program.from_bytes(data[:place] + (1).to_bytes(4, "big") + data[place + 4 :])


def test_invalid_base_outside_the_first_kind() -> None:
    data = of(Linear(((1, 1),), (0,), (0, 0))).to_bytes()
    with pytest.raises(ProgramError, match="base is 0"):
        Program.from_bytes(data[:45] + (1).to_bytes(8, "big") + data[53:])
