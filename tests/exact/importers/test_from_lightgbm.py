"""The importer on models written by hand; ``test_from_lightgbm_train.py`` has trained ones."""

from __future__ import annotations

import copy
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact import Feature, Program, Tree, import_lightgbm, score_row
from tallystick.exact.importers._thresholds import integer_threshold

from ..programs import INT64

FEATURES = (Feature("age_s", 0, 1000), Feature("value", -5, 5))
SPEC = bytes(range(32))

TEXT = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=age_s value
feature_infos=[0:1000] [-5:5]
tree_sizes=1 2

Tree=0
num_leaves=3
num_cat=0
split_feature=1 0
split_gain=2 1
threshold=1.0000000180025095e-35 3.7
decision_type=2 2
left_child=1 -2
right_child=-1 -3
leaf_value=0.3 -0.25 0.125
leaf_weight=1 1 1
leaf_count=10 20 30
internal_value=9 9
internal_weight=9 9
internal_count=60 50
is_linear=0
shrinkage=1


Tree=1
num_leaves=1
num_cat=0
split_feature=
split_gain=
threshold=
decision_type=
left_child=
right_child=
leaf_value=-0.1
leaf_weight=
leaf_count=60
internal_value=
internal_weight=
internal_count=
is_linear=0
shrinkage=1


end of trees

feature_importances:
age_s=1

