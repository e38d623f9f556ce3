"""Linear models of floats as exact programs: weights and intercepts rounded to nearest, the error bounded exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from tallystick.errors import ProgramError
from tallystick.exact._calibration import Calibration
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._limits import INT64_MAX
from tallystick.exact._linear import Linear
from tallystick.exact._program import UNCALIBRATED, Program
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp
from tallystick.exact.importers._from_trees import check_names, model_facts
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._quantiser import QUANTISERS, Quantiser, quantisers_text
from tallystick.exact.importers._scaling import Seen, rounding, seen_values
from tallystick.exact.importers._sigmoid import sigmoid_table
from tallystick.units import PPM_ONE

__all__ = ["calibration_of", "facts_of", "linear_to_program", "scaling_words", "smallest_float"]

_INTERCEPT: Final = "intercept"


class _Output(NamedTuple):
    """One output over integers, exactly: ``base + sum(weight[i] * integer[i])`` up to ``error``, in score units."""

    weight: list[Fraction]
    base: Fraction
    error: Fraction  # of what the library computes


def linear_to_program(
    source: FloatLinear,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    options: ImportOptions | None = None,
    quantisers: Sequence[Quantiser] = (),
    center: Sequence[int] | None = None,
) -> Program:
    """Turn a linear model of floats into an exact program.

    Parameters
    ----------
    source
        What a reader made of a library's model.
    features
        Names and domains, in the order of the model's columns; the names must be the model's where it has any.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    options
        Scale, metadata, calibration. Fewer scale bits than asked for are used where the sums would leave int64.
    quantisers
        One for each feature, where the program's integers stand for floats.
    center
        For each feature the integer that explanations are measured from, such as the training mean; by default the
        domain's middle.

    Returns
    -------
    Program
        ``|raws[k] / 2**scale_bits - the library's own score k before its link| <= error bound`` on every row of the
        domain; with quantisers, on every float row inside them.

    Raises
    ------
    ProgramError
        A number is not finite, or the sums leave int64 at any scale.
    SpecMismatch
        The model's features are not these.
    """
    options = options or ImportOptions()
    check_names(source.names, features)
    _check_numbers(source, len(features))
    seen = seen_values(features, source.scaling, source.value_bits, quantisers)
    outputs = [
        _output(source, seen, row, intercept)
        for row, intercept in zip(source.coefficient, source.intercept, strict=True)
    ]
    scale_bits = _largest_scale(outputs, features, options.scale_bits)
    scale = 1 << scale_bits
    model = Linear(
        weight=tuple(tuple(round(weight * scale) for weight in output.weight) for output in outputs),
        base=tuple(round(output.base * scale) for output in outputs),
        center=tuple(center) if center is not None else tuple((its.low + its.high) // 2 for its in features),
    )
    calibration, threshold_ppm = calibration_of(source, options, scale_bits)
    return Program(
        features=tuple(features),
        feature_spec_hash=feature_spec_hash,
        model=model,
        scale_bits=scale_bits,
        error_bound=_bound(source, outputs, model, features, scale_bits),
        calibration=calibration,
        threshold_ppm=threshold_ppm,
        decision=options.decision,
        metadata=facts_of(source, options, quantisers),
    )


def calibration_of(source: FloatLinear | FloatMlp, options: ImportOptions, scale_bits: int) -> tuple[Calibration, int]:
    """The library's own probability as a table where the link is logistic, and the smallest ppm that is flagged."""
    calibration = UNCALIBRATED
    if options.calibrate and source.link == "logistic":
        calibration = sigmoid_table(Fraction(source.slope), scale_bits)
    default = PPM_ONE if calibration is UNCALIBRATED else PPM_ONE // 2
    return calibration, default if options.threshold_ppm is None else options.threshold_ppm


def facts_of(
    source: FloatLinear | FloatMlp, options: ImportOptions, quantisers: Sequence[Quantiser]
) -> dict[str, str | int]:
    """Metadata: what the model is, how its integers are made, what the user adds."""
    maps = {QUANTISERS: quantisers_text(quantisers)} if quantisers else {}
    return {**model_facts(source), **maps, **options.metadata}


