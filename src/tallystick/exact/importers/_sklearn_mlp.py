"""scikit-learn's perceptrons: ``coefs_`` and ``intercepts_``."""

from __future__ import annotations

from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact.importers._float_models import FloatLayer, FloatMlp
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of

__all__ = ["read_mlp"]

_LINKS: Final = {"identity": "identity", "logistic": "logistic", "softmax": "softmax"}


def read_mlp(model: Any, names: list[str]) -> FloatMlp:
    """One output for two classes, the second one's; else one for each class or target, before the output's activation.

    Raises
    ------
    ProgramError
        Hidden layers of another activation than ReLU or identity, several labels for a row, or another output.
    """
    name = class_of(model)
    if model.activation not in ("relu", "identity"):
        cause = f"{LIBRARY}'s {name} has {model.activation} hidden layers"
        raise ProgramError(cause, field="activation", next_step='Train with activation="relu".')
    if model.out_activation_ not in _LINKS:
        cause = f"{LIBRARY}'s {name} ends in {model.out_activation_}"
        step = "Train with a loss whose output is identity, logistic or softmax."
        raise ProgramError(cause, field="out_activation_", next_step=step)
    if model.out_activation_ == "logistic" and model.n_outputs_ > 1:
        step = "Train one model for each label."
        raise ProgramError(f"{LIBRARY}'s {name} gives several labels to a row", field="n_outputs_", next_step=step)
    last = len(model.coefs_) - 1
    layers = [
        FloatLayer(weight.T.tolist(), bias.tolist(), relu=model.activation == "relu" and number != last)
        for number, (weight, bias) in enumerate(zip(model.coefs_, model.intercepts_, strict=True))
    ]
    classes = [str(name) for name in getattr(model, "classes_", ())]
    return FloatMlp(LIBRARY, names, layers, _LINKS[model.out_activation_], classes)
