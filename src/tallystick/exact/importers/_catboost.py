"""CatBoost models, as ``save_model(format="json")`` writes them, as trees of floats.

CatBoost turns values into float32, goes right where ``x > border``, adds float64 leaves, then scales and adds the bias.
A one-hot split compares hashes of categories' texts: it goes right where they are equal.

Source: CatBoost ``catboost/libs/model/model_export``, ``catboost/libs/model/cpu/evaluator_impl.cpp``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tallystick.errors import ProgramError, SpecMismatch
from tallystick.exact._declared import Feature
from tallystick.exact.importers._catboost_trees import Columns, free_trees, oblivious_trees
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._reading import parse_json, reading, real, reals, whole

__all__ = ["read_catboost"]

_STEP: Final = "Hand over what CatBoost.save_model('model.json', format='json') wrote, whole."
_ROUNDINGS: Final = 2  # the sum is scaled and the bias is added
_LINKS: Final = {
    "CrossEntropy": "logistic",
    "Expectile": "identity",
    "Huber": "identity",
    "LogCosh": "identity",
    "Logloss": "logistic",
    "Lq": "identity",
    "MAE": "identity",
    "MAPE": "identity",
    "MultiClass": "softmax",
    "MultiClassOneVsAll": "logistic",
    "MultiCrossEntropy": "logistic",
    "MultiLogloss": "logistic",
    "MultiRMSE": "identity",
    "PairLogit": "identity",
    "PairLogitPairwise": "identity",
    "Poisson": "exp",
    "Quantile": "identity",
    "QueryRMSE": "identity",
    "QuerySoftMax": "identity",
    "RMSE": "identity",
    "Tweedie": "exp",
    "YetiRank": "identity",
    "YetiRankPairwise": "identity",
}
_INSTEAD: Final = {
    "ctrs": "Train with one_hot_max_size above the number of categories, or hand over target statistics as features.",
    "text_features": "Train without text_features.",
    "embedding_features": "Train without embedding_features.",
}


def read_catboost(
    model: bytes | str | Mapping[str, Any], features: Sequence[Feature], options: ImportOptions
) -> FloatTrees:
    """Read what ``save_model(format="json")`` wrote.

    Raises
    ------
    ProgramError
        Not such a model, or one that cannot be expressed; the message says what to do instead.
    SpecMismatch
        The model has another number of features.
    """
    with reading("CatBoost", _STEP):
        document = model if isinstance(model, Mapping) else parse_json(model)
        facts = document["model_info"]
        link = _link(facts)
        columns = _columns(document["features_info"], features)
        scale, biases = document["scale_and_bias"]
        base = reals(biases) if isinstance(biases, list) else [real(biases)]
        return FloatTrees(
            library="CatBoost",
            names=columns.names,
            trees=_trees(document, columns, real(scale), len(base), options.iterations),
            base=base,
            value_bits=24,
            link=link,
            classes=[str(name) for name in (facts.get("class_params") or {}).get("class_names", [])],
            more_roundings=_ROUNDINGS,
        )


def _link(facts: Mapping[str, Any]) -> str:
    parameters = facts["params"]
    name = (parse_json(parameters) if isinstance(parameters, str) else parameters)["loss_function"]["type"]
    if name not in _LINKS:
        step = f"Train with one of {', '.join(_LINKS)}."
        cause = "the CatBoost loss function is not supported"
        raise ProgramError(cause, field="loss_function", value=str(name)[:80], next_step=step)
    return _LINKS[name]


def _columns(info: Mapping[str, Any], features: Sequence[Feature]) -> Columns:
    for kind, step in _INSTEAD.items():
        if info.get(kind):
            raise ProgramError(f"the CatBoost model has {kind}", field=kind, next_step=step)
    numeric, categorical = info.get("float_features") or [], info.get("categorical_features") or []
    places = [whole(one["flat_feature_index"]) for one in (*numeric, *categorical)]
    if sorted(places) != list(range(len(places))):
        raise ValueError("columns are missing or named twice")
    if len(places) != len(features):
        cause = f"the model has {len(places)} features, the spec has {len(features)}"
        raise SpecMismatch(cause, field="features", next_step="Give a domain for each column of the training data.")
    names = [""] * len(places)
    for one, place in zip((*numeric, *categorical), places, strict=True):
        names[place] = str(one.get("feature_name") or one.get("feature_id") or "")
    placeholders = [str(place) for place in range(len(names))]
    return Columns(
        names=[""] * len(names) if names == placeholders else names,
        features=features,
        floats={whole(one["feature_index"]): whole(one["flat_feature_index"]) for one in numeric},
        categories={whole(one["feature_index"]): whole(one["flat_feature_index"]) for one in categorical},
    )


def _trees(
    document: Mapping[str, Any], columns: Columns, scale: float, outputs: int, iterations: int | None
) -> list[FloatTree]:
    oblivious = "oblivious_trees" in document
    sources = document["oblivious_trees" if oblivious else "trees"]
    if iterations is not None and iterations > len(sources):
        cause = f"the CatBoost model has {len(sources)} iterations"
        raise ProgramError(cause, field="iterations", value=iterations, next_step="Ask for at most so many.")
    trees: list[FloatTree] = []
    for source in sources[:iterations]:
        trees += (oblivious_trees if oblivious else free_trees)(source, columns, scale, outputs)
    return trees
