"""From the sum of leaves on the stack to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.exact import Tree, TreeEnsemble
from tallystick.targets.evm._assembler import Assembler

__all__ = ["Finish"]


@dataclass(frozen=True)
class Finish:
    """What a sum begins with, how many of its bits count, and what is done to it at the end.

    Parameters
    ----------
    bits
        A multiple of 8; the sum is known modulo 2**bits, what is above in its word is not defined.
    start
        What the sum begins with.
    divisor
        What a sum, which then is not negative, is divided by, rounding down; 1 for none.
    plus
        What is added behind that.
    """

    bits: int
    start: int
    divisor: int = 1
    plus: int = 0

    @staticmethod
    def of_score(model: TreeEnsemble, output: int) -> Finish:
        """An output's raw score."""
        low, high = _bounds(model.trees_of(output))
        base, divisor = model.base[output], model.divisor
        if divisor == 1:
            return Finish(_signed_bits(low + base, high + base), base)
        lift = -(low // divisor)  # in units of the divisor: DIV rounds a sum that is not negative down
        return Finish(_whole_bytes((high + lift * divisor).bit_length()), lift * divisor, divisor, base - lift)

    @staticmethod
    def of_part(model: TreeEnsemble, output: int) -> Finish:
        """The plain sum of some of an output's trees, or of parts of them."""
        low, high = _bounds(model.trees_of(output))
        return Finish(_signed_bits(low, high), 0)

    def write(self, code: Assembler) -> None:
        """Append what turns the top of the stack into the answer."""
        if self.divisor == 1:
            code.push(self.bits // 8 - 1).op("SIGNEXTEND")
            return
        code.push((1 << self.bits) - 1).op("AND").push(self.divisor).op("SWAP1", "DIV").push(self.plus).op("ADD")


def _bounds(trees: Sequence[Tree]) -> tuple[int, int]:
    """Smallest and largest sum of any selection of the trees."""
    return sum(min(0, *tree.leaf) for tree in trees), sum(max(0, *tree.leaf) for tree in trees)


def _signed_bits(low: int, high: int) -> int:
    return _whole_bytes(max(high, ~low).bit_length() + 1)


def _whole_bytes(bits: int) -> int:
    return 8 * max(1, (bits + 7) // 8)
