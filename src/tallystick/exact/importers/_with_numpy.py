"""What of this package needs numpy, in one place: loaded when the first name is asked for."""

from __future__ import annotations

from tallystick.exact.importers._from_linear import linear_to_program
from tallystick.exact.importers._from_mlp import mlp_to_program
from tallystick.exact.importers._quantiser import QUANTISERS, Quantiser, quantise, quantise_rows, quantisers_of
from tallystick.exact.importers._quantiser_fit import QuantiserOptions, fit_quantisers
from tallystick.exact.importers._quantiser_import import QuantisedModel, import_quantised
from tallystick.exact.importers._quantiser_report import QuantisationReport

__all__ = [
    "QUANTISERS",
    "QuantisationReport",
    "QuantisedModel",
    "Quantiser",
    "QuantiserOptions",
    "fit_quantisers",
    "import_quantised",
    "linear_to_program",
    "mlp_to_program",
    "quantise",
    "quantise_rows",
    "quantisers_of",
]
