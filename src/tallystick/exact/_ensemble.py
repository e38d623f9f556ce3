"""Sums of decision trees: one output, several (a class each), or averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._limits import INT64_MAX, INT64_MIN, MAX_DIVISOR, MAX_OUTPUTS, MAX_TREES, check_integer
from tallystick.exact._trees import Tree

__all__ = ["KIND_FOREST", "KIND_TREES", "TreeEnsemble"]

KIND_TREES: Final = 1  # one output, divisor 1
KIND_FOREST: Final = 2  # several outputs, or a divisor


@dataclass(frozen=True)
class TreeEnsemble:
    """Trees whose leaves are added up, each for one output.

    ``raw[k] = base[k] + floor(sum(leaf reached in each tree of output k) / divisor)``

    Parameters
    ----------
    trees
        Every threshold is in its feature's [low, high), so both sides can be reached.
    base
        Raw score without trees, int64, for each output.
    output
        Which output each tree belongs to; empty where there is only one.
    divisor
        1 for a sum; the number of trees of an output for a mean; [1, 2**32).

    Raises
    ------
    ProgramError
        A number is out of range, or as many outputs as trees are not named.

    Examples
    --------
    >>> TreeEnsemble((), (5,)).outputs
    1
    """

    trees: tuple[Tree, ...]
    base: tuple[int, ...] = (0,)
    output: tuple[int, ...] = ()
    divisor: int = 1

    def __post_init__(self) -> None:
        check_integer(len(self.base), 1, MAX_OUTPUTS, "outputs")
        check_integer(len(self.trees), 0, MAX_TREES, "trees")
        check_integer(self.divisor, 1, MAX_DIVISOR, "divisor")
        for number in self.base:
            check_integer(number, INT64_MIN, INT64_MAX, "base")
        if len(self.output) != (len(self.trees) if self.outputs > 1 else 0):
            cause = "each tree needs its output where there are several, and none where there is one"
            raise ProgramError(cause, field="tree.output", value=len(self.output))
        for number in self.output:
            check_integer(number, 0, self.outputs - 1, "tree.output")

    @property
    def kind(self) -> int:
        """Number of this kind in the file format."""
        return KIND_TREES if (self.outputs, self.divisor) == (1, 1) else KIND_FOREST

    @property
    def outputs(self) -> int:
        """Number of raw scores for a row."""
        return len(self.base)

    def trees_of(self, output: int) -> tuple[Tree, ...]:
        """Trees that are added up for one output."""
        if self.outputs == 1:
            return self.trees
        return tuple(tree for tree, its in zip(self.trees, self.output, strict=True) if its == output)

    def check(self, features: Sequence[Feature]) -> None:
        """Check the trees against the domains.

        Raises
        ------
        ProgramError
            An unknown feature, a threshold outside its feature's domain, or a sum that could leave int64.
        """
        for tree in self.trees:
            for index, threshold in zip(tree.feature, tree.threshold, strict=True):
                feature = features[check_integer(index, 0, len(features) - 1, "tree.feature")]
                if not feature.low <= threshold < feature.high:
                    cause = "a threshold must be in its feature's [low, high)"
                    raise ProgramError(cause, field="tree.threshold", feature=feature.name, value=threshold)
        self._check_no_overflow()

    def _check_no_overflow(self) -> None:
        """Every partial sum, in any order of trees, of scores and of contributions stays inside int64.

        A partial sum of scores is at most ``divisor * |base| + sum(max |leaf|)``. A contribution changes by at most
        ``max leaf - min leaf`` at each of at most ``depth`` steps in each tree.
        """
        score = [abs(number) * self.divisor for number in self.base]
        contribution = [0] * self.outputs
        for tree, output in zip(self.trees, self.output or [0] * len(self.trees), strict=True):
            low, high = min(tree.leaf), max(tree.leaf)
            score[output] += max(abs(low), abs(high))
            contribution[output] += tree.depth * (high - low)
        if max(*score, *contribution) > INT64_MAX:
            cause = "the sum of the trees could leave int64"
            raise ProgramError(cause, field="trees", next_step="Import the model with fewer scale bits.")
