"""How a program's trees are cut into chunks of one kind, each small enough for memory and for its sum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact import Program, Tree, TreeEnsemble
from tallystick.targets.evm.table._layout import BLOCK, FIXED, MAX_SLOTS, TREES_UNROLLED
from tallystick.targets.evm.table._trees import block_count, nodes_size

__all__ = ["Chunk", "is_narrow", "plan_chunks", "trees_of", "used_features"]

# A chunk more costs about 270 gas, a byte of memory 0.1: the best size grows slowly with the model, from 4 to 8 KB.
_AIM: Final = 6144
_MAX_COUNT: Final = 255
_HALF: Final = 1 << 31  # sums and leaves are int32


@dataclass(frozen=True)
class Chunk:
    """Trees of one output and one kind: a depth of 1 to 5, ``blocks`` or ``nodes``."""

    mode: str
    output: int
    trees: tuple[Tree, ...]
    size: int  # bytes


def trees_of(program: Program) -> TreeEnsemble:
    """The program's model.

    Raises
    ------
    ProgramError
        It is not made of trees.
    """
    if not isinstance(program.model, TreeEnsemble):
        step = "Linear models and multilayer perceptrons have contracts of their own."
        raise ProgramError("a table holds trees only", field="kind", value=program.model.kind, next_step=step)
    return program.model


def used_features(model: TreeEnsemble) -> list[int]:
    """Features that a tree looks at, in the order of the row."""
    return sorted({feature for tree in model.trees for feature in tree.feature})


def is_narrow(program: Program) -> bool:
    """Whether values fit 16 bits, leaves 32 (31 in trees deeper than 5), and lanes the addresses of a byte."""
    model = trees_of(program)
    used = used_features(model)
    if len(used) > MAX_SLOTS:
        return False
    if any(program.features[i].high - program.features[i].low >= 1 << 16 for i in used):
        return False
    return all(
        low >= -_HALF and high < _HALF for low, high in (_range(_mode(tree, True), tree) for tree in model.trees)
    )


def plan_chunks(program: Program, narrow: bool, most: int) -> list[Chunk]:
    """Chunks of at most ``most`` bytes, outputs in order.

    Raises
    ------
    ProgramError
        A tree alone is larger.
    """
    model = trees_of(program)
    chunks: list[Chunk] = []
    for output in range(model.outputs):
        kinds: dict[str, list[Tree]] = {}
        for tree in model.trees_of(output):
            kinds.setdefault(_mode(tree, narrow), []).append(tree)
        for mode in sorted(kinds):
            chunks += (
                Chunk(mode, output, trees, sum(_size(mode, tree) for tree in trees))
                for trees in _cut(mode, kinds[mode], most)
            )
    return chunks


def _mode(tree: Tree, narrow: bool) -> str:
    if not narrow:
        return "nodes"
    return f"depth{tree.depth}" if tree.depth <= len(FIXED) else "blocks"


def _size(mode: str, tree: Tree) -> int:
    if mode == "nodes":
        return nodes_size(tree)
    return BLOCK * block_count(tree) if mode == "blocks" else FIXED[int(mode[-1]) - 1].stride


def _range(mode: str, tree: Tree) -> tuple[int, int]:
    """Least and largest number that a tree adds to a chunk's sum of 32 bits."""
    if mode == "nodes":
        return 0, 0  # its sum has 256 bits
    low, high = min(tree.leaf), max(tree.leaf)
    return (2 * low + 1, 2 * high + 1) if mode == "blocks" else (low, high)


def _cut(mode: str, trees: Sequence[Tree], most: int) -> Iterator[tuple[Tree, ...]]:
    """Chunks as even as the trees allow."""
    count = TREES_UNROLLED if mode.startswith("depth") else _MAX_COUNT
    sizes = [_size(mode, tree) for tree in trees]
    if max(sizes) > most:
        step = "Use a chain with a higher code limit, or fewer leaves a tree."
        raise ProgramError("a tree does not fit into a data contract", field="tree", value=max(sizes), next_step=step)
    pieces = max(-(-len(trees) // count), -(-sum(sizes) // min(most, _AIM)))
    aim, even = -(-sum(sizes) // pieces), -(-len(trees) // pieces)
    chunk: list[Tree] = []
    size = low = high = 0
    for tree, bytes_of in zip(trees, sizes, strict=True):
        least, largest = _range(mode, tree)
        full = len(chunk) >= min(count, even if mode.startswith("depth") else count) or size >= aim
        if chunk and (full or size + bytes_of > most or low + least < -_HALF or high + largest >= _HALF):
            yield tuple(chunk)
            chunk, size, low, high = [], 0, 0, 0
        chunk.append(tree)
        size, low, high = size + bytes_of, low + least, high + largest
    yield tuple(chunk)
