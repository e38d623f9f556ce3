"""How float values become the integers of a program: a declared affine map for each feature.

A program holds its quantisers as text in its metadata, so whoever has the program can turn float rows into its rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from tallystick.errors import InputError, ProgramError, RangeError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import check_integer, check_label
from tallystick.exact._program import Program

__all__ = [
    "QUANTISERS",
    "Quantiser",
    "float_rows",
    "outside_rows",
    "quantise",
    "quantise_rows",
    "quantisers_of",
    "quantisers_text",
]

QUANTISERS: Final = "quantisers"  # name in the metadata
_WIDEST: Final = 1 << 53  # float64 holds every integer up to here
_FRACTION: Final = re.compile(r"-?[0-9]{1,400}(/[0-9]{1,400})?")
_KEYS: Final = {"name", "offset", "step", "low", "high", "outside", "whole"}
_OUTSIDE: Final = ("error", "clip")
_EXTREME: Final = Fraction(1 << 900)  # float64 holds everything between, times 2**53
_NEAR: Final = Fraction(1, 1 << 48)  # more than the float64 estimate of a quotient can be wrong, relative


@dataclass(frozen=True)
class Quantiser:
    """The map of one feature: ``integer = floor((value - offset) / step)``.

    Integer ``n`` stands for the values in ``[offset + n * step, offset + (n + 1) * step)``; a linear model or
    perceptron takes the middle for all of them.

    Parameters
    ----------
    name
        The feature's.
    offset, step
        Exact, in the feature's unit; step above 0.
    low, high
        Domain of the integer, within ± 2**53.
    clip
        Values outside become the nearest end of the domain; otherwise they are an error.
    whole
        Values are integers themselves and kept as they are: offset 0, step 1, and anything else is an error.

    Raises
    ------
    ProgramError
        A number is out of range.

    Examples
    --------
    >>> price = Quantiser.of("price", "0.5", "0.01", 0, 999)
    >>> price.integer_of(1.255), price.feature
    (75, Feature(name='price', low=0, high=999))
    """

    name: str
    offset: Fraction
    step: Fraction
    low: int
    high: int
    clip: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        check_label(self.name, "quantiser.name")
        check_integer(self.low, -_WIDEST, _WIDEST, "quantiser.low")
        check_integer(self.high, self.low, _WIDEST, "quantiser.high")
        if not 1 / _EXTREME <= self.step <= _EXTREME or abs(self.offset) > _EXTREME:
            cause = "a quantiser's step must be in [2**-900, 2**900], its offset within 2**900"
            raise ProgramError(cause, field="quantiser.step", feature=self.name)
        if self.whole and not self.offset == 0 == self.step - 1:
            cause = "a quantiser of whole values has offset 0 and step 1"
            raise ProgramError(cause, field="quantiser.whole", feature=self.name)

    @classmethod
    def of(cls, name: str, offset: object, step: object, low: int, high: int, *, clip: bool = False) -> Quantiser:
        """Build one from numbers as they are written: ``"0.01"``, ``"1/3"``, ``Decimal("0.5")``, ``2``, ``0.1``.

        Raises
        ------
        ProgramError
            Not a number, or out of range.
        """
        try:
            return cls(name, Fraction(str(offset)), Fraction(str(step)), low, high, clip)
        except (ValueError, ZeroDivisionError) as error:
            if isinstance(error, ProgramError):
                raise
            cause = "a quantiser's offset and step must be exact numbers"
            raise ProgramError(cause, field="quantiser", feature=name, value=repr((offset, step))[:80]) from error

    @classmethod
    def of_whole(cls, name: str, low: int, high: int, *, clip: bool = False) -> Quantiser:
        """For a feature whose values are integers already."""
        return cls(name, Fraction(0), Fraction(1), low, high, clip, whole=True)

    @property
    def feature(self) -> Feature:
        """The program's feature: the same name, and the integer's domain."""
        return Feature(self.name, self.low, self.high)

    @property
    def edges(self) -> tuple[Fraction, Fraction]:
        """Smallest value that is inside, and the smallest one above it that no longer is (the largest, if whole)."""
        return self.offset + self.low * self.step, self.offset + (self.high + (not self.whole)) * self.step

    def integer_of(self, value: float | Fraction) -> int:
        """Integer of one finite value, before the domain is looked at."""
        return int((Fraction(value) - self.offset) // self.step)

    def integers_of(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """Integers of a column, inside the domain.

        Raises
        ------
        RangeError
            Names the row of the first value that is not finite, not whole where it must be, or outside.
        """
        for wrong, cause in (
            (~np.isfinite(values), "is not a finite number"),
            (self.whole & (values != np.floor(values)), "must be an integer"),
        ):
            self._refuse(wrong, values, cause)
        # Far outside is far enough: what follows stays inside int64.
        first, last = (float(edge) for edge in self.edges)
        width = max(last - first, float(self.step))
        near = np.clip(values, first - width, last + width)
        integers = self._floor(near)
        if self.clip:
            return np.clip(integers, self.low, self.high)
        outside = (integers < self.low) | (integers > self.high)
        self._refuse(outside, values, f"outside [{first}, {last}{']' if self.whole else ')'}")
        return integers

    def _floor(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """``floor((value - offset) / step)``: by float64 where that is certain, by fractions where it is not."""
        offset, step = float(self.offset), float(self.step)
        quotient = (values - offset) / step
        doubt = (np.abs(values) + abs(offset)) / step * float(_NEAR)
        integers = np.floor(quotient).astype(np.int64)
        certain = np.floor(quotient - doubt) == np.floor(quotient + doubt)
        doubtful, places = np.unique(values[~certain], return_inverse=True)
        integers[~certain] = np.array([self.integer_of(value) for value in doubtful.tolist()], np.int64)[places]
        return integers

    def _refuse(self, wrong: npt.NDArray[np.bool_], values: npt.NDArray[np.float64], cause: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            step = "Correct the row, widen the range (--range NAME=LOW:HIGH), or clip what is outside (--clip)."
            value = float(values[row])
            raise RangeError(f"feature of row {row} {cause}", name=self.name, value=value, next_step=step)


def quantise_rows(quantisers: Sequence[Quantiser], rows: Any) -> npt.NDArray[np.int64]:
    """Integer rows of float rows.

    Parameters
    ----------
    quantisers
        One for each column.
    rows
        (n, features), anything that numpy can make float64 of.

    Returns
    -------
    numpy.ndarray
        (n, features) int64, C-contiguous, every value in its domain.

    Raises
    ------
    InputError
        Another shape, or not numbers.
    RangeError
        A value cannot be mapped; names row and feature.
    """
    values = float_rows(rows, len(quantisers))
    integers = np.empty(values.shape, np.int64)
    for column, quantiser in enumerate(quantisers):
        integers[:, column] = quantiser.integers_of(values[:, column])
    return integers


def outside_rows(quantisers: Sequence[Quantiser], values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Rows with a value outside its quantiser's range, (rows,) bool: an error, or clipped where that is declared."""
    outside = np.zeros(len(values), np.bool_)
    for quantiser, column in zip(quantisers, values.T, strict=True):
        first, last = (float(edge) for edge in quantiser.edges)
        outside |= (column < first) | ((column > last) if quantiser.whole else (column >= last))
    return outside


