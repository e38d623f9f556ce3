"""Linear models and multilayer perceptrons for tests: random ones, and rows where sums are largest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from hypothesis import strategies as st

from tallystick.exact import DenseLayer, ErrorBound, Feature, Linear, Mlp, Program

BYTE = (0, 255)
DOMAINS = [BYTE, BYTE, (0, 1), (-128, 127), (7, 7), (0, 100), (-3000, 62_535), (-5, 1 << 20)]
WIDE = [(-(1 << 40), 1 << 40), (0, (1 << 56) - 1), (-(1 << 62), 1 << 62)]


def make(domains: Sequence[tuple[int, int]], model: Linear | Mlp) -> Program:
    features = tuple(Feature(f"f{i}", *domain) for i, domain in enumerate(domains))
    return Program(features, bytes(32), model, 0, ErrorBound(0, "by hand"))


def dense(inputs: int, outputs: int, seed: int = 0, reach: tuple[int, int] = (-128, 127)) -> Program:
    """One layer on bytes with a shift and clips that both bind."""
    random = Random(seed)
    weight = tuple(tuple(random.randint(*reach) for _ in range(inputs)) for _ in range(outputs))
    bias = tuple(random.randint(-9999, 9999) for _ in range(outputs))
    return make([BYTE] * inputs, Mlp((DenseLayer(weight, bias, 10, -100, 155),)))


def linear(weight: Sequence[Sequence[int]], domains: Sequence[tuple[int, int]], base: int = 0) -> Program:
    rows = tuple(tuple(row) for row in weight)
    return make(domains, Linear(rows, (base,) * len(rows), tuple(low for low, _ in domains)))


@dataclass(frozen=True)
class Shape:
    """Size of a random program."""

    seed: int
    inputs: int
    outputs: tuple[int, ...]
    uniform: bool  # all features of one domain


def random_mlp(shape: Shape) -> Program:
    random = Random(shape.seed)
    domains = random_domains(random, shape, DOMAINS)
    ends = [max(abs(low), abs(high)) for low, high in domains]
    layers = []
    for outputs in shape.outputs:
        layers.append(random_layer(random, ends, outputs))
        ends = [max(abs(layers[-1].low), abs(layers[-1].high))] * outputs
    return make(domains, Mlp(tuple(layers)))


def random_domains(random: Random, shape: Shape, domains: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    if shape.uniform:
        return [random.choice(domains)] * shape.inputs
    return [random.choice(domains) for _ in range(shape.inputs)]


def random_layer(random: Random, ends: Sequence[int], outputs: int) -> DenseLayer:
    """Weights as large as an accumulator allows, sometimes all at an end, sometimes few."""
    room = ((1 << 31) - 1) // 2 // max(1, sum(ends))
    most = min(127, room)
    kind = random.choice(("any", "any", "low", "high", "few"))

    def weight() -> int:
        if kind in ("low", "high"):
            return max(-128, -room) if kind == "low" else most
        return random.randint(max(-128, -room), most) if kind == "any" or random.random() < 0.1 else 0

    rows = tuple(tuple(weight() for _ in ends) for _ in range(outputs))
    bias = tuple(random.choice((0, random.randint(-(1 << 20), 1 << 20))) for _ in range(outputs))
    shift = random.choice((0, 1, 7, 16, 31))
    low, high = random.choice(((0, 255), (0, 127), (-(1 << 31), (1 << 31) - 1), (-128, 127), (-5, 1000), (3, 4)))
    return DenseLayer(rows, bias, shift, low, high)


def random_linear(shape: Shape) -> Program:
    random = Random(shape.seed)
    domains = random_domains(random, shape, DOMAINS + WIDE)
    room = ((1 << 63) - 1) // 2 // sum(2 * max(abs(low), abs(high), high - low) for low, high in domains)
    reach = max(0, min(room, random.choice((1, 127, 1 << 20, 1 << 62))))
    rows = [
        [random.choice((-reach, reach, random.randint(-reach, reach))) for _ in domains]
        for _ in range(shape.outputs[-1])
    ]
    return linear(rows, domains, random.randint(-(1 << 40), 1 << 40))


def dense_programs() -> st.SearchStrategy[Program]:
    shapes = st.builds(
        Shape,
        seed=st.integers(0, 1 << 32),
        inputs=st.sampled_from([1, 2, 3, 4, 5, 9, 12, 31, 40, 70]),
        outputs=st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple),
        uniform=st.booleans(),
    )
    return st.one_of(shapes.map(random_mlp), shapes.map(random_linear))


def extreme_rows(program: Program, seed: int = 0) -> list[list[int]]:
    """The domain's corners, the corners at which each output of the first layer is largest and smallest, and any."""
    random = Random(seed)
    model = program.model
    assert not hasattr(model, "trees")
    weight = model.weight if isinstance(model, Linear) else model.layers[0].weight
    ends = [(feature.low, feature.high) for feature in program.features]
    rows = [[low for low, _ in ends], [high for _, high in ends], [random.randint(*end) for end in ends]]
    for row in random.sample(weight, min(3, len(weight))):
        rows.append([end[number > 0] for number, end in zip(row, ends, strict=True)])
        rows.append([end[number <= 0] for number, end in zip(row, ends, strict=True)])
    return rows
