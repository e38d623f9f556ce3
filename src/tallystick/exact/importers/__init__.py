"""Trained models of other libraries as exact programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tallystick.exact.importers._float_models import FloatLayer, FloatLinear, FloatMlp, FloatTree, FloatTrees
from tallystick.exact.importers._from_lightgbm import import_lightgbm
from tallystick.exact.importers._from_trees import trees_to_program
from tallystick.exact.importers._import_model import import_model
from tallystick.exact.importers._options import ImportOptions

if TYPE_CHECKING:
    from tallystick.exact.importers._with_numpy import (
        QUANTISERS,
        QuantisationReport,
        QuantisedModel,
        Quantiser,
        QuantiserOptions,
        fit_quantisers,
        import_quantised,
        linear_to_program,
        mlp_to_program,
        quantise,
        quantise_rows,
        quantisers_of,
    )

__all__ = [
    "QUANTISERS",
    "FloatLayer",
    "FloatLinear",
    "FloatMlp",
    "FloatTree",
    "FloatTrees",
    "ImportOptions",
    "QuantisationReport",
    "QuantisedModel",
    "Quantiser",
    "QuantiserOptions",
    "fit_quantisers",
    "import_lightgbm",
    "import_model",
    "import_quantised",
    "linear_to_program",
    "mlp_to_program",
    "quantise",
    "quantise_rows",
    "quantisers_of",
    "trees_to_program",
]


def __getattr__(name: str) -> Any:
    if name in __all__:  # numpy takes its time to import; reading a tree model does not need it
        from tallystick.exact.importers import _with_numpy

        return getattr(_with_numpy, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