def float_rows(rows: Any, features: int) -> npt.NDArray[np.float64]:
    """Rows as (n, features) float64.

    Raises
    ------
    InputError
        Another shape, or not numbers.
    """
    try:
        values = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        step = "Give rows of numbers, one for each feature."
        raise InputError("rows must be numbers", value=repr(error)[:80], next_step=step) from error
    if values.ndim != 2 or values.shape[1] != features:
        raise InputError(f"rows must have shape (n, {features})", value=values.shape)
    return values


def quantise(program: Program, rows: Any) -> npt.NDArray[np.int64]:
    """Integer rows for a program from float rows, by the quantisers that the program itself holds.

    Parameters
    ----------
    program
        Made with quantisers.
    rows
        (n, features), in the program's order.

    Raises
    ------
    ProgramError
        The program has no quantisers, or they are malformed.
    InputError, RangeError
        As in :func:`quantise_rows`.
    """
    return quantise_rows(quantisers_of(program), rows)


def quantisers_text(quantisers: Iterable[Quantiser]) -> str:
    """Canonical JSON text of quantisers, for a program's metadata."""
    table = [
        {
            "name": quantiser.name,
            "offset": str(quantiser.offset),
            "step": str(quantiser.step),
            "low": quantiser.low,
            "high": quantiser.high,
            "outside": _OUTSIDE[quantiser.clip],
            "whole": quantiser.whole,
        }
        for quantiser in quantisers
    ]
    return json.dumps(table, sort_keys=True, separators=(",", ":"))


def quantisers_of(program: Program) -> tuple[Quantiser, ...]:
    """The quantisers in a program's metadata.

    Raises
    ------
    ProgramError
        There are none, they are malformed, or they do not give the program's features.
    """
    text = program.metadata.get(QUANTISERS)
    if not isinstance(text, str):
        step = "Give it integer rows; or import the float model again with quantisers."
        raise ProgramError("the program has no quantisers", field=f"metadata.{QUANTISERS}", next_step=step)
    try:
        quantisers = tuple(_read(item) for item in json.loads(text))
    except (KeyError, RecursionError, TypeError, ValueError, ZeroDivisionError) as error:
        if isinstance(error, ProgramError):
            raise
        cause = "the program's quantisers are malformed"
        raise ProgramError(cause, field=f"metadata.{QUANTISERS}", value=repr(error)[:80]) from error
    if tuple(quantiser.feature for quantiser in quantisers) != program.features:
        raise ProgramError("the program's quantisers are not of its features", field=f"metadata.{QUANTISERS}")
    return quantisers


def _read(item: Any) -> Quantiser:
    if set(item) != _KEYS:
        raise ValueError(f"a quantiser has {sorted(_KEYS)}")
    offset, step = (_fraction(item[name]) for name in ("offset", "step"))
    if type(item["whole"]) is not bool:
        raise TypeError("whole is true or false")
    clip = bool(_OUTSIDE.index(item["outside"]))
    return Quantiser(item["name"], offset, step, item["low"], item["high"], clip, item["whole"])


def _fraction(text: str) -> Fraction:
    # Python's own parser also takes exponents, and a short text could name a number that fills the memory.
    if _FRACTION.fullmatch(text) is None:
        raise ValueError(f"not an exact fraction: {text[:40]}")
    return Fraction(text)
