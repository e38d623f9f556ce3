"""Programs as ONNX models that ONNX Runtime runs to the same bits (``docs/guides/onnx-export.md``)."""

from __future__ import annotations

import json
from typing import Final

from tallystick.exact import Calibration, Feature, Program
from tallystick.targets.onnx._graph import Graph
from tallystick.targets.onnx._models import raw_scores

__all__ = ["HASH_KEY", "to_onnx"]

HASH_KEY: Final = "tallystick.program_hash"
_INT64_MAX: Final = (1 << 63) - 1


def to_onnx(program: Program) -> bytes:
    """Write a program as an ONNX model with integer operators only; the same program gives the same bytes.

    The input is ``rows``, int64 (n, features). Outputs: ``raw``, int64 (n, outputs), every output; ``ppm``, int64 (n,),
    and ``flag``, bool (n,), of the decision output; ``inside``, bool (n,), whether every value of the row is in its
    feature's domain. **Where ``inside`` is false the others mean nothing.** The metadata has the program's hash.

    Parameters
    ----------
    program
        Of any kind.

    Raises
    ------
    MissingExtra
        The package onnx is not installed.
    ProgramError
        The program has more numbers than an ONNX file can hold.
    """
    graph = Graph()
    raw = raw_scores(graph, program.model, "rows")
    decided = graph.op("Gather", raw, graph.constant(program.decision), axis=1)
    ppm = _calibrate(graph, program.calibration, decided)
    graph.give("raw", raw)
    graph.give("ppm", ppm)
    graph.give("flag", graph.op("GreaterOrEqual", ppm, graph.constant(program.threshold_ppm)))
    graph.give("inside", _inside(graph, program.features))
    inputs = [("rows", "int64", ["n", len(program.features)])]
    outputs = [
        ("raw", "int64", ["n", program.model.outputs]),
        ("ppm", "int64", ["n"]),
        ("flag", "bool", ["n"]),
        ("inside", "bool", ["n"]),
    ]
    return graph.model(inputs, outputs, _metadata(program))


def _metadata(program: Program) -> dict[str, str]:
    return {
        HASH_KEY: "0x" + program.hash.hex(),
        "tallystick.features": json.dumps([feature.name for feature in program.features]),
        "tallystick.scale_bits": str(program.scale_bits),
        "tallystick.decision": str(program.decision),
    }


def _inside(graph: Graph, features: tuple[Feature, ...]) -> str:
    low = graph.constant([feature.low for feature in features])
    high = graph.constant([feature.high for feature in features])
    both = graph.op("And", graph.op("GreaterOrEqual", "rows", low), graph.op("LessOrEqual", "rows", high))
    return graph.condition(graph.op("ReduceMin", graph.integer(both), graph.constant([1]), keepdims=0))


def _calibrate(graph: Graph, calibration: Calibration, raw: str) -> str:
    """Find the last breakpoint that is not above a raw score, a bit of its index at a time.

    The table is filled up to a power of two with breakpoints that only the largest int64 reaches, and the last ppm.
    """
    bits = (len(calibration.raw) - 1).bit_length()
    fill = (1 << bits) - len(calibration.raw)
    breakpoints = graph.constant([*calibration.raw, *[_INT64_MAX] * fill])
    values = graph.constant([*calibration.ppm, *[calibration.ppm[-1]] * fill])
    index = graph.op("Mul", raw, graph.constant(0))
    for bit in reversed(range(bits)):
        more = graph.op("Add", index, graph.constant(1 << bit))
        reached = graph.op("LessOrEqual", graph.op("Gather", breakpoints, more), raw)
        index = graph.op("Where", reached, more, index)
    return graph.op("Gather", values, index)
