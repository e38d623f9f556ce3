"""Programs for tests: by hand, and random ones with rows where they are most likely to go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import strategies as st

from tallystick.exact import Calibration, ErrorBound, Feature, Program, Tree, TreeEnsemble

INT64 = (-(1 << 63), (1 << 63) - 1)
DOMAINS = [(0, 1), (-3, 3), (0, 1_000_000), (-(1 << 40), 1 << 52), (0, (1 << 63) - 1), INT64]


def program(**changes: Any) -> Program:
    """Two features, two trees, three calibration steps."""
    parts: dict[str, Any] = {
        "features": (Feature("age_s", 0, 1000), Feature("value_log2", -64, 64)),
        "feature_spec_hash": bytes(range(32)),
        "trees": (
            Tree((0, 1), (100, -3), (1, -1), (-3, -2), (4, -2), (-10, 5, 40)),
            Tree((1,), (0,), (-1,), (-2,), (-1,), (-7, 3)),
        ),
        "scale_bits": 8,
        "base": -2,
        "error_bound": ErrorBound(2, "by hand"),
        "calibration": Calibration.of([(-20, 10_000), (0, 400_000), (40, 990_000)]),
        "threshold_ppm": 400_000,
        "metadata": {"name": "smáll", "rows": 12},
    }
    parts |= changes
    return Program(model=TreeEnsemble(parts.pop("trees"), (parts.pop("base"),)), **parts)


def random_tree(random: Random, features: Sequence[Feature], leaves: int, reach: int) -> Tree:
    """Random shape, thresholds and leaves within ± reach; node values are means of their two sides."""
    tree: dict[str, list[int]] = {name: [] for name in ("feature", "threshold", "left", "right", "value", "leaf")}

    def grow(count: int) -> tuple[int, int]:
        """Child number and value of a new part with so many leaves."""
        if count == 1:
            tree["leaf"].append(random.randint(-reach, reach))
            return -len(tree["leaf"]), tree["leaf"][-1]
        node = len(tree["feature"])
        feature = random.choice([i for i, feature in enumerate(features) if feature.low < feature.high])
        tree["feature"].append(feature)
        tree["threshold"].append(random_threshold(random, features[feature]))
        for name in ("left", "right", "value"):
            tree[name].append(0)
        split = random.choice((1, count - 1, random.randint(1, count - 1)))
        tree["left"][node], left = grow(split)
        tree["right"][node], right = grow(count - split)
        tree["value"][node] = (left + right) // 2
        return node, tree["value"][node]

    grow(leaves)
    return Tree(**{name: tuple(numbers) for name, numbers in tree.items()})


def random_threshold(random: Random, feature: Feature) -> int:
    close = [feature.low, feature.high - 1, min(max(0, feature.low), feature.high - 1)]
    return random.choice([*close, random.randint(feature.low, feature.high - 1)])


@dataclass(frozen=True)
class Shape:
    """Size of a random program."""

    seed: int
    features: int
    leaves: Sequence[int]  # of each tree
    reach: int = 1 << 30


def random_program(shape: Shape) -> Program:
    random = Random(shape.seed)
    domains = [random.choice(DOMAINS) for _ in range(shape.features)]
    features = tuple(Feature(f"feature_{i}", *domain) for i, domain in enumerate(domains))
    trees = tuple(random_tree(random, features, count, shape.reach) for count in shape.leaves)
    raws = sorted({random.randint(-4 * shape.reach, 4 * shape.reach) for _ in range(6)})
    ppms = sorted(random.sample(range(1_000_001), len(raws)))
    spec_hash, scale_bits = random.randbytes(32), random.randint(0, 62)
    return Program(
        features=features,
        feature_spec_hash=spec_hash,
        model=TreeEnsemble(trees, (random.randint(-shape.reach, shape.reach),)),
        scale_bits=scale_bits,
        error_bound=ErrorBound(random.randint(0, 99), "random"),
        calibration=Calibration.of(zip(raws, ppms, strict=True)),
        threshold_ppm=random.randint(0, 1_000_000),
        metadata={f"key{i}": random.choice(["text", "\u00e9\n\U0001f600", random.randint(*INT64)]) for i in range(3)},
    )


def edge_rows(program: Program, seed: int = 0, limit: int = 600) -> list[list[int]]:
    """Rows at every threshold and one either side, at the domain's corners, and anywhere."""
    random = Random(seed)

    def anywhere() -> list[int]:
        return [random.randint(feature.low, feature.high) for feature in program.features]

    rows = [[feature.low for feature in program.features], [feature.high for feature in program.features], anywhere()]
    splits = [split for tree in trees_of(program) for split in zip(tree.feature, tree.threshold, strict=True)]
    if not isinstance(program.model, TreeEnsemble):
        splits = [(index, end) for index, feature in enumerate(program.features) for end in (feature.low, feature.high)]
    for index, threshold in random.sample(splits, min(len(splits), limit)):
        feature = program.features[index]
        for value in (threshold - 1, threshold, threshold + 1):
            if feature.low <= value <= feature.high:
                row = anywhere()
                row[index] = value
                rows.append(row)
    return rows


def trees_of(program: Program) -> tuple[Tree, ...]:
    return program.model.trees if isinstance(program.model, TreeEnsemble) else ()


def programs(max_leaves: int = 40) -> st.SearchStrategy[Program]:
    shapes = st.builds(
        Shape,
        seed=st.integers(0, 1 << 32),
        features=st.integers(1, 6),
        leaves=st.lists(st.integers(2, max_leaves), max_size=5),
        reach=st.sampled_from([1, 100, 1 << 30, 1 << 54]),
    )
    return shapes.map(random_program)


def ladder(steps: int) -> Program:
    """One feature with so many thresholds, each its own tree: leaf 1 where the value is above it."""
    trees = tuple(Tree((0,), (step,), (-1,), (-2,), (0,), (0, 1)) for step in range(steps))
    return Program((Feature("height", 0, steps),), bytes(32), TreeEnsemble(trees), 0, ErrorBound(0, "exact"))


def changed(values: Sequence[int], place: int, value: int) -> tuple[int, ...]:
    return (*values[:place], value, *values[place + 1 :])


def rising(values: Sequence[int]) -> bool:
    return all(one < two for one, two in pairwise(values))
