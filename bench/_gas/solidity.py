"""The peer: the same trees as nested ifs in Solidity, in three ways to hand the features over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tallystick.exact import Program, Tree, TreeEnsemble
from tallystick.hashing import keccak256

Likely: TypeAlias = Sequence[Sequence[bool]]
PACKED = 16  # features of 16 bits to a word


@dataclass(frozen=True)
class Form:
    """One way to write the peer.

    ``parameters`` of the function, ``types`` of its selector, ``read`` gives an expression for a feature, ``encode``
    the calldata behind the selector.
    """

    name: str
    parameters: Callable[[int], str]
    types: Callable[[int], str]
    read: Callable[[int], str]
    encode: Callable[[Sequence[int]], bytes]

    def calldata(self, row: Sequence[int]) -> bytes:
        return keccak256(f"score({self.types(len(row))})".encode())[:4] + self.encode(row)


def _words(row: Sequence[int]) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in row)


def _packed(row: Sequence[int]) -> bytes:
    content = b"".join(value.to_bytes(2, "big") for value in row)
    return content + bytes(-len(content) % 32)


def _lane(feature: int) -> str:
    shift = 16 * (PACKED - 1 - feature % PACKED)
    moved = f"w{feature // PACKED} >> {shift}" if shift else f"w{feature // PACKED}"
    return f"({moved})" if feature % PACKED == 0 else f"(({moved}) & 0xffff)"


def _count(features: int) -> int:
    return -(-features // PACKED)


FORMS = (
    Form(
        "uint16 array",
        lambda n: f"uint16[{n}] calldata f",
        lambda n: f"uint16[{n}]",
        lambda feature: f"f[{feature}]",
        _words,
    ),
    Form(
        "uint256 array",
        lambda n: f"uint256[{n}] calldata f",
        lambda n: f"uint256[{n}]",
        lambda feature: f"f[{feature}]",
        _words,
    ),
    Form(
        "packed words",
        lambda n: ", ".join(f"uint256 w{i}" for i in range(_count(n))),
        lambda n: ",".join(["uint256"] * _count(n)),
        _lane,
        _packed,
    ),
)


def source_of(program: Program, form: Form, likely: Likely | None = None) -> str:
    """A contract with ``score``: every tree as nested ifs, in one function, without overflow checks.

    With ``likely`` the side that more rows take is written first, which the compiler makes the cheaper one.
    """
    model = program.model
    assert isinstance(model, TreeEnsemble)
    assert model.outputs == model.divisor == 1
    assert all((feature.low, feature.high) == (0, 65_535) for feature in program.features)
    lines = [
        "// SPDX-License-Identifier: Apache-2.0",
        "pragma solidity ^0.8.0;",
        "contract Peer {",
        f"function score({form.parameters(len(program.features))}) external pure returns (int256 s) {{",
        f"unchecked {{ s = {model.base[0]};",
        *(_branch(tree, 0, form, likely[number] if likely else None) for number, tree in enumerate(model.trees)),
        "} } }",
    ]
    return "\n".join(lines)


def likely_sides(program: Program, rows: Sequence[Sequence[int]]) -> Likely:
    """For each node of each tree whether most of the rows that reach it go left."""
    found = []
    for tree in program.model.trees:
        balance = [0] * len(tree.feature)
        for row in rows:
            at = 0
            while at >= 0:
                left = row[tree.feature[at]] <= tree.threshold[at]
                balance[at] += 1 if left else -1
                at = tree.left[at] if left else tree.right[at]
        found.append([count > 0 for count in balance])
    return found


def _branch(tree: Tree, at: int, form: Form, likely: Sequence[bool] | None) -> str:
    if at < 0:
        return f"s += {tree.leaf[~at]};"
    left, right = (_branch(tree, side[at], form, likely) for side in (tree.left, tree.right))
    test = f"{form.read(tree.feature[at])} <= {tree.threshold[at]}"
    if likely is not None and not likely[at]:
        test, left, right = test.replace("<=", ">"), right, left
    return f"if ({test}) {{ {left} }} else {{ {right} }}"
