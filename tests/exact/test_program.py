from __future__ import annotations

import copy
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from hypothesis import given

from tallystick.errors import ProgramError
from tallystick.exact import Calibration, ErrorBound, Feature, Program, Tree

from .programs import INT64, changed, program, programs, rising

LOW, HIGH = INT64
TREE = program().model.trees[0]


def test_program_is_frozen_and_hashable() -> None:
    with pytest.raises(FrozenInstanceError):
        program().scale_bits = 1
    with pytest.raises(TypeError):
        program().metadata["a"] = 1
    assert hash(program()) == hash(program())
    assert program() == program()
    assert program() != program(base=0)


def test_program_travels_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(program())) == copy.deepcopy(program()) == program()


def test_metadata_is_a_copy() -> None:
    metadata: dict[str, str | int] = {"a": 1}
    made = program(metadata=metadata)
    metadata["a"] = 2
    assert made.metadata == {"a": 1}


def test_hash_names_every_field() -> None:
    base = program()
    others = [
        program(base=-1),
        program(scale_bits=9),
        program(threshold_ppm=1),
        program(feature_spec_hash=bytes(32)),
        program(metadata={}),
        program(error_bound=ErrorBound(3, "by hand")),
        program(error_bound=ErrorBound(2, "by Hand")),
        program(trees=base.model.trees[::-1]),
        program(trees=()),
        program(features=(Feature("age_s", 0, 1001), base.features[1])),
        program(features=(Feature("age", 0, 1000), base.features[1])),
        base.calibrated(Calibration.of([(0, 7)]), 400_000),
    ]
    assert len({other.hash for other in [base, *others]}) == len(others) + 1


def test_calibrated_changes_only_the_decision() -> None:
    calibration = Calibration.of([(0, 1), (1, 2)])
    assert program().calibrated(calibration, 2) == program(calibration=calibration, threshold_ppm=2)


def test_uncalibrated_flags_nothing() -> None:
    made = program()
    bare = Program(made.features, made.feature_spec_hash, made.model, 8, made.error_bound)
    assert (bare.calibration.at(HIGH), bare.threshold_ppm) == (0, 1_000_000)


def test_depth_is_the_longest_path() -> None:
    assert [tree.depth for tree in program().model.trees] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"features": ()}, "features must be in"),
        ({"features": (Feature("a", 0, 1000), Feature("a", -64, 64))}, "names must differ"),
        ({"feature_spec_hash": bytes(31)}, "32 bytes"),
        ({"scale_bits": 63}, "scale_bits must be in"),
        ({"scale_bits": -1}, "scale_bits must be in"),
        ({"base": 1 << 63}, "base must be in"),
        ({"base": True}, "base must be an integer, not bool"),
        ({"base": HIGH}, "could leave int64"),
        ({"threshold_ppm": 1_000_001}, "threshold_ppm must be in"),
        ({"metadata": {"a b": 1}}, "metadata must be 1 to 64 printable"),
        ({"metadata": {"a": 1 << 63}}, "metadata.a must be in"),
        ({"metadata": {"a": 1.5}}, "metadata.a must be an integer, not float"),
        ({"metadata": {"a": "\ud83d\ude00"}}, "metadata.a holds a character as two surrogates"),
        ({"metadata": {"a": True}}, "metadata.a must be an integer, not bool"),
        ({"trees": (replace(TREE, feature=(0, 2)),)}, "tree.feature must be in"),
        ({"trees": (replace(TREE, feature=(0, -1)),)}, "tree.feature must be in"),
        ({"trees": (replace(TREE, threshold=(-1, 0)),)}, "threshold must be in its feature's"),
        ({"trees": (replace(TREE, threshold=(1000, 0)),)}, "threshold must be in its feature's"),
        ({"trees": (Tree((0,), (0,), (-1,), (-2,), (0,), (LOW, HIGH)),)}, "could leave int64"),
        ({"trees": (Tree((0,), (0,), (-1,), (-2,), (0,), (-(1 << 62), 1 << 62)),)}, "could leave int64"),
    ],
)
def test_invalid_program(changes: dict[str, Any], cause: str) -> None:
    with pytest.raises(ProgramError, match=cause):
        program(**changes)


def test_largest_sums_are_allowed() -> None:
    tree = Tree((0,), (0,), (-1,), (-2,), (0,), (0, HIGH - 5))
    assert program(trees=(tree,), base=-5).model.base == (-5,)
    with pytest.raises(ProgramError, match="could leave int64"):
        program(trees=(tree,), base=-6)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"feature": (0,)}, "n of everything"),
        ({"leaf": (1, 2)}, "n of everything"),
        ({"threshold": (1 << 63, 0)}, "tree numbers must be in"),
        ({"leaf": (0, 0, LOW - 1)}, "tree numbers must be in"),
        ({"left": (-1, 1)}, "pre-order"),
        ({"left": (0, -1)}, "pre-order"),
        ({"left": (2, -1)}, "pre-order"),
        ({"left": (1, -2), "right": (-3, -1)}, "pre-order"),
        ({"left": (1, -1), "right": (-3, 2)}, "pre-order"),
        ({"left": (-1, -2), "right": (-2, -3)}, "cannot be reached"),
        ({"right": (-4, -2)}, "pre-order"),
        ({"value": (41, -2)}, "between the leaves"),
        ({"value": (4, -11)}, "between the leaves"),
        ({"value": (4, 40)}, "between the leaves"),
    ],
)
def test_invalid_tree(changes: dict[str, Any], cause: str) -> None:
    with pytest.raises(ProgramError, match=cause):
        replace(TREE, **changes)


def test_invalid_tree_without_nodes() -> None:
    with pytest.raises(ProgramError, match=r"tree\.nodes must be in"):
        Tree((), (), (), (), (), (5,))


def test_invalid_tree_with_too_many_leaves_below() -> None:
    with pytest.raises(ProgramError, match="pre-order"):
        Tree((0, 0), (1, 2), (1, -1), (2, -2), (0, 0), (0, 0, 0))


@pytest.mark.parametrize(
    "arguments", [("", 0, 1), ("a b", 0, 1), ("é", 0, 1), ("a" * 65, 0, 1), (3, 0, 1), ("a", 1, 0), ("a", LOW - 1, 0)]
)
def test_invalid_feature(arguments: tuple[Any, int, int]) -> None:
    with pytest.raises(ProgramError):
        Feature(*arguments)


@pytest.mark.parametrize(("numerator", "text"), [(-1, ""), (1 << 63, ""), (0, "é"), (0, "a\n"), (0, "a" * 65_536)])
def test_invalid_error_bound(numerator: int, text: str) -> None:
    with pytest.raises(ProgramError):
        ErrorBound(numerator, text)


@given(made=programs(max_leaves=8))
def test_any_change_of_order_is_refused(made: Program) -> None:
    for tree in made.model.trees:
        for node in range(len(tree.feature)):
            for side in ("left", "right"):
                children = getattr(tree, side)
                for child in range(-len(tree.leaf) - 1, len(tree.feature) + 1):
                    if child != children[node]:
                        with pytest.raises(ProgramError):
                            replace(tree, **{side: changed(children, node, child)})
        assert tree.depth <= len(tree.feature)
    assert rising(made.calibration.raw)
