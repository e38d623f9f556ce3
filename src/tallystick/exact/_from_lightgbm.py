"""LightGBM classifier to exact program: splits without loss, leaves rounded down, the error bounded.

Splits. LightGBM compares ``float64(x) <= t``. Rounding to float64 never falls as ``x`` rises, so for every
float ``t`` there is one integer ``T`` with ``float64(x) <= t`` exactly where ``x <= T``; for
``|t| < 2**53`` it is ``floor(t)``. That holds for a model trained and asked with float64 features (LightGBM's Python
package turns integer arrays into float32: hand it float64).

Leaves. ``floor(leaf * 2**scale_bits)`` from the exact fraction; the error of a tree is its worst leaf's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._lightgbm_model import LightgbmTree, read_lightgbm
from tallystick.exact._limits import MAX_SCALE_BITS, check_integer
from tallystick.exact._program import ErrorBound, Feature, Program
from tallystick.exact._trees import Tree

__all__ = ["import_lightgbm"]

_UNIT_ROUNDOFF: Final = Fraction(1, 1 << 53)  # of float64, to nearest
_BEYOND_INT64: Final = 1 << 64


class _Converted(NamedTuple):
    """A tree in integers; ``constant`` instead of a tree where no split separates the domain."""

    tree: Tree | None
    constant: int
    rounding: Fraction  # worst leaf error, in units of the scale
    largest: Fraction  # largest |leaf| of the float model, in units of the scale


def import_lightgbm(
    model: Mapping[str, Any] | str,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    scale_bits: int = 24,
    metadata: Mapping[str, str | int] | None = None,
) -> Program:
    """Turn a LightGBM binary classifier into an exact program, not yet calibrated.

    Parameters
    ----------
    model
        Result of ``Booster.model_to_string()`` or ``Booster.dump_model()``.
    features
        Names and domains, in the order of the model's columns; the names must be the model's.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    scale_bits
        Log-odds are kept in units of 2**-scale_bits.
    metadata
        Facts about the making, kept in the program.

    Returns
    -------
    Program
        ``|raw / 2**scale_bits - Booster.predict(raw_score=True)| <= error bound`` on every row of the domain
        given as float64.

    Raises
    ------
    ProgramError
        The model cannot be expressed exactly; the message says why and what to train instead.
    SpecMismatch
        The model's features are not these.
    """
    check_integer(scale_bits, 0, MAX_SCALE_BITS, "scale_bits")
    source = read_lightgbm(model)
    _check_names(source.feature_names, features)
    converted = [_convert(tree, index, features, scale_bits) for index, tree in enumerate(source.trees)]
    return Program(
        features=tuple(features),
        feature_spec_hash=feature_spec_hash,
        model=TreeEnsemble(
            trees=tuple(item.tree for item in converted if item.tree is not None),
            base=(sum(item.constant for item in converted),),
        ),
        scale_bits=scale_bits,
        error_bound=_bound(converted, scale_bits),
        metadata=metadata or {},
    )


def _check_names(names: Sequence[str], features: Sequence[Feature]) -> None:
    step = "Train with feature_name set to the feature spec's names, in its order."
    if len(names) != len(features):
        cause = f"the model has {len(names)} features, the spec has {len(features)}"
        raise SpecMismatch(cause, field="features", next_step=step)
    for have, want in zip(names, features, strict=True):
        if have != want.name:
            raise SpecMismatch(f"the model has {have} where the spec has {want.name}", feature=have, next_step=step)


def _convert(source: LightgbmTree, index: int, features: Sequence[Feature], scale_bits: int) -> _Converted:
    scale = 1 << scale_bits
    if not all(map(math.isfinite, (*source.threshold, *source.leaf))):
        raise ProgramError(f"tree {index} holds a number that is not finite", field="tree_info", value=index)
    exact = [Fraction(leaf) * scale for leaf in source.leaf]
    leaves = [math.floor(leaf) for leaf in exact]
    thresholds = [_integer_threshold(threshold) for threshold in source.threshold]
    for node, threshold in enumerate(thresholds):
        _check_missing(source, node, threshold, features[source.feature[node]])
    root = _reachable(source, thresholds, features, 0 if source.feature else -1)
    tree = _renumber(source, thresholds, leaves, root, features) if root >= 0 else None
    return _Converted(
        tree=tree,
        constant=0 if tree else leaves[~root],
        rounding=max(leaf - floor for leaf, floor in zip(exact, leaves, strict=True)),
        largest=max(abs(leaf) for leaf in exact),
    )


def _integer_threshold(threshold: float) -> int:
    """Largest integer whose nearest float64 is not above the threshold.

    Integers up to halfway to the next float round to the threshold or below; the one exactly
    halfway does where ties to even say so. Beyond int64 only the sign matters.
    """
    if abs(threshold) >= _BEYOND_INT64:
        return _BEYOND_INT64 if threshold > 0 else -_BEYOND_INT64
    above = Fraction(math.nextafter(threshold, math.inf))
    halfway = math.floor((Fraction(threshold) + above) * Fraction(1, 2))
    return halfway if float(halfway) <= threshold else halfway - 1


def _check_missing(source: LightgbmTree, node: int, threshold: int, feature: Feature) -> None:
    """Refuse a split that sends 0 as "missing" to another side than its comparison would.

    Integers are never NaN, so the missing types None and NaN change nothing.
    """
    if source.missing[node] != "Zero" or not feature.low <= 0 <= feature.high:
        return
    if source.default_left[node] != (threshold >= 0):
        step = "Train with zero_as_missing=false."
        raise ProgramError("the LightGBM model treats 0 as missing", feature=feature.name, next_step=step)


def _reachable(source: LightgbmTree, thresholds: Sequence[int], features: Sequence[Feature], child: int) -> int:
    """Step over nodes where the whole domain goes one way; the first node or leaf that remains."""
    while child >= 0:
        feature = features[source.feature[child]]
        if thresholds[child] < feature.low:
            child = source.right[child]
        elif thresholds[child] >= feature.high:
            child = source.left[child]
        else:
            break
    return child


def _renumber(
    source: LightgbmTree, thresholds: Sequence[int], leaves: Sequence[int], root: int, features: Sequence[Feature]
) -> Tree:
    """Number nodes in pre-order and leaves from left to right, and give each node the mean of its leaves."""
    nodes: list[int] = []  # source numbers, by new number
    ends: list[int] = []
    number: dict[int, int] = {}
    sides: dict[int, tuple[int, int]] = {}
    waiting = [root]
    while waiting:
        child = waiting.pop()
        if child < 0:
            number[child] = ~len(ends)
            ends.append(~child)
            continue
        number[child] = len(nodes)
        nodes.append(child)
        left = _reachable(source, thresholds, features, source.left[child])
        right = _reachable(source, thresholds, features, source.right[child])
        sides[child] = (left, right)
        waiting += (right, left)
    means = _means(nodes, sides, leaves, source.cover)
    return Tree(
        feature=tuple(source.feature[node] for node in nodes),
        threshold=tuple(thresholds[node] for node in nodes),
        left=tuple(number[sides[node][0]] for node in nodes),
        right=tuple(number[sides[node][1]] for node in nodes),
        value=tuple(means[node] for node in nodes),
        leaf=tuple(leaves[leaf] for leaf in ends),
    )


def _means(
    nodes: Sequence[int], sides: Mapping[int, tuple[int, int]], leaves: Sequence[int], cover: Sequence[int]
) -> dict[int, int]:
    """Each node's ``floor(sum(cover * leaf) / sum(cover))`` over the leaves below it."""
    total: dict[int, tuple[int, int]] = {}  # node: sum of cover * leaf, sum of cover
    means = {}
    for node in reversed(nodes):
        below = [
            total[child] if child >= 0 else (cover[~child] * leaves[~child], cover[~child]) for child in sides[node]
        ]
        weighted, count = (sum(column) for column in zip(*below, strict=True))
        if count <= 0:
            step = "Train again: the model has no counts of training rows."
            raise ProgramError(
                "a node of the LightGBM model covers no training row", field="leaf_count", next_step=step
            )
        total[node] = (weighted, count)
        means[node] = weighted // count
    return means


def _bound(converted: Sequence[_Converted], scale_bits: int) -> ErrorBound:
    """Rounding of the leaves, plus float64 summation of n terms: ``n * u / (1 - n * u) * sum(max |leaf|)``."""
    terms = len(converted) * _UNIT_ROUNDOFF
    rounding = sum((item.rounding for item in converted), start=Fraction(0))
    summation = Fraction(terms, 1 - terms) * sum((item.largest for item in converted), start=Fraction(0))
    derivation = (
        f"leaves rounded down to 2**-{scale_bits}: worst leaf of each of {len(converted)} trees, summed exactly; "
        "float64 summation of n terms: n*u/(1-n*u) * sum of largest leaves, u = 2**-53; splits are exact"
    )
    return ErrorBound(math.ceil(rounding + summation), derivation)
