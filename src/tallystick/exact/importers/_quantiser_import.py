"""A model that was trained on floats as a program on integers, with a report of what that cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.errors import SpecMismatch, did_you_mean
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._program import Program
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._from_linear import linear_to_program
from tallystick.exact.importers._from_mlp import mlp_to_program
from tallystick.exact.importers._from_trees import trees_to_program
from tallystick.exact.importers._import_model import FloatModel, read_model
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._quantiser import (
    QUANTISERS,
    Quantiser,
    float_rows,
    outside_rows,
    quantise_rows,
    quantisers_text,
)
from tallystick.exact.importers._quantiser_fit import QuantiserOptions, fit_quantisers
from tallystick.exact.importers._quantiser_report import QuantisationReport, Sample, measure
from tallystick.exact.importers._quantiser_trees import FeatureCost, quantise_trees
from tallystick.exact.importers._sklearn_names import label_of

__all__ = ["QuantisedModel", "import_quantised"]


@dataclass(frozen=True)
class QuantisedModel:
    """A program that takes integers, how floats become these, and what that cost.

    Parameters
    ----------
    program
        Holds the quantisers in its metadata: :func:`quantise` needs nothing else.
    quantisers
        One for each feature.
    report
        On the rows that it was made with.
    source
        The model of floats.
    costs
        What happened to each feature's thresholds.
    """

    program: Program
    quantisers: tuple[Quantiser, ...]
    report: QuantisationReport
    source: FloatModel
    costs: tuple[FeatureCost, ...]

    def measure(self, rows: Any, labels: Any = None) -> QuantisationReport:
        """The same report on other rows, such as ones kept from training.

        Raises
        ------
        InputError, RangeError
            The rows are none, or outside the quantisers.
        """
        return _measure(self.source, self.program, self.quantisers, rows, labels)


def import_quantised(
    model: Any,
    rows: Any,
    feature_spec_hash: bytes,
    quantisers: Sequence[Quantiser] | QuantiserOptions | None = None,
    options: ImportOptions | None = None,
    labels: Any = None,
) -> QuantisedModel:
    """Turn a model that was trained on floats into an exact program on integers.

    Parameters
    ----------
    model
        What :func:`import_model` takes, or a ``FloatTrees``, ``FloatLinear`` or ``FloatMlp``.
    rows
        (n, features) floats: they decide ranges (where those are not given), thresholds, centers and shifts, and the
        report is made on them. Columns of a data frame are found by the model's names where it has them, and there may
        be others; otherwise columns are taken in the model's order.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    quantisers
        One for each feature, or how they are made of the rows; by default 16 bits over the rows' range.
    options
        Scale, metadata, calibration, rounds.
    labels
        The class of each row, for AUC and accuracy.

    Raises
    ------
    ProgramError, SpecMismatch
        The model cannot be expressed; the message says what to do instead.
    InputError, RangeError
        The rows are none, or outside the quantisers.
    """
    options = options or ImportOptions()
    given = isinstance(quantisers, Sequence)
    how = quantisers if isinstance(quantisers, QuantiserOptions) else QuantiserOptions()
    names = [its.name for its in quantisers] if isinstance(quantisers, Sequence) else _names(rows)
    values = float_rows(rows, len(names))
    maps = tuple(quantisers) if isinstance(quantisers, Sequence) else fit_quantisers(names, values, how)
    source = _read(model, [its.feature for its in maps], options)
    if not given:
        order = columns_of_model(source, names)
        own = (
            names
            if hasattr(rows, "columns")
            else [its or name for its, name in zip(source.names or names, names, strict=False)]
        )
        names, values = [own[column] for column in order], np.ascontiguousarray(values[:, order])
        source = replace(source, names=names)
        if isinstance(source, FloatMlp):  # int8 weights need inputs of one width
            how = replace(how, keep_whole=False)
        maps = fit_quantisers(names, values, how)
    program, costs = _convert(source, maps, values, feature_spec_hash, options)
    report = _measure(source, program, maps, values, labels, costs)
    return QuantisedModel(program, maps, report, source, tuple(costs))


def columns_of_model(source: FloatModel, names: Sequence[str]) -> list[int]:
    """For each feature of the model its column among the rows': by name where the model has names that they know.

    Raises
    ------
    SpecMismatch
        A feature has no column, or a model without names has another number of features.
    """
    wanted = [label_of(name) if name else "" for name in source.names]
    known = {name: column for column, name in enumerate(names)}
    if wanted and any(name in known for name in wanted):
        missing = [name for name in wanted if name not in known]
        if missing:
            cause = f"{len(missing)} features of the model have no column, the first is {missing[0]}"
            step = "Name the columns as in training."
            raise SpecMismatch(cause + did_you_mean(missing[0], names), feature=missing[0], next_step=step)
        return [known[name] for name in wanted]
    if wanted and len(wanted) != len(names):
        cause = f"the model has {len(wanted)} features, the rows have {len(names)} columns"
        step = (
            f"Leave out what is no feature; name the label's column. The last column is {names[-1]}." if names else ""
        )
        raise SpecMismatch(cause, field="rows", next_step=step or "Give rows.")
    return list(range(len(names)))


def _names(rows: Any) -> list[str]:
    columns = getattr(rows, "columns", None)
    if columns is not None:
        return [label_of(name) for name in columns]
    shape = np.shape(rows)
    return [f"feature_{column}" for column in range(shape[1] if len(shape) == 2 else 0)]


def _read(model: Any, features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    if isinstance(model, FloatTrees | FloatLinear | FloatMlp):
        return model
    return read_model(model, features, options)


def _convert(
    source: FloatModel,
    quantisers: Sequence[Quantiser],
    rows: npt.NDArray[np.float64],
    feature_spec_hash: bytes,
    options: ImportOptions,
) -> tuple[Program, list[FeatureCost]]:
    features = [its.feature for its in quantisers]
    integers = quantise_rows(quantisers, rows)
    if isinstance(source, FloatLinear):
        center = [int(column.sum()) // len(column) for column in integers.T]
        return linear_to_program(source, features, feature_spec_hash, options, quantisers, center), []
    if isinstance(source, FloatMlp):
        return mlp_to_program(source, features, feature_spec_hash, options, quantisers, integers), []
    moved, costs = quantise_trees(source, quantisers, rows)
    metadata = {QUANTISERS: quantisers_text(quantisers), **options.metadata}
    program = trees_to_program(moved, features, feature_spec_hash, replace(options, metadata=metadata))
    bound = program.error_bound
    words = bound.derivation.replace("splits are exact", "against the float model with its thresholds moved to steps")
    return replace(program, error_bound=ErrorBound(bound.numerator, words)), costs


def _measure(
    source: FloatModel,
    program: Program,
    quantisers: Sequence[Quantiser],
    rows: Any,
    labels: Any,
    costs: Sequence[FeatureCost] = (),
) -> QuantisationReport:
    names, wanted = _names(rows), [its.name for its in quantisers]
    values = float_rows(rows, len(names))
    if set(wanted) <= set(names):
        values = np.ascontiguousarray(values[:, [names.index(name) for name in wanted]])
    values = float_rows(values, len(quantisers))
    integers = quantise_rows(quantisers, values)
    report = measure(source, program, Sample(values, integers, labels), costs)
    clipped = outside_rows(quantisers, values)
    if not clipped.any() or clipped.all():
        return replace(report, clipped_rows=int(clipped.sum()))
    inside = measure(source, program, Sample(values[~clipped], integers[~clipped]))
    return replace(report, clipped_rows=int(clipped.sum()), largest_difference_inside=inside.largest_difference)
