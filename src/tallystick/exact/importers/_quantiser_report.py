"""What it costs to turn a model of floats into a program: measured on the user's own rows, before it is deployed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError
from tallystick.exact._program import Program
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._quantiser_scores import float_scores
from tallystick.exact.importers._quantiser_trees import FeatureCost

__all__ = ["QuantisationReport", "area_under_curve", "measure"]


@dataclass(frozen=True)
class QuantisationReport:
    """A float model and its program on the same rows.

    Parameters
    ----------
    rows
        How many.
    auc_float, auc_program
        Area under the ROC curve; None without labels of two classes.
    accuracy_float, accuracy_program
        Share of rows whose class is the label; None without labels, or of a model that names no class.
    largest_difference, mean_difference
        Between raw scores, in the score's own unit, over all outputs.
    largest_score
        Largest absolute score of the float model, to compare these with.
    changed_decisions
        Rows that are put into another class; None for a model that names no class.
    bound
        The program's error bound, in the score's unit. Trees with quantisers are bounded against the float
        model with its thresholds moved: ``largest_difference`` can be above it.
    features
        What happened to each feature's thresholds; empty but for trees.
    clipped_rows
        Rows with a value outside its quantiser's range, which was put to the range's end.
    largest_difference_inside
        Largest difference over the other rows; None where no row, or every row, was clipped.
    """

    rows: int
    auc_float: float | None
    auc_program: float | None
    accuracy_float: float | None
    accuracy_program: float | None
    largest_difference: float
    mean_difference: float
    largest_score: float
    changed_decisions: int | None
    bound: float
    features: tuple[FeatureCost, ...] = ()
    clipped_rows: int = 0
    largest_difference_inside: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Every number, by name."""
        return asdict(self) | {"features": [asdict(cost) for cost in self.features]}

    @property
    def text(self) -> str:
        """A line for each number, and one for each feature whose thresholds moved onto rows."""
        lines = [f"rows: {self.rows}"]
        for name, before, after in (
            ("AUC", self.auc_float, self.auc_program),
            ("accuracy", self.accuracy_float, self.accuracy_program),
        ):
            if before is not None and after is not None:
                lines.append(f"{name}: {before:.6f} as floats, {after:.6f} as a program ({after - before:+.6f})")
        lines.append(f"largest score difference: {self.largest_difference:.6g} (scores reach {self.largest_score:.6g})")
        lines.append(f"mean score difference: {self.mean_difference:.6g}")
        if self.clipped_rows:
            lines.append(f"rows with a clipped value: {self.clipped_rows}")
        if self.largest_difference_inside is not None:
            lines.append(f"largest score difference of the other rows: {self.largest_difference_inside:.6g}")
        note = ", without clipped values and thresholds that moved" if self.features or self.clipped_rows else ""
        lines.append(f"error bound of the program: {self.bound:.6g}{note}")
        if self.changed_decisions is not None:
            lines.append(f"changed decisions: {self.changed_decisions}")
        for cost in self.features:
            if cost.inside or cost.merged:
                share = 100 * cost.inside // cost.thresholds
                lines.append(
                    f"feature {cost.name}: {cost.inside} of {cost.thresholds} thresholds ({share} %) inside a step of "
                    f"rows, at most {cost.rows_misplaced} rows on the wrong side; {cost.merged} share a step"
                )
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Sample:
    """The same rows as floats and as the program's integers, with labels where there are any."""

    floats: npt.NDArray[np.float64]
    integers: npt.NDArray[np.int64]
    labels: Any = None


def measure(
    source: FloatTrees | FloatLinear | FloatMlp, program: Program, sample: Sample, costs: Sequence[FeatureCost] = ()
) -> QuantisationReport:
    """Compare a model of floats with its program.

    Raises
    ------
    InputError
        No rows, or labels that are none.
    """
    if not len(sample.floats):
        raise InputError("a report needs rows", next_step="Give rows such as the program will see.")
    from tallystick.exact._fast import FastProgram

    raws = FastProgram(program).outputs(np.ascontiguousarray(sample.integers))
    theirs = float_scores(source, sample.floats)
    ours = raws / np.float64(1 << program.scale_bits)
    classes = _classes(source, theirs), _classes(source, ours)
    numbers = None if sample.labels is None else _label_numbers(sample.labels, source.classes, len(theirs))
    binary = numbers is not None and theirs.shape[1] == 1 and set(numbers.tolist()) == {0, 1}
    distance = np.abs(ours - theirs)
    return QuantisationReport(
        rows=len(theirs),
        auc_float=float(area_under_curve(theirs[:, 0], numbers)) if binary else None,
        auc_program=float(area_under_curve(raws[:, 0], numbers)) if binary else None,
        accuracy_float=_accuracy(classes[0], numbers),
        accuracy_program=_accuracy(classes[1], numbers),
        largest_difference=float(distance.max()),
        mean_difference=float(distance.mean()),
        largest_score=float(np.abs(theirs).max()),
        changed_decisions=None if classes[0] is None else int((classes[0] != classes[1]).sum()),
        bound=program.error_bound.numerator / (1 << program.scale_bits),
        features=tuple(costs),
    )


def _classes(
    source: FloatTrees | FloatLinear | FloatMlp, scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64] | None:
    """The class of each row: the largest score, or which side of the bar a single one is on."""
    if scores.shape[1] > 1:
        return np.argmax(scores, axis=1) if source.classes or source.link == "softmax" else None
    if source.link == "logistic":
        return (scores[:, 0] > 0).astype(np.int64)
    if not source.classes:
        return None
    shares = isinstance(source, FloatTrees) and source.are_shares
    return (scores[:, 0] > float(Fraction(shares, 2))).astype(np.int64)


def _label_numbers(labels: Any, classes: Sequence[str], rows: int) -> npt.NDArray[np.int64]:
    """Labels as numbers of classes: the model's own labels, or numbers as they are."""
    values = np.asarray(labels).ravel()
    if len(values) != rows:
        raise InputError(f"{len(values)} labels for {rows} rows", name="labels")
    known = {name: number for number, name in enumerate(classes)}
    texts = [str(value) for value in values.tolist()]
    if known and set(texts) <= set(known):
        return np.array([known[text] for text in texts], np.int64)
    if values.dtype.kind not in "biuf" or not (values == np.floor(values)).all():
        step = "Give the classes that the model was trained on, or their numbers."
        raise InputError("labels are not classes of the model", name="labels", next_step=step)
    return values.astype(np.int64)


def _accuracy(classes: npt.NDArray[np.int64] | None, numbers: npt.NDArray[np.int64] | None) -> float | None:
    return None if classes is None or numbers is None else float((classes == numbers).mean())


def area_under_curve(scores: npt.NDArray[Any], labels: Any) -> Fraction:
    """Chance that a row labelled 1 scores above one labelled 0, equals counting half: exact.

    Examples
    --------
    >>> area_under_curve(np.array([1, 2, 2, 3]), np.array([0, 0, 1, 1]))
    Fraction(7, 8)
    """
    _, group = np.unique(scores, return_inverse=True)
    ones = np.bincount(group, weights=labels).astype(np.int64).tolist()
    zeros = np.bincount(group, weights=1 - np.asarray(labels)).astype(np.int64).tolist()
    twice, below = 0, 0
    for one, zero in zip(ones, zeros, strict=True):
        twice += one * (2 * below + zero)
        below += zero
    return Fraction(twice, 2 * sum(ones) * below)
