"""LightGBM binary classifier to exact program, not calibrated: what ``tally train`` uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tallystick.exact._declared import Feature
from tallystick.exact._program import Program
from tallystick.exact.importers._from_trees import trees_to_program
from tallystick.exact.importers._lightgbm import float_trees
from tallystick.exact.importers._lightgbm_model import check_plain, read_lightgbm_model
from tallystick.exact.importers._options import ImportOptions

__all__ = ["import_lightgbm"]


def import_lightgbm(
    model: Mapping[str, Any] | str,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    scale_bits: int = 24,
    metadata: Mapping[str, str | int] | None = None,
) -> Program:
    """Turn a LightGBM binary classifier into an exact program, not yet calibrated.

    :func:`~tallystick.exact.importers.import_model` takes other objectives and categorical splits, too.

    Parameters
    ----------
    model
        Result of ``Booster.model_to_string()`` or ``Booster.dump_model()``.
    features
        Names and domains, in the order of the model's columns; the names must be the model's.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    scale_bits
        Log-odds are kept in units of 2**-scale_bits.
    metadata
        Facts about the making, kept in the program.

    Returns
    -------
    Program
        ``|raw / 2**scale_bits - Booster.predict(raw_score=True)| <= error bound`` on every row of the domain
        given as float64 (LightGBM's Python package turns integer arrays into float32: hand it float64).

    Raises
    ------
    ProgramError
        The model cannot be expressed exactly; the message says why and what to train instead.
    SpecMismatch
        The model's features are not these.
    """
    options = ImportOptions(scale_bits, calibrate=False)
    source = read_lightgbm_model(model, check_plain)
    program = trees_to_program(float_trees(source), features, feature_spec_hash, options)
    return replace(program, metadata=metadata or {})
