"""scikit-learn's affine scalers as single operations, in the order in which their ``transform`` does them.

Source: scikit-learn ``sklearn/preprocessing/_data.py``.
"""

from __future__ import annotations

from typing import Any

from tallystick.errors import ProgramError
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of
from tallystick.exact.importers._steps import Step

__all__ = ["steps_of"]


def steps_of(scaler: Any, features: int) -> list[Step]:
    """Operations of one step of a pipeline.

    Raises
    ------
    ProgramError
        Another transformer, or one that clips.
    """
    if scaler is None or scaler == "passthrough":
        return []
    name = class_of(scaler)
    steps: list[Step] = []
    if name == "StandardScaler":
        if scaler.mean_ is not None and scaler.with_mean:
            steps.append(Step("-", _numbers(scaler.mean_)))
        if scaler.scale_ is not None:
            steps.append(Step("/", _numbers(scaler.scale_)))
    elif name == "MinMaxScaler":
        if scaler.clip:
            step = "Fit the pipeline with MinMaxScaler(clip=False); a program's domain does what clip does."
            raise ProgramError(f"{LIBRARY}'s MinMaxScaler clips", field="clip", next_step=step)
        steps += [Step("*", _numbers(scaler.scale_)), Step("+", _numbers(scaler.min_))]
    else:
        step = "Use StandardScaler or MinMaxScaler, or transform the columns first and fit the model on what comes out."
        cause = f"{LIBRARY}'s {name or type(scaler).__name__} before a model cannot become a program"
        raise ProgramError(cause, field="steps", next_step=step)
    if any(len(step.numbers) != features for step in steps):
        raise ProgramError(f"{LIBRARY}'s {name} is not of the model's features", field="steps", value=features)
    return steps


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
