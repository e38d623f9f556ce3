"""Programs for the table, and calls of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from random import Random
from typing import Any

from hypothesis import strategies as st

from tallystick.exact import ErrorBound, Feature, Program, Tree, TreeEnsemble, score_outputs
from tallystick.targets.evm import RowCode, TableData, create2_address, interpreter_code, table_data

from ...exact.programs import random_tree
from .machine import Outcome, run

FACTORY = b"\x77" * 20
ADDRESS_OF = partial(create2_address, FACTORY)
SCORE = bytes.fromhex("345b1afd")  # score(address,bytes)
HASH = bytes.fromhex("19d7aa51")  # programHash(address)
INT31 = (1 << 30) - 1  # largest leaf of a deep tree in narrow lanes
U16 = (1 << 16) - 1
interpreter = cache(interpreter_code)


def codes_of(data: TableData) -> dict[bytes, bytes]:
    return dict(zip(data.addresses, data.parts, strict=True))


def call(data: TableData, row: bytes, push0: bool = True) -> Outcome:
    """The raw form."""
    return run(interpreter(push0), data.address + row, codes_of(data))


def abi(address: bytes, row: bytes) -> bytes:
    """``score(address,bytes)`` as every encoder writes it."""
    words = (int.from_bytes(address, "big"), 64, len(row))
    padded = row + bytes(-len(row) % 32)
    return SCORE + b"".join(word.to_bytes(32, "big") for word in words) + padded


def check_equal(program: Program, rows: Sequence[Sequence[int]], code_limit: int = 24_576, push0: bool = True) -> None:
    data = table_data(program, ADDRESS_OF, code_limit)
    assert all(len(part) <= code_limit for part in data.parts)
    for row in rows:
        assert call(data, RowCode(program).encode(row), push0).words() == score_outputs(program, row)


def trees_program(features: Sequence[Feature], trees: Sequence[Tree], **model: Any) -> Program:
    return Program(tuple(features), bytes(32), TreeEnsemble(tuple(trees), **model), 0, ErrorBound(0, "by hand"))


@dataclass(frozen=True)
class NarrowShape:
    """Size of a random program for narrow lanes."""

    seed: int
    features: int
    domains: str  # "full", "words" or "mixed"
    leaves: Sequence[int]
    outputs: int
    divisor: int
    reach: int


def narrow_program(shape: NarrowShape) -> Program:
    random = Random(shape.seed)
    features = [Feature(f"f{i}", *_domain(random, shape.domains)) for i in range(shape.features)]
    if shape.domains == "mixed":
        features.append(Feature("narrow", -5, 5))
    looked_at = features if shape.domains != "mixed" else [f for f in features if f.high - f.low <= U16]
    places = [features.index(feature) for feature in looked_at]
    trees = [_renamed(random_tree(random, looked_at, count, shape.reach), places) for count in shape.leaves]
    base = tuple(random.randint(-(1 << 40), 1 << 40) for _ in range(shape.outputs))
    output = tuple(random.randrange(shape.outputs) for _ in trees) if shape.outputs > 1 else ()
    return trees_program(features, trees, base=base, output=output, divisor=shape.divisor)


def _domain(random: Random, kind: str) -> tuple[int, int]:
    low = random.randint(-(1 << 20), 1 << 20)
    if kind == "full":
        return 0, U16
    if kind == "words":
        return low, low + random.choice([256, 300, U16 - 1, U16, random.randint(256, U16)])
    return low, low + random.choice([0, 1, 255, 256, U16, 1 << 16, 1 << 40])


def _renamed(tree: Tree, places: Sequence[int]) -> Tree:
    feature = tuple(places[i] for i in tree.feature)
    return Tree(feature, tree.threshold, tree.left, tree.right, tree.value, tree.leaf)


def narrow_programs() -> st.SearchStrategy[Program]:
    shapes = st.builds(
        NarrowShape,
        seed=st.integers(0, 1 << 32),
        features=st.sampled_from([1, 2, 3, 15, 16, 17, 40, 64]),
        domains=st.sampled_from(["full", "words", "mixed"]),
        leaves=st.lists(st.sampled_from([2, 3, 4, 5, 7, 9, 16, 40]), max_size=8),
        outputs=st.sampled_from([1, 1, 2, 5]),
        divisor=st.sampled_from([1, 1, 2, 7]),
        reach=st.sampled_from([1, 1000, INT31, (1 << 31) - 1]),
    )
    return shapes.map(narrow_program)


def full(count: int) -> list[Feature]:
    return [Feature(f"f{i}", 0, U16) for i in range(count)]


def chain(depth: int, leaf: int) -> Tree:
    """A tree of one path: each node's left side goes on."""
    nodes = range(depth)
    left = tuple(node + 1 if node + 1 < depth else -1 for node in nodes)
    right = tuple(-2 - (depth - 1 - node) for node in nodes)
    values = (leaf,) + (0,) * depth
    return Tree((0,) * depth, tuple(range(depth, 0, -1)), left, right, (0,) * depth, values)
