"""scikit-learn's gradient boosting: a constant, then trees of float32 comparisons times the learning rate.

Source: scikit-learn ``sklearn/ensemble/_gb.py``, ``sklearn/ensemble/_gradient_boosting.pyx``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatTrees
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of
from tallystick.exact.importers._sklearn_trees import float_tree, shape_of

__all__ = ["check_iterations", "read_gradient_boosting"]

_FLOAT32_BITS: Final = 24
_CONSTANT: Final = ("DummyClassifier", "DummyRegressor")


def read_gradient_boosting(model: Any, names: list[str], iterations: int | None) -> FloatTrees:
    """One output for two classes or a target, else one for each class: ``decision_function`` or ``predict``.

    Raises
    ------
    ProgramError
        A start that is itself a model, or exponential loss, whose probability is another function of the score.
    """
    name = class_of(model)
    if not (isinstance(model.init_, str) and model.init_ == "zero") and class_of(model.init_) not in _CONSTANT:
        step = 'Train with init=None or init="zero".'
        cause = f"{LIBRARY}'s {name} starts from another model, {type(model.init_).__name__}"
        raise ProgramError(cause, field="init", next_step=step)
    stages = check_iterations(model.estimators_, iterations)
    outputs = model.estimators_.shape[1]
    classes = [str(name) for name in getattr(model, "classes_", ())]
    # The constant goes through the loss's link: asked of the library, it is the library's own number.
    base = np.asarray(model._raw_predict_init(np.zeros((1, len(names)))))[0]
    trees = []
    for stage in stages:
        for output, estimator in enumerate(stage):
            values = np.asarray(estimator.tree_.value, np.float64)[:, 0, 0] * np.float64(model.learning_rate)
            trees.append(float_tree(shape_of(estimator.tree_), values, output))
    link = "identity" if not classes else "logistic" if outputs == 1 else "softmax"
    return FloatTrees(
        library=LIBRARY,
        names=names,
        trees=trees,
        base=base.tolist(),
        value_bits=_FLOAT32_BITS,
        link=link,
        classes=classes,
        slope=2 if model.loss == "exponential" else 1,  # its probability is the logistic function of twice the score
        more_roundings=1,
    )


def check_iterations(stages: Any, iterations: int | None) -> Any:
    """The first stages, or all.

    Raises
    ------
    ProgramError
        There are not so many.
    """
    if iterations is not None and iterations > len(stages):
        cause = f"the {LIBRARY} model has {len(stages)} iterations"
        raise ProgramError(cause, field="iterations", value=iterations, next_step="Ask for at most so many.")
    return stages[:iterations]
