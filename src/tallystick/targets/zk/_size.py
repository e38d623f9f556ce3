"""How large a circuit becomes, before it is built: digits of its comparisons, and a bound on its rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick.exact import Linear, Program, TreeEnsemble
from tallystick.targets.zk._layers import LayerPlan, plan_layers
from tallystick.targets.zk._numbers import columns_of_parts, legs_for

__all__ = ["MAX_LOGROWS", "MIN_LOGROWS", "Size", "logrows_for", "refusal", "size_of"]

MIN_LOGROWS: Final = 11  # the table of 1,024 digits, and the rows that hide the rest
MAX_LOGROWS: Final = 17
_TERMS_OF_LEVEL: Final = 4  # each operator begins a row of its own
_HIDDEN_ROWS: Final = 64  # of 2**logrows, more than the proof system keeps for blinding


@dataclass(frozen=True)
class Size:
    """How large a circuit becomes.

    Parameters
    ----------
    legs
        Digits in base 1024 of every comparison and floor.
    comparisons, floors
        How many numbers are taken apart.
    terms
        Products, sums and differences.
    """

    legs: int
    comparisons: int
    floors: int
    terms: int

    @property
    def rows(self) -> int:
        """Rows that the circuit takes, at most.

        Two terms share a row. The rest was fitted to the compiler's own count, which ``tests/runtimes/zk/test_keys.py``
        holds it against.
        """
        return 16 + self.terms // 2 + self.comparisons * (11 + 2 * self.legs) + self.floors * (42 + 4 * self.legs)


def size_of(program: Program) -> Size:
    """Size of a program's circuit."""
    match program.model:
        case TreeEnsemble() as model:
            return _size_of_trees(program, model)
        case Linear(weight=weight):
            return Size(legs_for(0), 0, 0, _terms_of(weight))
        case model:
            return _size_of_layers(plan_layers(program, model))


def logrows_for(rows: int) -> int:
    """Smallest power of two that holds so many rows: one block of columns, so the smallest verifier.

    Examples
    --------
    >>> logrows_for(10), logrows_for(1_984), logrows_for(1_985)
    (11, 11, 12)
    """
    return max(MIN_LOGROWS, (rows + _HIDDEN_ROWS - 1).bit_length())


def refusal(program: Program) -> str:
    """Why a program's circuit is too large to be proved here; empty where it is not."""
    size = size_of(program)
    if logrows_for(size.rows) <= MAX_LOGROWS:
        return ""
    return (
        f"its circuit could take {size.rows:,} rows, at most {(1 << MAX_LOGROWS) - _HIDDEN_ROWS:,} are proved: "
        "use fewer trees or a smaller network, or let a contract score it"
    )


def _size_of_trees(program: Program, model: TreeEnsemble) -> Size:
    splits = {split for tree in model.trees for split in zip(tree.feature, tree.threshold, strict=True)}
    spans = [feature.high - feature.low for feature in program.features]
    numbers = [threshold + 1 - program.features[feature].low for feature, threshold in splits]
    nodes = sum(len(tree.feature) for tree in model.trees)
    leaves = [leaf for tree in model.trees for leaf in tree.leaf]
    depth = max((tree.depth for tree in model.trees), default=0)
    terms = 2 * nodes + len(columns_of_parts(numbers)) * len(splits) + _TERMS_OF_LEVEL * depth
    terms += len(columns_of_parts(leaves)) * len(leaves) * model.outputs
    reach = max((spans[feature] for feature, _ in splits), default=0)
    return Size(legs_for(reach), len(splits), 0, terms + _constants(model.outputs))


def _terms_of(weight: tuple[tuple[int, ...], ...]) -> int:
    parts = sum(1 + sum(any(column) for column in columns_of_parts(row)) for row in weight)
    return parts * (len(weight[0]) + 2) + _constants(len(weight))


def _constants(outputs: int) -> int:
    """Additions of a constant of three parts to each output, and each output's own place."""
    return 6 * outputs + 2


def _size_of_layers(layers: list[LayerPlan]) -> Size:
    comparisons = floors = terms = 0
    for layer in layers:
        outputs = len(layer.bias)
        comparisons += outputs * ((layer.low is not None) + (layer.high is not None))
        floors += outputs * layer.steps
        terms += _terms_of(layer.weight) + 8 * outputs
    return Size(legs_for(max(layer.reach for layer in layers)), comparisons, floors, terms)
