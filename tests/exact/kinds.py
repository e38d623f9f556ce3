"""Random programs of every kind, by seed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from tallystick.exact import Calibration, DenseLayer, ErrorBound, Feature, Linear, Mlp, Model, Program, TreeEnsemble

from .programs import DOMAINS, Shape, random_program, random_tree

INT32 = (-(1 << 31), (1 << 31) - 1)


def random_forest(seed: int, outputs: int = 3, divisor: int = 7, leaves: int = 9) -> Program:
    """Trees of several outputs, or averaged ones."""
    random = Random(seed)
    features = tuple(Feature(f"f{i}", *random.choice(DOMAINS)) for i in range(random.randint(1, 5)))
    trees = tuple(random_tree(random, features, random.randint(2, leaves), 1 << 20) for _ in range(2 * outputs))
    output = tuple(random.randrange(outputs) for _ in trees) if outputs > 1 else ()
    base = tuple(random.randint(-(1 << 20), 1 << 20) for _ in range(outputs))
    return finished(random, features, TreeEnsemble(trees, base, output, divisor))


def random_linear(seed: int, outputs: int = 2) -> Program:
    random = Random(seed)
    features = tuple(Feature(f"f{i}", *random.choice(DOMAINS[:-2])) for i in range(random.randint(1, 6)))
    reach = random.choice((1, 100, 1 << 7))
    weight = tuple(tuple(random.randint(-reach, reach) for _ in features) for _ in range(outputs))
    base = tuple(random.randint(-(1 << 40), 1 << 40) for _ in range(outputs))
    center = tuple(random.randint(feature.low, feature.high) for feature in features)
    return finished(random, features, Linear(weight, base, center))


def random_mlp(seed: int) -> Program:
    """One to three layers; hidden ones are clipped to a byte, the last one is not clipped."""
    random = Random(seed)
    domains = [(0, 255), (0, 1), (-128, 127), (-3, 1000), (0, 65_535)]
    features = tuple(Feature(f"f{i}", *random.choice(domains)) for i in range(random.randint(1, 9)))
    sizes = [len(features), *(random.randint(1, 11) for _ in range(random.randint(0, 2))), random.randint(1, 3)]
    layers = []
    for inputs, outputs in pairwise(sizes):
        last = len(layers) == len(sizes) - 2
        weight = tuple(
            tuple(random.choice((-128, 127, random.randint(-128, 127))) for _ in range(inputs)) for _ in range(outputs)
        )
        bias = tuple(random.randint(-(1 << 20), 1 << 20) for _ in range(outputs))
        low, high = INT32 if last else random.choice([(0, 127), (0, 255), (-128, 127), (-1, 0)])
        layers.append(DenseLayer(weight, bias, 0 if last else random.randint(0, 20), low, high))
    return finished(random, features, Mlp(tuple(layers)))


def finished(random: Random, features: tuple[Feature, ...], model: Model) -> Program:
    raws = sorted({random.randint(-(1 << 22), 1 << 22) for _ in range(5)})
    return Program(
        features=features,
        feature_spec_hash=random.randbytes(32),
        model=model,
        scale_bits=random.randint(0, 62),
        error_bound=ErrorBound(random.randint(0, 99), "random"),
        calibration=Calibration.of(zip(raws, sorted(random.sample(range(1_000_001), len(raws))), strict=True)),
        threshold_ppm=random.randint(0, 1_000_000),
        decision=random.randrange(model.outputs),
        metadata={"seed": random.randint(0, 99)},
    )


def averaged(seed: int) -> Program:
    return random_forest(seed, outputs=1, divisor=1 + seed % 9)


def trees(seed: int) -> Program:
    random = Random(seed)
    return random_program(
        Shape(seed, random.randint(1, 5), [random.randint(2, 20) for _ in range(random.randint(0, 4))])
    )


KINDS: dict[str, Callable[[int], Program]] = {
    "trees": trees,
    "forest": random_forest,
    "averaged": averaged,
    "linear": random_linear,
    "mlp": random_mlp,
}


def every_kind() -> st.SearchStrategy[Program]:
    return st.builds(lambda make, seed: make(seed), st.sampled_from(list(KINDS.values())), st.integers(0, 1 << 32))
