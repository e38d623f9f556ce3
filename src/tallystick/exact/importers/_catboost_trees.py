"""One CatBoost tree, oblivious or free, as one tree of floats for each output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact.importers._catboost_hash import category_hash
from tallystick.exact.importers._float_models import FloatTree
from tallystick.exact.importers._reading import real, reals, whole
from tallystick.exact.importers._thresholds import to_float32

__all__ = ["Columns", "free_trees", "oblivious_trees"]

_WIDEST: Final = 1 << 16  # values of a categorical feature whose hashes are tried
_HASHES: Final = 1 << 32
_DEEPEST: Final = 16  # of an oblivious tree


@dataclass
class Columns:
    """Where features are among the columns, and the categories that have a hash."""

    names: list[str]
    features: Sequence[Feature]
    floats: Mapping[int, int]  # column by float_feature_index
    categories: Mapping[int, int]  # column by cat_feature_index
    _values: dict[int, dict[int, set[int]]] = field(default_factory=dict)  # column: hash: values

    def values(self, column: int, code: int) -> frozenset[int]:
        """The integers of a column's domain whose text has this hash."""
        if column not in self._values:
            feature = self.features[column]
            if feature.high - feature.low >= _WIDEST:
                cause = f"a categorical feature of CatBoost has a domain of more than {_WIDEST:,} values"
                raise ProgramError(cause, feature=feature.name, next_step="Give the feature the domain of its codes.")
            table: dict[int, set[int]] = {}
            for value in range(feature.low, feature.high + 1):
                table.setdefault(category_hash(value), set()).add(value)
            self._values[column] = table
        return frozenset(self._values[column].get(code % _HASHES, ()))


class _Split:
    """One test; ``swapped`` where its left side is CatBoost's right one."""

    def __init__(self, source: Mapping[str, Any], columns: Columns) -> None:
        kind = source["split_type"]
        self.swapped = kind == "OneHotFeature"
        self.values: frozenset[int] = frozenset()
        self.threshold: float = 0
        if self.swapped:
            self.column = columns.categories[whole(source["cat_feature_index"])]
            self.values = columns.values(self.column, whole(source["value"]))
        elif kind == "FloatFeature":
            self.column = columns.floats[whole(source["float_feature_index"])]
            self.threshold = to_float32(real(source["border"]))
        else:
            cause = "the CatBoost model has splits on statistics of categories, texts or embeddings"
            step = "Train with one_hot_max_size above the number of categories, without text and embedding features."
            raise ProgramError(cause, field="split_type", value=str(kind)[:80], next_step=step)


def oblivious_trees(source: Mapping[str, Any], columns: Columns, scale: float, outputs: int) -> list[FloatTree]:
    """All nodes of a level share a split; bit i of a leaf's number is the outcome of split i."""
    splits = [_Split(split, columns) for split in source["splits"] or ()]
    depth, values = len(splits), reals(source["leaf_values"])
    if depth > _DEEPEST or len(values) != outputs << depth:
        raise ValueError(f"{len(values)} leaf values for {depth} splits and {outputs} outputs")
    covers = _covers(source.get("leaf_weights"), 1 << depth)
    nodes: list[_Split] = []
    sides: list[tuple[int, int]] = []
    for level, split in enumerate(
        splits
    ):  # the node that is reached with outcomes `bits` is number 2**level - 1 + bits
        for bits in range(1 << level):
            ends = (bits, bits | 1 << level)
            children = [~end if level + 1 == depth else (2 << level) - 1 + end for end in ends]
            nodes.append(split)
            sides.append((children[0], children[1]))
    leaves = [values[leaf * outputs : (leaf + 1) * outputs] for leaf in range(1 << depth)]
    return _each_output(nodes, sides, leaves, covers, scale)


def free_trees(root: Mapping[str, Any], columns: Columns, scale: float, outputs: int) -> list[FloatTree]:
    """Nested nodes with ``split``, ``left`` and ``right``, and leaves with ``value``."""
    nodes: list[_Split] = []
    sides: list[list[int]] = []
    leaves: list[list[float]] = []
    covers: list[Any] = []
    waiting: list[tuple[Mapping[str, Any], int, int]] = [(root, -1, 0)]
    while waiting:
        part, parent, side = waiting.pop()
        leaf = "split" not in part
        if parent >= 0:
            sides[parent][side] = ~len(leaves) if leaf else len(nodes)
        if leaf:
            value = part["value"]
            leaves.append(reals(value) if isinstance(value, list) else [real(value)])
            covers.append(part.get("weight", 1))
            if len(leaves[-1]) != outputs:
                raise ValueError(f"a leaf has {len(leaves[-1])} values for {outputs} outputs")
            continue
        waiting += ((part["right"], len(nodes), 1), (part["left"], len(nodes), 0))
        nodes.append(_Split(part["split"], columns))
        sides.append([0, 0])
    return _each_output(nodes, [(left, right) for left, right in sides], leaves, _covers(covers, len(leaves)), scale)


def _covers(weights: Any, leaves: int) -> list[float]:
    covers: list[float] = reals(weights) if weights else [1] * leaves
    if len(covers) != leaves or min(covers) < 0:
        raise ValueError(f"{len(covers)} weights for {leaves} leaves")
    return covers


def _each_output(
    nodes: Sequence[_Split],
    sides: Sequence[tuple[int, int]],
    leaves: Sequence[Sequence[float]],
    covers: Sequence[float],
    scale: float,
) -> list[FloatTree]:
    return [
        FloatTree(
            feature=[node.column for node in nodes],
            threshold=[node.threshold for node in nodes],
            left=[side[node.swapped] for node, side in zip(nodes, sides, strict=True)],
            right=[side[not node.swapped] for node, side in zip(nodes, sides, strict=True)],
            leaf=[Fraction(values[output]) * Fraction(scale) for values in leaves],
            cover=covers,
            output=output,
            categories={number: node.values for number, node in enumerate(nodes) if node.swapped},
        )
        for output in range(len(leaves[0]))
    ]
