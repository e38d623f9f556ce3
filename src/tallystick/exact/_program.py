"""The exact program: everything that decides a score, as integers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact._calibration import Calibration
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._ensemble import TreeEnsemble
from tallystick.exact._limits import INT64_MAX, INT64_MIN, MAX_FEATURES, MAX_SCALE_BITS, check_integer, check_label
from tallystick.exact._linear import Linear
from tallystick.exact._mlp import Mlp
from tallystick.hashing import keccak256
from tallystick.units import PPM_ONE, Hash

__all__ = ["UNCALIBRATED", "Model", "Program"]

Model = TreeEnsemble | Linear | Mlp
_PAIR: Final = re.compile("[\ud800-\udbff][\udc00-\udfff]")
UNCALIBRATED: Final = Calibration((INT64_MIN,), (0,))


@dataclass(frozen=True)
class Program:
    """A frozen model in integers; no two different programs have the same hash, no program has two.

    ``raws = model(row)``, ``raw = raws[decision]``, ``ppm = calibration.at(raw)``, ``flag = ppm >= threshold_ppm``.
    ``raws[k] / 2**scale_bits`` is output k of the float model before its link function, up to ``error_bound``.

    Parameters
    ----------
    features
        Inputs in the order of a row; names differ.
    feature_spec_hash
        Hash of the feature spec the model was trained on, 32 bytes.
    model
        Tree ensemble, linear model or multilayer perceptron.
    scale_bits
        Raw scores, and leaves, node values and weights, are in units of 2**-scale_bits, [0, 62].
    error_bound
        Distance to the float model, the same for every output.
    calibration
        Raw to ppm.
    threshold_ppm
        Smallest ppm that is flagged.
    decision
        Output that is calibrated and flagged.
    metadata
        Facts about the making: short name to text or int64. Part of the hash.

    Raises
    ------
    ProgramError
        A part is out of range, or a sum could leave int64.
    """

    features: tuple[Feature, ...]
    feature_spec_hash: bytes
    model: Model
    scale_bits: int
    error_bound: ErrorBound
    calibration: Calibration = UNCALIBRATED
    threshold_ppm: int = PPM_ONE
    decision: int = 0
    metadata: Mapping[str, str | int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metadata", MappingProxyType(dict(self.metadata)))
        check_integer(len(self.features), 1, MAX_FEATURES, "features")
        check_integer(self.scale_bits, 0, MAX_SCALE_BITS, "scale_bits")
        check_integer(self.threshold_ppm, 0, PPM_ONE, "threshold_ppm")
        check_integer(self.decision, 0, self.model.outputs - 1, "decision")
        if len(self.feature_spec_hash) != 32:
            raise ProgramError("feature_spec_hash must be 32 bytes", field="feature_spec_hash")
        if len({feature.name for feature in self.features}) != len(self.features):
            raise ProgramError("feature names must differ", field="features")
        for name, value in self.metadata.items():
            check_label(name, "metadata")
            if not isinstance(value, str):
                check_integer(value, INT64_MIN, INT64_MAX, f"metadata.{name}")
            elif _PAIR.search(value):  # written, and read back, as the one character that they stand for
                cause = f"metadata.{name} holds a character as two surrogates"
                raise ProgramError(cause, field=f"metadata.{name}")
        self.model.check(self.features)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to other processes as the program's bytes."""
        return Program.from_bytes, (self.to_bytes(),)

    @cached_property
    def hash(self) -> Hash:
        """``keccak256`` of the program's bytes: its name on every ledger."""
        return keccak256(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The program in format v1 (``docs/formats/program-v1.md``)."""
        from tallystick.exact._codec import encode

        return encode(self)

    @staticmethod
    def from_bytes(data: bytes) -> Program:
        """Read a program; accepts exactly what :meth:`to_bytes` writes.

        Raises
        ------
        ProgramError
            Anything else, with the offset of what is wrong.
        """
        from tallystick.exact._codec import decode

        return decode(data)

    def calibrated(self, calibration: Calibration, threshold_ppm: int) -> Program:
        """The same program with another calibration and decision threshold."""
        return replace(self, calibration=calibration, threshold_ppm=threshold_ppm)
