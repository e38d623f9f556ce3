"""Trained models of other libraries as exact programs."""

from __future__ import annotations

from tallystick.exact.importers._float_models import FloatLayer, FloatLinear, FloatMlp, FloatTree, FloatTrees
from tallystick.exact.importers._from_lightgbm import import_lightgbm
from tallystick.exact.importers._from_trees import trees_to_program
from tallystick.exact.importers._import_model import import_model
from tallystick.exact.importers._options import ImportOptions

__all__ = [
    "FloatLayer",
    "FloatLinear",
    "FloatMlp",
    "FloatTree",
    "FloatTrees",
    "ImportOptions",
    "import_lightgbm",
    "import_model",
    "trees_to_program",
]
