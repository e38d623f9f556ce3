"""What changed from one program to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._linear import Linear
from tallystick.exact._program import Program

__all__ = ["Change", "diff_programs"]


class Change(NamedTuple):
    """One difference: a path of names, and both values; None where there is none."""

    what: str
    old: Any
    new: Any


def diff_programs(old: Program, new: Program) -> list[Change]:
    """Every difference that decides a score or names the program, in the order of the file.

    Trees are compared as a whole: a tree is kept, removed or added, wherever it stands.

    Examples
    --------
    >>> from tallystick.exact import ErrorBound, Feature
    >>> program = Program((Feature("a", 0, 9),), bytes(32), TreeEnsemble((), (5,)), 0, ErrorBound(0, ""))
    >>> diff_programs(program, program)
    []
    >>> from dataclasses import replace
    >>> diff_programs(program, replace(program, model=TreeEnsemble((), (6,))))
    [Change(what='base', old=[5], new=[6])]
    """
    return [change for change in _changes(old, new) if change.old != change.new]


def _changes(old: Program, new: Program) -> Iterator[Change]:
    yield Change("kind", type(old.model).__name__, type(new.model).__name__)
    for name in ("feature_spec_hash", "scale_bits", "decision", "threshold_ppm"):
        before, after = getattr(old, name), getattr(new, name)
        yield Change(name, *(v.hex() if isinstance(v, bytes) else v for v in (before, after)))
    yield Change("error_bound", old.error_bound.numerator, new.error_bound.numerator)
    yield Change("error_bound_derivation", old.error_bound.derivation, new.error_bound.derivation)
    yield from _features(old, new)
    steps = [list(zip(one.calibration.raw, one.calibration.ppm, strict=True)) for one in (old, new)]
    yield Change("calibration", *([list(step) for step in some] for some in steps))
    for name in sorted({*old.metadata, *new.metadata}):
        yield Change(f"metadata.{name}", old.metadata.get(name), new.metadata.get(name))
    if isinstance(old.model, TreeEnsemble) and isinstance(new.model, TreeEnsemble):
        yield from _trees(old.model, new.model)
    elif isinstance(old.model, Linear) and isinstance(new.model, Linear):
        yield from _linear(old, old.model, new, new.model)
    elif old.model != new.model:
        yield Change("model", "0x" + old.hash.hex(), "0x" + new.hash.hex())


def _features(old: Program, new: Program) -> Iterator[Change]:
    before, after = ({f.name: [f.low, f.high] for f in one.features} for one in (old, new))
    for name in dict.fromkeys([*before, *after]):
        yield Change(f"feature.{name}", before.get(name), after.get(name))
    yield Change("order of features", [n for n in before if n in after], [n for n in after if n in before])


def _trees(old: TreeEnsemble, new: TreeEnsemble) -> Iterator[Change]:
    yield Change("base", list(old.base), list(new.base))
    yield Change("divisor", old.divisor, new.divisor)
    before, after = (
        Counter((tree, model.output[index] if model.output else 0) for index, tree in enumerate(model.trees))
        for model in (old, new)
    )
    yield Change("trees", len(old.trees), len(new.trees))
    yield Change("trees only here", (before - after).total(), (after - before).total())
    if before == after and (old.trees, old.output) != (new.trees, new.output):
        yield Change("order of trees", "the same trees", "in another order")


def _linear(before: Program, old: Linear, after: Program, new: Linear) -> Iterator[Change]:
    yield Change("base", list(old.base), list(new.base))
    columns = [
        {
            f.name: [c, list(w)]
            for f, c, w in zip(one.features, model.center, zip(*model.weight, strict=True), strict=True)
        }
        for one, model in ((before, old), (after, new))
    ]
    for name in dict.fromkeys([*columns[0], *columns[1]]):
        yield Change(f"weight.{name}", columns[0].get(name), columns[1].get(name))
