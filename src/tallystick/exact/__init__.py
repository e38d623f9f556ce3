"""Exact programs: frozen models in integers, their format, and two interpreters that agree to the last bit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tallystick.exact._calibration import Calibration
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._describe import describe, program_text
from tallystick.exact._diff import Change, diff_programs
from tallystick.exact._ensemble import KIND_FOREST, KIND_TREES, TreeEnsemble
from tallystick.exact._files import load_program, save_program
from tallystick.exact._linear import KIND_LINEAR, Linear
from tallystick.exact._mlp import KIND_MLP, DenseLayer, Mlp
from tallystick.exact._program import UNCALIBRATED, Model, Program
from tallystick.exact._reference import Explanation, Score, check_row, explain_row, score_outputs, score_row, winner
from tallystick.exact._trees import Tree
from tallystick.exact.importers import import_lightgbm

if TYPE_CHECKING:
    from tallystick.exact._fast import FastProgram

__all__ = [
    "KIND_FOREST",
    "KIND_LINEAR",
    "KIND_MLP",
    "KIND_TREES",
    "UNCALIBRATED",
    "Calibration",
    "Change",
    "DenseLayer",
    "ErrorBound",
    "Explanation",
    "FastProgram",
    "Feature",
    "Linear",
    "Mlp",
    "Model",
    "Program",
    "Score",
    "Tree",
    "TreeEnsemble",
    "check_row",
    "describe",
    "diff_programs",
    "explain_row",
    "import_lightgbm",
    "load_program",
    "program_text",
    "save_program",
    "score_outputs",
    "score_row",
    "winner",
]


def __getattr__(name: str) -> Any:
    if name == "FastProgram":  # numba takes a second to import; reading a program does not need it
        from tallystick.exact._fast import FastProgram

        return FastProgram
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
