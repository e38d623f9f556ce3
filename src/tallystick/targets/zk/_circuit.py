"""An exact program as a circuit: the graph, how it is compiled, and what its public numbers mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact import Program, TreeEnsemble, check_row
from tallystick.hashing import keccak256
from tallystick.targets.zk._build import build
from tallystick.targets.zk._numbers import BASE, from_field, to_field
from tallystick.targets.zk._size import logrows_for, refusal, size_of
from tallystick.units import Hash

__all__ = ["Circuit", "circuit"]

_DOMAIN: Final = b"tallystick circuit v1\n"


@dataclass(frozen=True)
class Circuit:
    """A program's circuit, the same bytes for the same program; :func:`circuit` makes it.

    Public inputs: each value of the row minus its feature's low, in the program's order. Public outputs: one number
    for each output, the raw score times the divisor of averaged trees before the floor, so
    ``raw == output // divisor``. A negative number is the field's order plus it.

    Parameters
    ----------
    program
        What it proves.
    model
        The graph, as ONNX: doubles that hold integers.
    legs
        Digits in base 1024 of every number that is compared or divided.
    logrows
        It has 2**logrows rows: chosen here, by a bound, as the compiler's own count differs by one from run to run, and
        the keys with it.
    """

    program: Program
    model: bytes
    legs: int
    logrows: int

    @property
    def arguments(self) -> Mapping[str, str | int | bool]:
        """How the graph is compiled: nothing is scaled or rounded, inputs and outputs are public.

        The compiler's own range check of inputs and outputs is off: it is as wide as the digits reach, which is not
        the domain. The domain is checked by who verifies.
        """
        return MappingProxyType(
            {
                "input_scale": 0,
                "param_scale": 0,
                "input_visibility": "public",
                "output_visibility": "public",
                "param_visibility": "fixed",
                "decomp_base": BASE,
                "decomp_legs": self.legs,
                "logrows": self.logrows,
                "ignore_range_check_inputs_outputs": True,
                "disable_freivalds": True,
            }
        )

    @cached_property
    def hash(self) -> Hash:
        """keccak-256 of a tag, the arguments as JSON, and the model: names the circuit in a proof."""
        arguments = json.dumps(dict(self.arguments), sort_keys=True, separators=(",", ":")).encode("ascii")
        return keccak256(_DOMAIN + arguments + b"\n" + self.model)

    @property
    def divisor(self) -> int:
        """What public outputs are divided by, rounding down, to give raw scores."""
        return self.program.model.divisor if isinstance(self.program.model, TreeEnsemble) else 1

    @cached_property
    def spans(self) -> tuple[int, ...]:
        """Largest value of each public input; the smallest is 0."""
        return tuple(feature.high - feature.low for feature in self.program.features)

    def inputs(self, row: Sequence[int]) -> list[int]:
        """Public inputs of a row.

        Raises
        ------
        RangeError
            As :func:`tallystick.exact.score_row`.
        """
        pairs = zip(check_row(self.program, row), self.program.features, strict=True)
        return [value - feature.low for value, feature in pairs]

    def instances(self, row: Sequence[int], sums: Sequence[int]) -> list[int]:
        """Public numbers of a proof as field elements: inputs, then outputs.

        Raises
        ------
        RangeError
            The row is outside the domain.
        """
        return [*self.inputs(row), *map(to_field, sums)]

    def sums(self, instances: Sequence[int]) -> tuple[int, ...]:
        """Public outputs among a proof's field elements, as integers."""
        return tuple(from_field(element) for element in instances[len(self.spans) :])

    def raws(self, sums: Sequence[int]) -> tuple[int, ...]:
        """Raw scores of public outputs."""
        return tuple(total // self.divisor for total in sums)

    def describe(self) -> dict[str, Any]:
        """Facts for a report."""
        size = size_of(self.program)
        return {
            "circuit_hash": "0x" + self.hash.hex(),
            "inputs": len(self.spans),
            "outputs": self.program.model.outputs,
            "digits": self.legs,
            "comparisons": size.comparisons,
            "floors": size.floors,
            "rows_at_most": size.rows,
            "logrows": self.logrows,
        }


def circuit(program: Program) -> Circuit:
    """Turn a program into a circuit.

    Every domain, leaf, weight and bias that a program may have is held exactly. What is limited is the size.

    Raises
    ------
    ProgramError
        The circuit would take more than 2**17 rows.
    MissingExtra
        The package onnx is not installed.
    """
    why = refusal(program)
    if why:
        raise ProgramError(why, field="model", next_step="Prove a smaller model, or put this one into a contract.")
    size = size_of(program)
    return Circuit(program, build(program), size.legs, logrows_for(size.rows))
