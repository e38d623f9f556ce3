#!/usr/bin/env python3
"""What each idea behind branch code saves: gas for a tree and bytes for a test, on the breast-cancer set.

Fifty trees of depth 4, thirty features as uint16; gas without intrinsic gas and calldata, the mean over all rows, in
py-evm. Each line has the ideas of the lines above it. Every answer is compared with the reference.

    python bench/branch_ideas.py [--json] [--quick] [--every N]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.targets.evm.calls import breast_cancer, lightgbm_cancer, sklearn_cancer
from tests.targets.evm.machine import run

from tallystick.exact import Program, score_outputs
from tallystick.targets.evm import Assembler, BranchOptions, RowCode, branch_code
from tallystick.targets.evm._contract import prologue, read_value, return_words, reverts
from tallystick.targets.evm.branch._code import parts_of, write_sums
from tallystick.targets.evm.branch._finish import Finish
from tallystick.targets.evm.branch._join import join
from tallystick.targets.evm.branch._tree import Sequel


def direct(program: Program) -> bytes:
    """A direct translation: features in memory, a leaf adds its value and jumps to the next tree."""
    row = RowCode(program)
    code = Assembler()
    prologue(code, row)
    for feature in range(len(program.features)):
        read_value(code, row, feature)
        code.push(slot(feature)).op("MSTORE")
    code.push(program.model.base[0])
    for number, (part,) in enumerate(part.splits for part in parts_of(program)[0]):
        waiting: list[tuple[Sequel, str]] = [(Sequel(0, [part]), "")]
        while waiting:
            sequel, label = waiting.pop()
            if label:
                code.label(label)
            if not sequel.splits:
                code.push(sequel.constant % (1 << 64)).op("ADD").push_label(f"tree{number}").op("JUMP")
                continue
            (split,) = sequel.splits
            name = f"right{number}_{len(waiting)}_{split.feature}_{split.threshold}_{id(split)}"
            code.push(split.threshold).push(slot(split.feature)).op("MLOAD", "GT").push_label(name).op("JUMPI")
            waiting += [(split.right, name), (split.left, "")]
        code.label(f"tree{number}")
    code.push(7).op("SIGNEXTEND").push(0).op("MSTORE")
    return_words(code, 1)
    reverts(code, row)
    return code.assemble()


def slot(feature: int) -> int:
    return 256 + 32 * feature


def planned(program: Program, together: bool) -> bytes:
    """Our layout, with trees one after the other or with equal tests made once."""
    row, parts = RowCode(program), parts_of(program)[0]
    root = join(parts) if together else Sequel(0, [part.splits[0] for part in parts])
    code = Assembler()
    prologue(code, row)
    write_sums(code, row, [root], [Finish.of_score(program.model, 0)], None)
    reverts(code, row)
    return code.assemble()


def variants(program: Program) -> Iterator[tuple[str, bytes]]:
    yield "direct translation", direct(program)
    yield "stack, likely leaf free, planned jumps", planned(program, together=False)
    yield "equal tests made once", planned(program, together=True)
    for room in (16, 22, 30, 40):
        yield f"trees pulled, {room} bytes a test", branch_code(program, BranchOptions(bytes_per_test=room)).runtime


def measure(program: Program, code: bytes, every: int) -> dict[str, float]:
    rows = breast_cancer()[0][::every].tolist()
    spent = 0
    for row in rows:
        outcome = run(code, RowCode(program).encode(row))
        if outcome.words() != score_outputs(program, row):
            raise SystemExit("an answer differs from the reference")
        spent += outcome.gas
    nodes = sum(len(tree.feature) for tree in program.model.trees)
    trees = len(program.model.trees)
    return {"gas_per_tree": round(spent / len(rows) / trees, 1), "bytes_per_node": round(len(code) / nodes, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th row")
    parser.add_argument("--quick", action="store_true", help="every 24th row only")
    arguments = parser.parse_args()
    every = 24 if arguments.quick else arguments.every
    found = {
        name: {idea: measure(program, code, every) for idea, code in variants(program)}
        for name, program in (("lightgbm", lightgbm_cancer()), ("sklearn", sklearn_cancer()))
    }
    if arguments.json:
        print(json.dumps(found, indent=2))
        return
    for name, lines in found.items():
        for idea, figures in lines.items():
            print(f"{name:9} {idea:40} {figures['gas_per_tree']:7} gas/tree {figures['bytes_per_node']:6} bytes/node")


if __name__ == "__main__":
    main()