parameters:
[boosting: gbdt]
end of parameters
"""


def split(feature: int, threshold: float, left: Any, right: Any, **more: Any) -> dict[str, Any]:
    node = {"split_feature": feature, "threshold": threshold, "left_child": left, "right_child": right}
    return node | {"decision_type": "<=", "default_left": True, "missing_type": "None"} | more


def leaf(value: float, count: int) -> dict[str, Any]:
    return {"leaf_value": value, "leaf_count": count}


ROOT = split(1, 1e-35, split(0, 3.7, leaf(-0.25, 20), leaf(0.125, 30)), leaf(0.3, 10))
DUMP = {
    "objective": "binary sigmoid:1",
    "num_class": 1,
    "num_tree_per_iteration": 1,
    "average_output": False,
    "feature_names": ["age_s", "value"],
    "tree_info": [{"tree_structure": ROOT}, {"tree_structure": leaf(-0.1, 60)}],
}


def dump(*roots: Any, **changes: Any) -> dict[str, Any]:
    trees = [{"tree_structure": root} for root in roots]
    return copy.deepcopy(DUMP | ({"tree_info": trees} if roots else {}) | changes)


def imported(model: Any, **options: Any) -> Program:
    return import_lightgbm(model, options.pop("features", FEATURES), SPEC, **options)


def test_text_and_dump_give_the_same_program() -> None:
    made = imported(TEXT, scale_bits=8, metadata={"rows": 60})
    assert made == imported(dump(), scale_bits=8, metadata={"rows": 60})
    assert made.model.trees == (Tree((1, 0), (0, 3), (1, -1), (-3, -2), (7, -7), (-64, 32, 76)),)
    assert made.model.trees[0].value == ((20 * -64 + 30 * 32 + 10 * 76) // 60, (20 * -64 + 30 * 32) // 50)
    assert made.model.base[0] == math.floor(Fraction(-0.1) * 256)
    assert (made.features, made.feature_spec_hash, made.scale_bits) == (FEATURES, SPEC, 8)
    assert made.metadata == {"rows": 60}


def test_error_bound_is_the_worst_leaf_of_each_tree() -> None:
    made = imported(TEXT, scale_bits=8)
    # 0.3 * 256 = 76.8 loses 0.8, -0.1 * 256 = -25.6 loses 0.4; the float sum adds a little
    assert made.error_bound.numerator == 2
    assert "2 trees" in made.error_bound.derivation
    exact = imported(dump(split(0, 3, leaf(0.5, 1), leaf(0.25, 1))), scale_bits=8)
    assert exact.error_bound.numerator == 1  # float summation alone, rounded up
    assert imported(dump(tree_info=[])).error_bound.numerator == 0


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (3.7, 3),
        (3.0, 3),
        (-3.7, -4),
        (-3.0, -3),
        (1.0000000180025095e-35, 0),
        (-1.0000000180025095e-35, -1),
        (0.0, 0),
        (-0.0, 0),
        (3.9999999999999996, 3),
        (2.0**53 - 1, 2**53 - 1),
        (2.0**53, 2**53 + 1),
        (2.0**53 + 2, 2**53 + 2),
        (-(2.0**53), -(2**53)),
        (-(2.0**53) - 2, -(2**53) - 2),
        (-(2.0**53) - 4, -(2**53) - 3),
        (2.0**62, 2**62 + 2**9),
        (1e300, 2**64),
        (-1e300, -(2**64)),
    ],
)
def test_integer_threshold(threshold: float, expected: int) -> None:
    assert integer_threshold(threshold) == expected


@given(
    threshold=st.floats(-(2.0**63), 2.0**63) | st.floats(-1000, 1000) | st.integers(*INT64).map(float),
    offset=st.integers(-3000, 3000),
)
def test_integer_threshold_agrees_with_float_comparison(threshold: float, offset: int) -> None:
    limit = integer_threshold(threshold)
    for value in (limit - 1, limit, limit + 1, limit + offset, math.floor(threshold) + offset):
        assert (float(value) <= threshold) == (value <= limit)


def test_splits_outside_the_domain_are_left_out() -> None:
    one_way = split(0, 1000.0, split(1, -6.5, leaf(9, 0), ROOT), leaf(8, 0))
    assert imported(dump(one_way)).model.trees == imported(dump(ROOT)).model.trees
    inner = split(0, 3, split(0, 1e300, leaf(1, 2), leaf(0, 0)), split(1, -1e300, leaf(0, 0), leaf(2, 3)))
    assert imported(dump(inner)).model.trees == imported(dump(split(0, 3, leaf(1, 2), leaf(2, 3)))).model.trees
    constant = imported(dump(split(0, -1, leaf(9, 0), leaf(2, 5))), scale_bits=0)
    assert (constant.model.trees, constant.model.base[0]) == ((), 2)


def test_floors_of_negative_leaves_and_means() -> None:
    made = imported(dump(split(0, 3, leaf(-0.5, 1), leaf(-1.25, 1))), scale_bits=0)
    assert made.model.trees[0].leaf == (-1, -2)
    assert made.model.trees[0].value == (-2,)


@pytest.mark.parametrize("missing", ["None", "NaN"])
@pytest.mark.parametrize("default_left", [False, True])
def test_missing_values_that_integers_never_have(missing: str, default_left: bool) -> None:
    plain = dump(split(0, 3, leaf(1, 1), leaf(2, 1)))
    other = dump(split(0, 3, leaf(1, 1), leaf(2, 1), missing_type=missing, default_left=default_left))
    assert imported(other) == imported(plain)
    kind = {"None": 0, "NaN": 8}[missing] + 2 * default_left
    assert imported(TEXT.replace("decision_type=2 2", f"decision_type={kind} {kind}")) == imported(TEXT)


@pytest.mark.parametrize(
    ("threshold", "default_left", "low", "allowed"),
    [(3, True, 0, True), (3, False, 0, False), (3, False, 1, True), (-1, False, -5, True), (-1, True, -5, False)],
)
def test_zero_as_missing_where_it_changes_nothing(threshold: int, default_left: bool, low: int, allowed: bool) -> None:
    features = (Feature("age_s", low, 1000), FEATURES[1])
    model = dump(split(0, threshold, leaf(1, 1), leaf(2, 1), missing_type="Zero", default_left=default_left))
    if allowed:
        assert score_row(imported(model, features=features, scale_bits=0), (4, 0)).raw == 2
        return
    with pytest.raises(ProgramError, match="treats 0 as missing") as caught:
        imported(model, features=features)
    assert caught.value.where == {"feature": "age_s"}
    assert "zero_as_missing=false" in caught.value.advice


@pytest.mark.parametrize(
    ("model", "cause", "advice"),
    [
        (dump(objective="regression"), "objective is not binary", "objective=binary"),
        (dump(objective="binary sigmoid:2"), "objective is not binary", "sigmoid=1"),
        (dump(num_tree_per_iteration=3), "objective is not binary", "objective=binary"),
        (dump(average_output=True), "random forests", "boosting=gbdt"),
        (dump(split(0, 3, leaf(1, 1), leaf(2, 1), decision_type="==")), "categorical", "integer features"),
        (dump(split(0, 3, leaf(1, 1) | {"leaf_coeff": []}, leaf(2, 1))), "linear", "linear_tree=false"),
        (dump(split(0, 3, leaf(1, 0), leaf(2, 0))), "covers no training row", "Train again"),
        (dump(split(0, math.nan, leaf(1, 1), leaf(2, 1))), "not finite", "Export"),
        (dump(split(0, 3, leaf(math.inf, 1), leaf(2, 1))), "not finite", "Export"),
        (dump(split(0, 3, leaf(1e300, 1), leaf(2, 1))), "tree numbers must be in", "Export"),
        (dump(split(0, 3, leaf(1, 1), leaf(2, 1), missing_type="Odd")), "not a LightGBM model", "dump_model"),
        (dump(split(7, 3, leaf(1, 1), leaf(2, 1))), "not a LightGBM model", "dump_model"),
        (dump(split(-1, 3, leaf(1, 1), leaf(2, 1))), "not a LightGBM model", "dump_model"),
        ({}, "not a LightGBM model", "dump_model"),
        (None, "not a LightGBM model", "dump_model"),
        ("tree\n", "not a LightGBM model", "model_to_string"),
        (TEXT.replace("binary sigmoid:1", "lambdarank"), "objective is not binary", "objective=binary"),
        (TEXT.replace("label_index=0", "average_output"), "random forests", "boosting=gbdt"),
        (TEXT.replace("decision_type=2 2", "decision_type=2 1"), "categorical", "integer features"),
        (TEXT.replace("decision_type=2 2", "decision_type=2 14"), "not a LightGBM model", "dump_model"),
        (TEXT.replace("is_linear=0", "is_linear=1", 1), "linear", "linear_tree=false"),
        (TEXT.replace("threshold=1.0", "threshold=x"), "not a LightGBM model", "dump_model"),
        (TEXT.replace("leaf_count=10 20 30", "leaf_count=10 20"), "not a LightGBM model", "dump_model"),
        (TEXT.replace("left_child=1 -2", "left_child=1"), "not a LightGBM model", "dump_model"),
        (TEXT.replace("left_child=1 -2", "left_child=0 -2"), "not a LightGBM model", "dump_model"),
        (TEXT.replace("left_child=1 -2", "left_child=1 -9"), "not a LightGBM model", "dump_model"),
    ],
)
def test_invalid_model(model: Any, cause: str, advice: str) -> None:
    with pytest.raises(ProgramError, match=cause) as caught:
        imported(model)
    assert advice in caught.value.advice


def test_invalid_features() -> None:
    with pytest.raises(SpecMismatch, match="2 features, the spec has 1"):
        imported(TEXT, features=FEATURES[:1])
    with pytest.raises(SpecMismatch, match="the model has age_s where the spec has value"):
        imported(TEXT, features=FEATURES[::-1])


@pytest.mark.parametrize("scale_bits", [-1, 63])
def test_invalid_scale(scale_bits: int) -> None:
    with pytest.raises(ProgramError, match="scale_bits must be in"):
        imported(TEXT, scale_bits=scale_bits)


def test_invalid_scale_too_large_for_the_leaves() -> None:
    with pytest.raises(ProgramError):
        imported(dump(split(0, 3, leaf(10, 1), leaf(2, 1))), scale_bits=62)
