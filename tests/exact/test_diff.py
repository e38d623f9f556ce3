from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given

from tallystick.exact import Calibration, ErrorBound, Feature, Linear, Program, TreeEnsemble, diff_programs

from .kinds import every_kind, random_linear, random_mlp
from .programs import program


@given(old=every_kind(), new=every_kind())
def test_no_changes_means_the_same_program(old: Program, new: Program) -> None:
    assert diff_programs(old, old) == []
    assert bool(diff_programs(old, new)) == (old != new)
    assert json.dumps(diff_programs(old, new))
    assert {c.what: (c.new, c.old) for c in diff_programs(old, new)} == {
        c.what: (c.old, c.new) for c in diff_programs(new, old)
    }


def test_each_field_is_named() -> None:
    base = program()
    model = base.model
    assert isinstance(model, TreeEnsemble)
    changed = {
        "scale_bits": replace(base, scale_bits=9),
        "threshold_ppm": replace(base, threshold_ppm=1),
        "feature_spec_hash": replace(base, feature_spec_hash=bytes(32)),
        "error_bound": replace(base, error_bound=ErrorBound(3, "by hand")),
        "error_bound_derivation": replace(base, error_bound=ErrorBound(2, "guess")),
        "calibration": base.calibrated(Calibration.of([(0, 7)]), 400_000),
        "metadata.rows": replace(base, metadata={"name": "smáll", "rows": 13}),
        "feature.age_s": replace(base, features=(Feature("age_s", 0, 999), base.features[1])),
        "base": replace(base, model=replace(model, base=(7,))),
        "divisor": replace(base, model=replace(model, divisor=2)),
        "order of trees": replace(base, model=replace(model, trees=model.trees[::-1])),
    }
    for what, other in changed.items():
        assert [change.what for change in diff_programs(base, other)] == [what]


def test_trees_are_matched_wherever_they_stand() -> None:
    base = program()
    assert isinstance(base.model, TreeEnsemble)
    fewer = replace(base, model=replace(base.model, trees=base.model.trees[1:]))
    assert [tuple(change) for change in diff_programs(base, fewer)] == [("trees", 2, 1), ("trees only here", 1, 0)]


def test_renamed_and_moved_features() -> None:
    base = program(trees=())
    other = replace(base, features=base.features[::-1])
    assert [change.what for change in diff_programs(base, other)] == ["order of features"]


def test_weights_by_name() -> None:
    base = random_linear(2)
    assert isinstance(base.model, Linear)
    weight = tuple((row[0] + 1, *row[1:]) for row in base.model.weight)
    (change,) = diff_programs(base, replace(base, model=replace(base.model, weight=weight)))
    assert change.what == f"weight.{base.features[0].name}"


def test_perceptrons_differ_as_a_whole() -> None:
    one, two = random_mlp(1), random_mlp(2)
    two = replace(two, features=one.features) if len(two.features) == len(one.features) else two
    assert "model" in [change.what for change in diff_programs(one, two)]
