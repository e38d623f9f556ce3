"""scikit-learn's linear models: ``coef_`` and ``intercept_``."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatLinear
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of

__all__ = ["read_linear_classifier", "read_linear_regressor"]

# Losses of SGDClassifier whose probabilities are the logistic function of the score.
_LOGISTIC_LOSSES: Final = ("log_loss",)


def read_linear_regressor(model: Any, names: list[str]) -> FloatLinear:
    """One output for each target."""
    coefficient, intercept = _numbers(model)
    return FloatLinear(LIBRARY, names, coefficient, intercept)


def read_linear_classifier(model: Any, names: list[str]) -> FloatLinear:
    """One output for two classes, the second one's; else one for each class: ``decision_function``.

    Raises
    ------
    ProgramError
        One-versus-rest probabilities, which no link gives.
    """
    coefficient, intercept = _numbers(model)
    classes = [str(name) for name in model.classes_]
    link, slope = "identity", 1
    name = class_of(model)
    if name in ("LogisticRegression", "LogisticRegressionCV"):
        scheme = getattr(model, "multi_class", "auto")  # gone in scikit-learn 1.8
        if len(coefficient) > 1 and (scheme == "ovr" or model.solver == "liblinear"):
            step = "Train with another solver than liblinear, and without multi_class: its probabilities are a softmax."
            raise ProgramError(f"{LIBRARY}'s {name} is one against the rest", field="multi_class", next_step=step)
        link = "logistic" if len(coefficient) == 1 else "softmax"
        slope = 2 if scheme == "multinomial" and len(coefficient) == 1 else 1  # a softmax of -score and score
    elif name == "SGDClassifier" and model.loss in _LOGISTIC_LOSSES and len(coefficient) == 1:
        link = "logistic"
    return FloatLinear(LIBRARY, names, coefficient, intercept, link, classes, slope=slope)


def _numbers(model: Any) -> tuple[list[list[float]], list[float]]:
    coefficient = model.coef_
    if hasattr(coefficient, "toarray"):  # after sparsify()
        coefficient = coefficient.toarray()
    table = np.atleast_2d(np.asarray(coefficient, np.float64))
    starts = np.broadcast_to(np.asarray(model.intercept_, np.float64).ravel(), len(table))
    return table.tolist(), starts.tolist()
