"""Trees of floats to programs, against walking the float trees with fractions; what cannot be held is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact import UNCALIBRATED, Feature, Program, explain_row, score_outputs
from tallystick.exact.importers import FloatTree, FloatTrees, ImportOptions, _from_trees, trees_to_program
from tallystick.exact.importers._quantiser import Quantiser, quantisers_of
from tallystick.exact.importers._thresholds import round_integer

FEATURES = (Feature("a", -4, 9), Feature("b", 0, 3), Feature("c", (1 << 24) - 3, (1 << 24) + 6))
SPEC = bytes(range(32))


def stump(threshold: float = 0, left: float = 1, right: float = 2, **more: Any) -> FloatTree:
    return FloatTree((0,), (threshold,), (-1,), (-2,), (left, right), (1, 1), **more)


def model(*trees: FloatTree, **more: Any) -> FloatTrees:
    return FloatTrees(**{"library": "Some", "names": ("", "", ""), "trees": trees, "base": (0,)} | more)


def program(source: FloatTrees, features: Sequence[Feature] = FEATURES, **options: Any) -> Program:
    return trees_to_program(source, features, SPEC, ImportOptions(**options))


def random_model(seed: int) -> FloatTrees:
    """Two outputs; thresholds, sets of categories and several kinds of arithmetic."""
    random = Random(seed)
    trees = tuple(random_tree(random) for _ in range(random.randint(0, 6)))
    return model(
        *trees,
        base=(random.uniform(-2, 2), 0),
        divisor=random.choice([1, 3, 7]),
        strict=random.random() < 0.5,
        value_bits=random.choice([24, 53]),
    )


def random_tree(random: Random) -> FloatTree:
    parts: dict[str, list[Any]] = {name: [] for name in ("feature", "threshold", "left", "right")}
    leaves: list[float] = []
    categories = {}

    def grow(depth: int) -> int:
        if depth == 0 or random.random() < 0.2:
            leaves.append(random.uniform(-1, 1))
            return -len(leaves)
        node, feature = len(parts["feature"]), random.randrange(3)
        low, high = FEATURES[feature].low, FEATURES[feature].high
        parts["feature"].append(feature)
        parts["threshold"].append(random.choice([random.uniform(low - 2, high + 2), random.randint(low, high)]))
        if random.random() < 0.3:
            categories[node] = frozenset(random.sample(range(low - 2, high + 3), random.randint(0, 7)))
        parts["left"].append(0)
        parts["right"].append(0)
        parts["left"][node] = grow(depth - 1)
        parts["right"][node] = grow(depth - 1)
        return node

    grow(random.randint(0, 5))
    covers = [random.choice([0, 1, 2.5, 10]) for _ in leaves]
    return FloatTree(**parts, leaf=leaves, cover=covers, output=random.randrange(2), categories=categories)


def leaf_of(source: FloatTrees, tree: FloatTree, row: Sequence[int]) -> int:
    at = 0 if tree.feature else -1
    while at >= 0:
        value = row[tree.feature[at]]
        rounded = round_integer(value, source.value_bits)
        threshold = tree.threshold[at]
        left = rounded < threshold if source.strict else rounded <= threshold
        if at in tree.categories:
            left = value in tree.categories[at]
        at = tree.left[at] if left else tree.right[at]
    return ~at


@given(st.integers(0, 1 << 40), st.integers(0, 30))
def test_rows_reach_the_float_models_leaves(seed: int, scale_bits: int) -> None:
    """Exact: the sum of the floors of the leaves that the float trees say, divided and rounded down."""
    source, scale = random_model(seed), 1 << scale_bits
    made = program(source, scale_bits=scale_bits)
    random = Random(seed)
    base = [math.floor(Fraction(number) * scale) for number in source.base]
    for _ in range(20):
        row = [random.randint(feature.low, feature.high) for feature in FEATURES]
        sums, exact = [0] * 2, [Fraction(0)] * 2
        for tree in source.trees:
            leaf = Fraction(tree.leaf[leaf_of(source, tree, row)])
            sums[tree.output] += math.floor(leaf * scale)
            exact[tree.output] += leaf
        raws = score_outputs(made, row)
        assert list(raws) == [base[k] + sums[k] // source.divisor for k in range(2)]
        for k in range(2):
            score = Fraction(source.base[k]) + exact[k] / source.divisor
            assert abs(raws[k] - score * scale) <= made.error_bound.numerator
        reasons = explain_row(made, row)
        assert (reasons.bias + sum(reasons.contributions)) // reasons.divisor == raws[0]


def test_membership_is_cut_into_intervals() -> None:
    tree = FloatTree(
        (0, 1), (0, 1.5), (1, -1), (-3, -2), (1, 2, 3), (4, 2, 6), categories={0: frozenset({1, 3, 4, 40})}
    )
    (made,) = program(model(tree), scale_bits=0).model.trees
    assert made.threshold == (2, 1, 0, 1, 4, 1)
    assert made.leaf == (3, 1, 2, 3, 1, 2, 3)
    # each of the two copies has half of the left side's weight of 6, and the three right segments a third of 6
    assert made.value[0] == math.floor(Fraction(4 * 1 + 2 * 2 + 6 * 3, 12))


def test_values_that_cannot_come_need_no_split() -> None:
    inner = FloatTree((0, 0), (5, 7), (1, -1), (-3, -2), (1, 2, 3), (1, 1, 1))  # 7 lies beyond the left side of 5
    (made,) = program(model(inner), scale_bits=0).model.trees
    assert (made.threshold, made.leaf) == ((5,), (1, 3))
    everything = stump(categories={0: frozenset(range(-10, 20))})
    assert program(model(everything), scale_bits=0).model.base == (1,)


def test_mean_without_training_rows_is_between_the_sides() -> None:
    (made,) = program(model(replace(stump(left=1, right=4), cover=(0, 0))), scale_bits=0).model.trees
    assert made.value == (2,)


def test_constants_of_an_average() -> None:
    constant = FloatTree((), (), (), (), (0.5,), (1,))
    made = program(model(stump(), constant, constant, divisor=3), scale_bits=1)
    assert made.model.base == (0,)
    assert made.model.trees[0].leaf == (2 + 2, 4 + 2)
    assert made.model.trees[0].value == (3 + 2,)
    assert program(model(constant, constant, divisor=4), scale_bits=2).model.base == (1,)
    assert program(model(constant, stump()), scale_bits=1).model.base == (1,)


def test_bound_counts_every_source_of_error() -> None:
    exact = model(stump(left=1, right=2))
    assert program(exact, scale_bits=4).error_bound.numerator == 1  # float64 summation, rounded up
    single = replace(exact, sum_bits=24, base=(1.0,))
    # two terms of at most 1 and 2: 2u / (1 - 2u) * 3 * 2**24, u = 2**-24
    assert program(single, scale_bits=24).error_bound.numerator == 7
    assert program(replace(single, base_error=Fraction(10)), scale_bits=0).error_bound.numerator == 11
    assert program(replace(single, more_roundings=3), scale_bits=24).error_bound.numerator == 16
    text = program(replace(single, base=(1.0, 0), base_error=Fraction(1), more_roundings=1, divisor=2)).error_bound
    for words in ("base score", "own rounding", "products", "divided by 2", "worst of 2", "float32"):
        assert words in text.derivation


def test_metadata_and_calibration() -> None:
    source = model(stump(), link="logistic", classes=("no", "yes"), slope=2, notes={"more": 1})
    made = program(source, metadata={"rows": 7})
    facts = {"library": "Some", "link": "logistic", "classes": '["no", "yes"]', "link_slope": "2", "more": 1, "rows": 7}
    assert dict(made.metadata) == facts
    assert made.calibration.at(0) == made.threshold_ppm == 500_000
    plain = program(source, calibrate=False)
    assert (plain.calibration, plain.threshold_ppm) == (UNCALIBRATED, 1_000_000)
    assert program(source, threshold_ppm=7).threshold_ppm == 7
    assert trees_to_program(model(stump()), FEATURES, SPEC).calibration is UNCALIBRATED
    assert program(model(stump(output=1), base=(0, 0)), decision=1).decision == 1


def test_quantised_values() -> None:
    quantisers = (
        Quantiser.of("a", "0", "0.5", -4, 9),
        Quantiser.of_whole("b", 0, 3),
        Quantiser.of_whole("c", (1 << 24) - 3, (1 << 24) + 6),
    )
    trees = (
        stump(1.0),
        stump(1.3),
        replace(stump(2.0**24), feature=(2,)),
        replace(stump(), feature=(1,), categories={0: frozenset({1})}),
    )
    source = model(*trees, value_bits=24)
    made = trees_to_program(source, FEATURES, SPEC, ImportOptions(), quantisers)
    assert [tree.threshold[0] for tree in made.model.trees] == [1, 2, (1 << 24) + 1, 1]
    assert made.metadata["thresholds_inside_steps"] == 1
    assert quantisers_of(made) == quantisers
    strict = trees_to_program(replace(source, strict=True), FEATURES, SPEC, ImportOptions(), quantisers)
    assert [tree.threshold[0] for tree in strict.model.trees] == [1, 2, (1 << 24) - 1, 1]
    edge = trees_to_program(model(stump(1.25), strict=True), FEATURES, SPEC, ImportOptions(), quantisers)
    assert edge.model.trees[0].threshold == (1,)  # the middle of step 2 is 1.25 itself


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (model(stump(categories={0: frozenset({1})})), "no integer"),
        (model(stump(zero_left={0: True})), "no integer"),
        (model(stump(math.nan)), "not finite"),
        (model(replace(stump(), feature=(9,))), "unknown feature"),
    ],
)
def test_invalid_quantised(source: FloatTrees, cause: str) -> None:
    quantisers = tuple(Quantiser.of(its.name, "0", "0.5", its.low, its.high) for its in FEATURES)
    with pytest.raises(ProgramError, match=cause):
        trees_to_program(source, FEATURES, SPEC, ImportOptions(), quantisers)


def test_invalid_number_of_quantisers() -> None:
    with pytest.raises(ProgramError, match="1 quantisers for a model of 3 features"):
        trees_to_program(model(stump()), FEATURES, SPEC, None, (Quantiser.of_whole("a", 0, 1),))


@pytest.mark.parametrize(
    "tree",
    [
        replace(stump(), left=(0,)),  # its own child
        replace(stump(), left=(-2,)),  # a leaf twice
        replace(stump(), left=(-3,)),
        replace(stump(), right=(1,)),
        replace(stump(), feature=(3,)),
        replace(stump(), feature=(-1,)),
        replace(stump(), threshold=()),
        replace(stump(), cover=(1,)),
        FloatTree((), (), (), (), (), ()),
    ],
)
def test_invalid_shape(tree: FloatTree) -> None:
    with pytest.raises(ProgramError, match="tree 1 of the Some model is not a tree over 3 features"):
        program(model(stump(), tree))


@pytest.mark.parametrize(
    "tree", [stump(math.inf), stump(left=math.nan), replace(stump(), cover=(1, math.inf)), stump(right=-math.inf)]
)
def test_invalid_number(tree: FloatTree) -> None:
    with pytest.raises(ProgramError, match="not finite"):
        program(model(tree))


def test_invalid_source() -> None:
    with pytest.raises(ProgramError, match="base score is not finite"):
        program(model(base=(math.inf,)))
    with pytest.raises(ProgramError, match="of no output"):
        program(model(stump(output=1)))
    with pytest.raises(ProgramError, match="decision"):
        program(model(stump()), decision=1)
    with pytest.raises(ProgramError, match="treats 0 as missing"):
        program(model(stump(3, zero_left={0: False})))
    assert program(model(stump(3, zero_left={0: True}))).model.trees
    with pytest.raises(ProgramError, match="too many trees"):
        program(model(stump(), sum_bits=1, more_roundings=9))


def test_invalid_features() -> None:
    with pytest.raises(SpecMismatch, match="3 features, the spec has 2"):
        program(model(stump()), FEATURES[:2])
    with pytest.raises(SpecMismatch, match="has x where the spec has b"):
        program(model(stump(), names=("a", "x", "")))
    assert program(model(stump(), names=("a", "", "c"))).features == FEATURES


@pytest.mark.parametrize(
    ("name", "value"), [("scale_bits", 63), ("threshold_ppm", -1), ("iterations", 0), ("iterations", "2")]
)
def test_invalid_options(name: str, value: Any) -> None:
    with pytest.raises(ProgramError, match=name):
        ImportOptions(**{name: value})


def chain(nodes: int, **more: Any) -> FloatTree:
    """One comparison after another on the right side."""
    return FloatTree(
        feature=[0] * nodes,
        threshold=range(nodes),
        left=[-1 - node for node in range(nodes)],
        right=[*range(1, nodes), -1 - nodes],
        leaf=[0] * (nodes + 1),
        cover=[1] * (nodes + 1),
        **more,
    )


def test_deep_trees() -> None:
    wide = (Feature("a", 0, 1 << 20), *FEATURES[1:])
    (made,) = program(model(chain(3000)), wide).model.trees
    assert made.depth == 3000


def test_invalid_too_many_splits() -> None:
    wide = (Feature("a", 0, 1 << 20), *FEATURES[1:])
    with pytest.raises(ProgramError, match="more than 32,767 splits") as caught:
        program(model(chain(33_000)), wide)
    assert "fewer leaves" in caught.value.advice
    alternate = frozenset(range(0, 80_000, 2))
    with pytest.raises(ProgramError, match="because its categorical splits") as caught:
        program(model(stump(categories={0: alternate})), wide)
    assert "neighbours" in caught.value.advice


def test_invalid_categories_make_too_many_splits_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_from_trees, "MAX_GROWN", 100)
    wide = (Feature("a", 0, 100), *FEATURES[1:])
    tree = stump(categories={0: frozenset(range(0, 60, 2))})
    with pytest.raises(ProgramError, match="more than 100 splits") as caught:
        program(model(tree, tree), wide)
    assert "neighbours" in caught.value.advice
    assert program(model(tree, *[stump(5)] * 99), wide).model.trees  # only trees with categories count
