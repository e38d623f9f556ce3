"""Programs whose circuits are small, and whose numbers a double holds: for these ONNX Runtime is an exact oracle."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import strategies as st

from tallystick.exact import DenseLayer, ErrorBound, Feature, Linear, Mlp, Model, Program, TreeEnsemble

from ...exact.kinds import random_mlp
from ...exact.programs import random_tree

DOMAINS = [(0, 1), (-3, 3), (-100, 65_435), (0, (1 << 26) - 1), (-(1 << 40), 1 << 50)]


def finished(features: tuple[Feature, ...], model: Model) -> Program:
    return Program(features, bytes(32), model, 8, ErrorBound(0, "by hand"))


def random_features(random: Random) -> tuple[Feature, ...]:
    return tuple(Feature(f"f{index}", *random.choice(DOMAINS)) for index in range(random.randint(1, 5)))


def random_trees(seed: int) -> Program:
    random = Random(seed)
    features, outputs = random_features(random), random.choice((1, 1, 2, 3))
    reach = random.choice((1, 1 << 20, 1 << 40))
    trees = tuple(random_tree(random, features, random.randint(2, 9), reach) for _ in range(random.randint(0, 6)))
    output = tuple(random.randrange(outputs) for _ in trees) if outputs > 1 else ()
    base = tuple(random.randint(-reach, reach) for _ in range(outputs))
    return finished(features, TreeEnsemble(trees, base, output, random.choice((1, 1, 3, 1 << 10))))


def random_linear(seed: int) -> Program:
    random = Random(seed)
    features, outputs = random_features(random), random.choice((1, 1, 3))
    weight = tuple(tuple(random.choice((0, 1, -1, random.randint(-3, 3))) for _ in features) for _ in range(outputs))
    base = tuple(random.randint(-(1 << 45), 1 << 45) for _ in range(outputs))
    return finished(features, Linear(weight, base, tuple(feature.low for feature in features)))


def wide_mlp(seed: int) -> Program:
    """Large accumulators, shifts of every size, clips anywhere."""
    random = Random(seed)
    features = tuple(Feature(f"f{index}", low, low + 16_383) for index, low in enumerate((-16_000, 0, 123)))
    sizes, layers = (3, random.randint(1, 4), random.randint(1, 3)), []
    for inputs, outputs in pairwise(sizes):
        shift = random.randint(10, 31) if not layers else random.randint(0, 31)
        end = 1 << 31 if layers else 1 << 20  # what a first layer gives must fit the second's accumulators
        low = random.choice((0, -128, -end, random.randint(-5_000, 5_000)))
        high = random.choice((end - 1, low + 1, low + random.randint(1, 20_000)))
        layers.append(
            DenseLayer(
                tuple(tuple(random.randint(-128, 127) for _ in range(inputs)) for _ in range(outputs)),
                tuple(random.randint(-(1 << 30), 1 << 30) for _ in range(outputs)),
                shift,
                low,
                high,
            )
        )
    return finished(features, Mlp(tuple(layers)))


KINDS = {"trees": random_trees, "linear": random_linear, "mlp": random_mlp, "wide mlp": wide_mlp}


def small_programs() -> st.SearchStrategy[Program]:
    return st.builds(lambda make, seed: make(seed), st.sampled_from(list(KINDS.values())), st.integers(0, 1 << 32))


def some_rows(program: Program, count: int, seed: int = 0) -> list[list[int]]:
    """Rows at thresholds and one either side, at ends of domains, and anywhere."""
    random = Random(seed)
    close: list[set[int]] = [{feature.low, feature.high} for feature in program.features]
    if isinstance(program.model, TreeEnsemble):
        for tree in program.model.trees:
            for index, threshold in zip(tree.feature, tree.threshold, strict=True):
                close[index] |= {threshold - 1, threshold, threshold + 1}
    choices = [
        sorted(value for value in values if feature.low <= value <= feature.high)
        for values, feature in zip(close, program.features, strict=True)
    ]
    rows = [[feature.low for feature in program.features], [feature.high for feature in program.features]]
    while len(rows) < count:
        pairs = zip(program.features, choices, strict=True)
        rows.append([random.choice((*near, random.randint(feature.low, feature.high))) for feature, near in pairs])
    return rows[:count]
