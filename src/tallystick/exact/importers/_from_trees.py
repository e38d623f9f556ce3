"""Trees of floats, whichever library trained them, as an exact program with an error bound.

Splits lose nothing (``_thresholds``, ``_categories``). Leaves are ``floor(leaf * 2**scale_bits)`` from the exact
fraction; the error of a tree is its worst leaf's. A base score counts as one more leaf.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._program import UNCALIBRATED, Program
from tallystick.exact._trees import Tree
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._grow import GrownTree, check_shape, grow
from tallystick.exact.importers._on_steps import trees_on_steps
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._sigmoid import share_table, sigmoid_table
from tallystick.units import PPM_ONE

if TYPE_CHECKING:
    from tallystick.exact.importers._quantiser import Quantiser

__all__ = ["check_names", "model_facts", "trees_to_program"]

MAX_GROWN: Final = 1 << 18  # splits of all trees together where categorical splits multiply them
_SMALLEST_FLOAT32: Final = Fraction(1, 1 << 149)  # a product may fall below it


def trees_to_program(
    source: FloatTrees,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    options: ImportOptions | None = None,
    quantisers: Sequence[Quantiser] = (),
) -> Program:
    """Turn trees of floats into an exact program.

    Parameters
    ----------
    source
        What a reader made of a library's model.
    features
        Names and domains, in the order of the model's columns; the names must be the model's where it has any.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    options
        Scale, metadata, calibration.
    quantisers
        One for each feature, where the program's integers stand for floats.

    Returns
    -------
    Program
        ``|raws[k] / 2**scale_bits - the library's own score k before its link| <= error bound`` on every row of the
        domain, given to the library in the type that ``source.value_bits`` says; with quantisers, on the middles of
        their steps.

    Raises
    ------
    ProgramError
        The model cannot be expressed exactly; the message says why and what to do instead.
    SpecMismatch
        The model's features are not these.
    """
    options = options or ImportOptions()
    check_names(source.names, features)
    _check_source(source)
    if quantisers:
        source = trees_on_steps(source, quantisers)
    grown, splits = [], 0
    for index, tree in enumerate(source.trees):
        check_shape(tree, len(features), source.library, index)
        grown.append(grow(tree, source, features, options.scale_bits))
        made = grown[-1].tree
        splits += len(made.feature) if made and tree.categories else 0
        if splits > MAX_GROWN:
            step = "Number the categories so that similar ones are neighbours, merge rare ones, or train fewer trees."
            cause = f"categorical splits cut into intervals of codes make more than {MAX_GROWN:,} splits"
            raise ProgramError(cause, field="trees", next_step=step)
    calibration = UNCALIBRATED
    if options.calibrate and source.link == "logistic":
        calibration = sigmoid_table(Fraction(source.slope), options.scale_bits)
    elif options.calibrate and source.are_shares:
        calibration = share_table(options.scale_bits)
    default_ppm = PPM_ONE if calibration is UNCALIBRATED else PPM_ONE // 2
    return Program(
        features=tuple(features),
        feature_spec_hash=feature_spec_hash,
        model=_ensemble(source, grown, options.scale_bits),
        scale_bits=options.scale_bits,
        error_bound=_bound(source, grown, options.scale_bits),
        calibration=calibration,
        threshold_ppm=default_ppm if options.threshold_ppm is None else options.threshold_ppm,
        decision=options.decision,
        metadata={**model_facts(source), **_maps(quantisers), **options.metadata},
    )


def check_names(names: Sequence[str], features: Sequence[Feature]) -> None:
    """Check that the model's features are these, in this order; the model may have no names.

    Raises
    ------
    SpecMismatch
        Another number of features, or another name.
    """
    step = "Train with feature_name set to the feature spec's names, in its order."
    if len(names) != len(features):
        cause = f"the model has {len(names)} features, the spec has {len(features)}"
        raise SpecMismatch(cause, field="features", next_step=step)
    for have, want in zip(names, features, strict=True):
        if have and have != want.name:
            raise SpecMismatch(f"the model has {have} where the spec has {want.name}", feature=have, next_step=step)


def model_facts(source: FloatTrees | FloatLinear | FloatMlp) -> dict[str, str | int]:
    """Metadata that say what a raw score is."""
    facts: dict[str, str | int] = {"library": source.library, "link": source.link}
    if source.slope != 1:
        facts["link_slope"] = repr(source.slope)
    if source.classes:
        facts["classes"] = json.dumps(list(source.classes))
    return facts | dict(source.notes)


def _maps(quantisers: Sequence[Quantiser]) -> dict[str, str]:
    if not quantisers:
        return {}
    from tallystick.exact.importers._quantiser import QUANTISERS, quantisers_text  # needs numpy

    return {QUANTISERS: quantisers_text(quantisers)}


def _check_source(source: FloatTrees) -> None:
    if not all(map(math.isfinite, (*source.base, source.slope))):
        raise ProgramError(f"the {source.library} model's base score is not finite", field="base_score")
    if not all(0 <= tree.output < len(source.base) for tree in source.trees):
        raise ProgramError(f"a tree of the {source.library} model is of no output", field="trees")


def _ensemble(source: FloatTrees, grown: Sequence[GrownTree], scale_bits: int) -> TreeEnsemble:
    base = [math.floor(Fraction(number) * (1 << scale_bits)) for number in source.base]
    constants = [0] * len(base)
    trees: list[Tree] = []
    output: list[int] = []
    for tree, made in zip(source.trees, grown, strict=True):
        constants[tree.output] += made.constant
        if made.tree is not None:
            trees.append(made.tree)
            output.append(tree.output)
    first = {number: place for place, number in reversed(list(enumerate(output)))}
    for number, constant in enumerate(constants):
        if source.divisor == 1 or number not in first:
            base[number] += constant // source.divisor
        else:  # inside the division, so that the floor is of the whole sum
            trees[first[number]] = _raised(trees[first[number]], constant)
    return TreeEnsemble(tuple(trees), tuple(base), tuple(output) if len(base) > 1 else (), source.divisor)


def _raised(tree: Tree, by: int) -> Tree:
    value = tuple(number + by for number in tree.value)
    return Tree(tree.feature, tree.threshold, tree.left, tree.right, value, tuple(number + by for number in tree.leaf))


def _bound(source: FloatTrees, grown: Sequence[GrownTree], scale_bits: int) -> ErrorBound:
    """The worst output's rounding of leaves, plus its float summation: ``n * u / (1 - n * u) * sum(max |leaf|)``."""
    trees: list[list[GrownTree]] = [[] for _ in source.base]
    for tree, made in zip(source.trees, grown, strict=True):
        trees[tree.output].append(made)
    worst = max(_output_error(source, its, scale_bits, base) for its, base in zip(trees, source.base, strict=True))
    parts: list[str] = [
        f"leaves rounded down to 2**-{scale_bits}: worst leaf of each of {len(grown)} trees, summed exactly",
        f"float{64 if source.sum_bits > 24 else 32} summation of n terms: n*u/(1-n*u) * sum of largest leaves, "
        f"u = 2**-{source.sum_bits}",
        "splits are exact",
    ]
    if any(source.base):
        parts.insert(1, "a base score counts as a tree")
    if source.base_error:
        parts.insert(2, "the library's own rounding of the base score")
    if source.more_roundings or source.divisor > 1:
        parts.insert(-1, "n counts the roundings of products and of the division, too")
    if source.divisor > 1:
        parts.insert(-1, f"sums divided by {source.divisor}, rounded down")
    if len(source.base) > 1:
        parts.insert(-1, f"the worst of {len(source.base)} outputs")
    return ErrorBound(math.ceil(worst), "; ".join(parts))


def _output_error(
    source: FloatTrees, its: Sequence[GrownTree], scale_bits: int, base_score: float | Fraction
) -> Fraction:
    base = Fraction(base_score) * (1 << scale_bits)
    mean = Fraction(1, source.divisor)
    rounding = sum((made.rounding for made in its), start=Fraction(0)) * mean
    largest = sum((made.largest for made in its), start=Fraction(0)) * mean + abs(base)
    count = len(its) + bool(base) + source.more_roundings + (source.divisor > 1)
    unit = 1 << source.sum_bits
    if count >= unit:
        raise ProgramError(f"the {source.library} model has too many trees for a bound on its sum", field="trees")
    error = rounding + (base - math.floor(base)) + Fraction(count, unit - count) * largest
    error += (source.base_error + count * bool(source.more_roundings) * _SMALLEST_FLOAT32) * (1 << scale_bits)
    return error + Fraction(source.divisor - 1, source.divisor)
