"""XGBoost models, JSON or UBJSON, as trees of floats or as a linear model.

XGBoost turns values into float32, goes left where ``x < t``, and adds float32 leaves to the base score in float32. A
categorical split sends members right, and all others left: unseen, negative and too large ones among them.

Source: XGBoost ``src/predictor``, ``src/common/categorical.h`` (``Decision``), ``src/objective/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import CODES_NOTE, FloatLinear, FloatTree, FloatTrees
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._reading import parse_json, reading, real, reals, whole, wholes
from tallystick.exact.importers._sigmoid import LOG_BITS, log_odds
from tallystick.exact.importers._thresholds import to_float32
from tallystick.exact.importers._ubjson import parse_ubjson

__all__ = ["read_xgboost"]

_STEP: Final = "Hand over what Booster.save_model('model.json') or Booster.save_raw('json') wrote, whole."
_UNIT: Final = Fraction(1, 1 << 24)  # roundoff of float32, to nearest
_OUT_OF_RANGE: Final = 1 << 24  # categories from here on count as unseen
_DART_ROUNDINGS: Final = 3  # weight times leaf, around the base score

# How base_score, as predict would say it, becomes a margin; and the link back.
_OBJECTIVES: Final = {
    "binary:hinge": ("identity", "identity"),
    "binary:logistic": ("logistic", "logistic"),
    "binary:logitraw": ("identity", "identity"),
    "count:poisson": ("exp", "exp"),
    "multi:softmax": ("identity", "softmax"),
    "multi:softprob": ("identity", "softmax"),
    "rank:map": ("identity", "identity"),
    "rank:ndcg": ("identity", "identity"),
    "rank:pairwise": ("identity", "identity"),
    "reg:absoluteerror": ("identity", "identity"),
    "reg:gamma": ("exp", "exp"),
    "reg:linear": ("identity", "identity"),
    "reg:logistic": ("logistic", "logistic"),
    "reg:pseudohubererror": ("identity", "identity"),
    "reg:quantileerror": ("identity", "identity"),
    "reg:squarederror": ("identity", "identity"),
    "reg:squaredlogerror": ("identity", "identity"),
    "reg:tweedie": ("exp", "exp"),
    "survival:aft": ("exp", "exp"),
    "survival:cox": ("exp", "exp"),
}


class _Header(NamedTuple):
    """What holds for the whole model."""

    names: list[str]
    outputs: int
    base: list[float | Fraction]
    base_error: Fraction
    link: str


def read_xgboost(model: bytes | str | Mapping[str, Any], options: ImportOptions) -> FloatTrees | FloatLinear:
    """Read what ``Booster.save_model`` or ``save_raw`` wrote, as ``.json`` or ``.ubj``.

    Raises
    ------
    ProgramError
        Not such a model, or one that cannot be expressed; the message says what to do instead.
    """
    with reading("XGBoost", _STEP):
        learner = _document(model)["learner"]
        header = _header(learner)
        booster = learner["gradient_booster"]
        name = booster["name"]
        if name == "gblinear":
            return _linear(booster["model"], header, options)
        if name not in ("gbtree", "dart"):
            cause = "the XGBoost booster is not supported"
            step = "Train with booster=gbtree, dart or gblinear."
            raise ProgramError(cause, field="booster", value=str(name)[:80], next_step=step)
        drops = reals(booster["weight_drop"]) if name == "dart" else None
        inner = (booster["gbtree"] if name == "dart" else booster)["model"]
        trees = _trees(inner, drops)
        used = trees[: _trees_used(learner, inner, len(trees), header.outputs, options)]
        return FloatTrees(
            library="XGBoost",
            names=header.names,
            trees=used,
            base=header.base,
            strict=True,
            value_bits=24,
            sum_bits=24,
            link=header.link,
            base_error=header.base_error,
            more_roundings=0 if drops is None else _DART_ROUNDINGS,
            notes=CODES_NOTE if any(one["values"] for one in inner.get("cats", {}).get("enc", [])) else {},
        )


def _document(model: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(model, Mapping):
        return model
    if isinstance(model, bytes) and model.startswith(b"{") and model[1:2] in (b"L", b"i", b"U", b"I", b"l"):
        document: dict[str, Any] = parse_ubjson(model)  # it starts with a brace
        return document
    return parse_json(model)


def _header(learner: Mapping[str, Any]) -> _Header:
    parameters = learner["learner_model_param"]
    objective = learner["objective"]["name"]
    if objective not in _OBJECTIVES:
        step = f"Train with one of {', '.join(_OBJECTIVES)}."
        cause = "the XGBoost objective is not supported"
        raise ProgramError(cause, field="objective", value=str(objective)[:80], next_step=step)
    transform, link = _OBJECTIVES[objective]
    outputs = max(1, whole(parameters["num_class"]), whole(parameters.get("num_target", 1)))
    scores = _base_scores(parameters["base_score"], outputs)
    margins = [_margin(score, transform) for score in scores]
    names = [str(name) for name in learner.get("feature_names", [])]
    return _Header(
        names=names or [""] * _checked_width(whole(parameters["num_feature"])),
        outputs=len(margins),
        base=[margin for margin, _ in margins],
        base_error=max(error for _, error in margins),
        link=link,
    )


def _checked_width(features: int) -> int:
    if not 0 <= features < 1 << 16:
        raise ValueError(f"{features} features")
    return features


def _base_scores(text: Any, outputs: int) -> list[float]:
    """One number, or since XGBoost 3 a list of them as text, for each output."""
    listed = isinstance(text, str) and text.startswith("[")
    scores = [to_float32(real(part)) for part in (text.strip("[]").split(",") if listed else [text])]
    if not 1 <= outputs < 1 << 16 or len(scores) not in (1, outputs):
        raise ValueError(f"{len(scores)} base scores for {outputs} outputs")
    return scores * outputs if len(scores) == 1 else scores


def _margin(score: float, transform: str) -> tuple[float | Fraction, Fraction]:
    """The base score before the link, and how far XGBoost's own float32 logarithm of it may be.

    With ``u = 2**-24``: ``1/p`` and ``1/p - 1`` are rounded, which moves the logarithm by at most ``u / (1 - p)`` and
    ``u``; the logarithm itself is off by at most four units in its last place. All is doubled, for second-order terms.
    """
    if transform == "identity":
        return score, Fraction(0)
    exact = Fraction(score)
    logistic = transform == "logistic"
    rest = 1 - exact if logistic else Fraction(1)
    if exact <= 0 or rest < 8 * _UNIT:
        step = "Train with a base_score inside the range of the objective, such as 0.5."
        raise ProgramError("XGBoost's base score has no margin", field="base_score", value=score, next_step=step)
    common = exact.denominator * rest.denominator
    margin = Fraction(log_odds(int(exact * common), int(rest * common)), 1 << LOG_BITS)
    error = 8 * _UNIT * abs(margin) + (2 * _UNIT / rest + 4 * _UNIT if logistic else 0) + Fraction(1, 1 << 100)
    return margin, error


def _trees(model: Mapping[str, Any], drops: Sequence[float] | None) -> list[FloatTree]:
    groups = wholes(model["tree_info"])
    weights = [1] * len(groups) if drops is None else [to_float32(weight) for weight in drops]
    trees = list(zip(model["trees"], groups, weights, strict=True))
    return [_tree(tree, group, weight) for tree, group, weight in trees]


def _tree(tree: Mapping[str, Any], output: int, weight: float) -> FloatTree:
    if whole(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        step = "Train with multi_strategy=one_output_per_tree."
        raise ProgramError("the XGBoost model has leaves of several outputs", field="size_leaf_vector", next_step=step)
    left, right = wholes(tree["left_children"]), wholes(tree["right_children"])
    feature = [number & 0x7FFFFFFF for number in wholes(tree["split_indices"])]
    value = [to_float32(number) for number in reals(tree["split_conditions"])]
    cover = [to_float32(number) for number in reals(tree["sum_hessian"])]
    sets = _categories(tree)
    if len({len(left), len(right), len(feature), len(value), len(cover)}) != 1:
        raise ValueError("a tree's lists differ in length")
    nodes = [node for node, child in enumerate(left) if child >= 0]
    leaves = [node for node, child in enumerate(left) if child < 0]
    number = {node: new for new, node in enumerate(nodes)} | {leaf: ~new for new, leaf in enumerate(leaves)}
    members = {number[node]: values for node, values in sets.items()}
    sides = [(right, left) if new in members else (left, right) for new in range(len(nodes))]  # members go left
    return FloatTree(
        feature=[feature[node] for node in nodes],
        threshold=[value[node] for node in nodes],
        left=[number[side[0][node]] for node, side in zip(nodes, sides, strict=True)],
        right=[number[side[1][node]] for node, side in zip(nodes, sides, strict=True)],
        leaf=[Fraction(value[leaf]) * Fraction(weight) for leaf in leaves],
        cover=[cover[leaf] for leaf in leaves],
        output=output,
        categories=members,
    )


def _categories(tree: Mapping[str, Any]) -> dict[int, frozenset[int]]:
    """Members of the set at each categorical node; they go right."""
    if not any(wholes(tree.get("split_type", []))):
        return {}
    values = wholes(tree["categories"])
    parts = zip(
        wholes(tree["categories_nodes"]),
        wholes(tree["categories_segments"]),
        wholes(tree["categories_sizes"]),
        strict=True,
    )
    sets: dict[int, frozenset[int]] = {}
    at = 0
    for node, start, size in parts:
        if start != at or size < 0 or at + size > len(values):
            raise ValueError("categories of a node are not in its tree")
        at += size
        sets[node] = frozenset(value for value in values[start:at] if 0 <= value < _OUT_OF_RANGE)
    if set(sets) != {node for node, kind in enumerate(tree["split_type"]) if kind}:
        raise ValueError("a categorical node has no categories")
    return sets


def _trees_used(
    learner: Mapping[str, Any], model: Mapping[str, Any], trees: int, outputs: int, options: ImportOptions
) -> int:
    """Trees of the rounds asked for, or up to the best round where training stopped early, or all."""
    parallel = max(1, whole(model["gbtree_model_param"].get("num_parallel_tree", 1)))
    starts = (
        wholes(model["iteration_indptr"]) if "iteration_indptr" in model else [*range(0, trees + 1, parallel * outputs)]
    )
    rounds = options.iterations
    best = learner.get("attributes", {}).get("best_iteration")
    if rounds is None:
        rounds = len(starts) - 1 if best is None else whole(best) + 1
    if not 0 <= rounds < len(starts) or not 0 <= starts[rounds] <= trees:
        cause = f"the XGBoost model has {len(starts) - 1} iterations"
        raise ProgramError(cause, field="iterations", value=rounds, next_step="Ask for at most so many.")
    return starts[rounds]


def _linear(model: Mapping[str, Any], header: _Header, options: ImportOptions) -> FloatLinear:
    if options.iterations is not None:
        step = "Train with so many rounds."
        raise ProgramError("XGBoost's gblinear keeps its last round only", field="iterations", next_step=step)
    if len(set(header.base)) > 1:  # XGBoost 3.2 adds the first output's base score to all of them
        step = "Train with a single base_score, such as 0.5."
        cause = "XGBoost's gblinear does not keep its outputs' base scores apart"
        raise ProgramError(cause, field="base_score", next_step=step)
    weights = [to_float32(number) for number in reals(model["weights"])]
    features, outputs = len(header.names), header.outputs
    if len(weights) != (features + 1) * outputs:
        raise ValueError(f"{len(weights)} weights for {features} features and {outputs} outputs")
    rows = [weights[start : start + outputs] for start in range(0, len(weights), outputs)]
    # Bias and base score are rounded on their own, however much of them cancels.
    largest = max(abs(Fraction(bias)) + abs(Fraction(base)) for bias, base in zip(rows[-1], header.base, strict=True))
    return FloatLinear(
        library="XGBoost",
        names=header.names,
        coefficient=[[row[output] for row in rows[:-1]] for output in range(outputs)],
        intercept=[Fraction(bias) + Fraction(base) for bias, base in zip(rows[-1], header.base, strict=True)],
        link=header.link,
        value_bits=24,
        sum_bits=24,
        base_error=header.base_error + 2 * (features + 1) * _UNIT * largest,
    )