def _check_numbers(source: FloatLinear, features: int) -> None:
    rows = len(source.coefficient), {len(row) for row in source.coefficient}
    if rows != (len(source.intercept), {features}):
        cause = f"the {source.library} model needs a weight for each output and feature"
        raise ProgramError(cause, field="coefficient", value=len(source.coefficient))
    for name, row in ((_INTERCEPT, source.intercept), *(("coefficient", row) for row in source.coefficient)):
        if not all(map(math.isfinite, row)):
            cause = f"the {source.library} model holds a number that is not finite"
            raise ProgramError(cause, field=name, next_step="Train again: the training did not converge.")


def _output(source: FloatLinear, seen: Sequence[Seen], row: Sequence[float], intercept: float | Fraction) -> _Output:
    """Fold what is seen of each feature into the weights; bound what the library computes.

    A product and its way through the sum, in any order, fused or not, is rounded at most n + 1 times.
    """
    weights, start = [Fraction(weight) for weight in row], Fraction(intercept)
    size = sum((abs(weight) * its.reach for weight, its in zip(weights, seen, strict=True)), start=abs(start))
    inputs = sum((abs(weight) * its.error for weight, its in zip(weights, seen, strict=True)), start=Fraction(0))
    sums = rounding(len(row) + 1, source.sum_bits) * size + (len(row) + 1) * smallest_float(source.sum_bits)
    return _Output(
        weight=[weight * its.factor for weight, its in zip(weights, seen, strict=True)],
        base=sum((weight * its.shift for weight, its in zip(weights, seen, strict=True)), start=start),
        error=inputs + sums + source.base_error,
    )


def smallest_float(bits: int) -> Fraction:
    """Smallest positive number of the float type with such a significand: what a product may lose by underflow.

    Examples
    --------
    >>> smallest_float(24) == Fraction(1, 2**149)
    True
    """
    return Fraction(1, 1 << (149 if bits == 24 else 1074))


def _largest_scale(outputs: Sequence[_Output], features: Sequence[Feature], wanted: int) -> int:
    """Most scale bits, up to those wanted, that keep scores and contributions inside int64: as ``Linear.check``."""
    far = [max(abs(feature.low), abs(feature.high)) for feature in features]
    spread = [feature.high - feature.low for feature in features]
    for scale_bits in range(wanted, -1, -1):
        if all(_reach(output, far, spread, scale_bits) <= INT64_MAX for output in outputs):
            return scale_bits
    step = "Give the features smaller domains, quantise them to fewer bits, or train on a smaller target."
    raise ProgramError("the weighted sum leaves int64 at every scale", field="scale_bits", next_step=step)


def _reach(output: _Output, far: Sequence[int], spread: Sequence[int], scale_bits: int) -> int:
    weights = [abs(round(weight * (1 << scale_bits))) for weight in output.weight]
    score = abs(round(output.base * (1 << scale_bits))) + sum(
        weight * reach for weight, reach in zip(weights, far, strict=True)
    )
    return max(score, *(weight * width for weight, width in zip(weights, spread, strict=True)))


def _bound(
    source: FloatLinear, outputs: Sequence[_Output], model: Linear, features: Sequence[Feature], scale_bits: int
) -> ErrorBound:
    scale = 1 << scale_bits
    far = [max(abs(feature.low), abs(feature.high)) for feature in features]
    worst = Fraction(0)
    for output, weights, base in zip(outputs, model.weight, model.base, strict=True):
        error = abs(output.base * scale - base) + output.error * scale
        for exact, weight, reach in zip(output.weight, weights, far, strict=True):
            error += abs(exact * scale - weight) * reach
        worst = max(worst, error)
    parts = [
        f"weights rounded to 2**-{scale_bits}: sum of |w*2**s - W| * max|x|, and the intercept's rounding, exactly",
        f"float{64 if source.sum_bits > 24 else 32} dot product of n terms: k*u/(1-k*u) * (sum of |w|*max|x| + |b|), "
        f"k = n+1, u = 2**-{source.sum_bits}, and underflow",
        *scaling_words(source),
    ]
    if len(outputs) > 1:
        parts.append(f"the worst of {len(outputs)} outputs")
    return ErrorBound(math.ceil(worst), "; ".join(parts))


def scaling_words(source: FloatLinear | FloatMlp) -> list[str]:
    """How the derivation names the errors of what is seen."""
    words = ["rounding of values and quantisers' half steps, times |w|"]
    if source.scaling is not None:
        words.append(f"the scaler folded into the weights exactly, its {source.scaling.roundings} roundings counted")
    return words
