"""Dense programs with random weights: the layers of the facts, and a linear model of 30 features."""

from __future__ import annotations

from random import Random

from tallystick.exact import DenseLayer, ErrorBound, Feature, Linear, Mlp, Program

from .measure import Task

SEED = 4
LAYERS = ((784, 16), (32, 16))
LINEAR_FEATURES = 30
ROWS = 1_000


def tasks() -> list[Task]:
    random = Random(SEED)
    found = [_task(f"layer {inputs}x{outputs}", _layer(random, inputs, outputs), random) for inputs, outputs in LAYERS]
    return [*found, _task(f"linear {LINEAR_FEATURES}", _linear(random), random)]


def macs(program: Program) -> int:
    """Multiply-accumulates for a row."""
    return len(program.features) * program.model.outputs


def _layer(random: Random, inputs: int, outputs: int) -> Program:
    """Pixels, weights of int8, no shift, no clip."""
    weight = tuple(tuple(random.randint(-128, 127) for _ in range(inputs)) for _ in range(outputs))
    bias = tuple(random.randint(-(1 << 20), 1 << 20) for _ in range(outputs))
    layer = DenseLayer(weight, bias, shift=0, low=-(1 << 31), high=(1 << 31) - 1)
    features = tuple(Feature(f"pixel_{i}", 0, 255) for i in range(inputs))
    return Program(features, bytes(32), Mlp((layer,)), 0, ErrorBound(0, "random weights"))


def _linear(random: Random) -> Program:
    weight = tuple(random.randint(-(1 << 24), 1 << 24) for _ in range(LINEAR_FEATURES))
    features = tuple(Feature(f"value_{i}", 0, 65_535) for i in range(LINEAR_FEATURES))
    model = Linear((weight,), (random.randint(-(1 << 30), 1 << 30),), (0,) * LINEAR_FEATURES)
    return Program(features, bytes(32), model, 24, ErrorBound(0, "random weights"))


def _task(name: str, program: Program, random: Random) -> Task:
    low, high = [feature.low for feature in program.features], [feature.high for feature in program.features]
    anywhere = [[random.randint(*ends) for ends in zip(low, high, strict=True)] for _ in range(ROWS - 2)]
    return Task(name, program, [low, high, *anywhere], ROWS)
