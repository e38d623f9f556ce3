"""scikit-learn's histogram gradient boosting: float64 comparisons, categories, float64 leaves.

A split compares ``x <= num_threshold``. A categorical split looks for a code in a set of codes that go left; a code
that training did not see, or a negative one, goes where missing values go. The codes come from an encoder over the
values that training saw, and the encoder's table of columns puts categorical ones first.

Source: scikit-learn ``sklearn/ensemble/_hist_gradient_boosting/_predictor.pyx``, ``gradient_boosting.py``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatTree, FloatTrees
from tallystick.exact.importers._sklearn_boosting import check_iterations
from tallystick.exact.importers._sklearn_names import LIBRARY

__all__ = ["read_hist_gradient_boosting"]

_LARGEST: Final = np.finfo(np.float64).max
_LINKS: Final = {"poisson": "exp", "gamma": "exp"}
_WORD_BITS: Final = 32


class _Columns:
    """The model's columns: where each of the trees' columns comes from, and which values its codes stand for."""

    def __init__(self, model: Any, names: list[str]) -> None:
        self.names = names
        self.source = list(range(len(names)))
        self.values: dict[int, list[int]] = {}  # the trees' column: value of each code
        if model._preprocessor is None:
            return
        categorical = np.flatnonzero(model.is_categorical_).tolist()
        self.source = categorical + np.flatnonzero(~model.is_categorical_).tolist()
        encoder = model._preprocessor.named_transformers_["encoder"]
        for column, categories in enumerate(encoder.categories_):
            self.values[column] = [self._integer(categorical[column], value) for value in _known(categories)]

    def _integer(self, column: int, value: Any) -> int:
        try:
            if int(value) == value:
                return int(value)
        except (OverflowError, TypeError, ValueError):
            pass
        step = "Number the categories yourself, as integers, and train again."
        cause = f"a category of the {LIBRARY} model is not an integer"
        raise ProgramError(cause, feature=self.names[column] or str(column), value=repr(value)[:40], next_step=step)


def _known(categories: Any) -> list[Any]:
    return [value for value in categories.tolist() if value == value]  # without NaN, which is the last one


def read_hist_gradient_boosting(model: Any, names: list[str], iterations: int | None) -> FloatTrees:
    """One output for two classes or a target, else one for each class: the score before the loss's link."""
    columns = _Columns(model, names)
    classes = [str(name) for name in getattr(model, "classes_", ())]
    base = np.asarray(model._baseline_prediction, np.float64).ravel().tolist()
    trees = [
        _tree(predictor, columns, output)
        for stage in check_iterations(model._predictors, iterations)
        for output, predictor in enumerate(stage)
    ]
    link = _LINKS.get(str(model.loss), "identity") if not classes else "logistic" if len(base) == 1 else "softmax"
    return FloatTrees(LIBRARY, names, trees, base, link=link, classes=classes)


def _tree(predictor: Any, columns: _Columns, output: int) -> FloatTree:
    nodes = predictor.nodes
    is_leaf = nodes["is_leaf"].astype(bool)
    splits, leaves = np.flatnonzero(~is_leaf), np.flatnonzero(is_leaf)
    number = np.empty(len(nodes), np.int64)
    number[splits], number[leaves] = np.arange(len(splits)), ~np.arange(len(leaves))
    left, right = (number[nodes[side][splits]] for side in ("left", "right"))
    categories: dict[int, frozenset[int]] = {}
    for place, node in enumerate(nodes[splits]):
        if node["is_categorical"]:
            codes = _members(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
            values = columns.values[int(node["feature_idx"])]
            members = {value for code, value in enumerate(values) if code in codes}
            if node["missing_go_to_left"]:  # all others go left, so name those that do not
                left[place], right[place] = right[place], left[place]
                members = set(values) - members
            categories[place] = frozenset(members)
    # An infinite threshold sends every number left, and so does the largest one.
    threshold = np.clip(nodes["num_threshold"][splits], -_LARGEST, _LARGEST)
    return FloatTree(
        feature=[columns.source[index] for index in nodes["feature_idx"][splits].tolist()],
        threshold=[0 if place in categories else value for place, value in enumerate(threshold.tolist())],
        left=left.tolist(),
        right=right.tolist(),
        leaf=nodes["value"][leaves].tolist(),
        cover=nodes["count"][leaves].tolist(),
        output=output,
        categories=categories,
    )


def _members(words: Any) -> set[int]:
    return {
        _WORD_BITS * place + bit
        for place, word in enumerate(words.tolist())
        for bit in range(_WORD_BITS)
        if word >> bit & 1
    }
