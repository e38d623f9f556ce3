"""Random programs as branch code on a chain, against the reference: as many rows as asked for.

    python tests/runtimes/differential.py --evaluations 1000000 --seed 1

An evaluation is one row of one program, with all outputs compared. Rows stand at thresholds and one either side, at
the corners of the domain, and anywhere; some lie outside the domain and must revert. Some programs are split
into shards behind a router. Ends with exit code 1 at the first difference, and says how to get it again.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

if __name__ == "__main__":  # as a script: the package of these tests is found from the root
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    __package__ = "tests.runtimes"

from web3 import Web3

from tallystick.chain import EmbeddedChain, connect
from tallystick.errors import ProgramError
from tallystick.exact import Feature, Program, TreeEnsemble, score_outputs
from tallystick.runtimes import BatchCaller, ChainLimits, probe_limits
from tallystick.targets.evm import BranchOptions, RowCode, branch_code, split_branch

from ..exact.kinds import finished
from ..exact.programs import edge_rows, random_tree

ROWS = 1_000  # for each program
OUTSIDE = 8  # more, that must revert
MODEL = "0x" + b"tallystick the model".hex()


@dataclass
class Report:
    """What was run."""

    seed: int
    programs: int = 0
    evaluations: int = 0
    reverts: int = 0
    trees: int = 0
    nodes: int = 0
    split: int = 0
    shards: int = 0
    widths: Counter[int] = field(default_factory=Counter)
    difference: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "widths": dict(sorted(self.widths.items()))}


def run(w3: Web3, limits: ChainLimits, evaluations: int, seed: int, rows: int = ROWS) -> Report:
    """Compare until so many evaluations are done, or the first difference."""
    report = Report(seed)
    while report.evaluations < evaluations and not report.difference:
        number = report.programs
        report.programs += 1
        compare(w3, limits, Random(f"{seed}/{number}"), min(rows, evaluations - report.evaluations), report)
        if report.difference:
            report.difference = f"program {number} of seed {seed}: {report.difference}"
    return report


def compare(w3: Web3, limits: ChainLimits, random: Random, rows: int, report: Report) -> None:
    """One random program."""
    program = random_case(random)
    codes, shards = contracts_of(program, random)
    inside = rows_of(program, random, rows)
    code = RowCode(program)
    outside = list(packed_outside(code, random))
    calls = [*outside, *map(code.encode, inside)]
    outcomes = BatchCaller(w3, MODEL, program.model.outputs, limits, codes).run(calls).rows
    expected = [None] * len(outside) + [score_outputs(program, row) for row in inside]
    for call, outcome, should in zip(calls, outcomes, expected, strict=True):
        if outcome.outputs != should:
            report.difference = f"{outcome.outputs} where the reference gives {should}, row {call.hex()}"
            return
    report.evaluations += len(inside)
    report.reverts += len(outside)
    report.trees += len(program.model.trees)
    report.nodes += sum(len(tree.feature) for tree in program.model.trees)
    report.split += bool(shards)
    report.shards += shards
    report.widths.update(code.widths)


def random_case(random: Random) -> Program:
    """Mostly small programs, of every width; one in twenty is large."""
    large = random.random() < 0.05
    features = tuple(random_feature(random, i) for i in range(random.randint(1, 30 if large else 8)))
    features = (*features, Feature("never_constant", -1, 1))
    outputs = random.choice((1, 1, 1, 2, 5))
    divisor = random.choice((1, 1, 1, 7, 1 << 31))
    most = 64 if large else 20
    count = random.randint(20, 40) if large else random.randint(0, 6)
    # No sum may leave int64: a tree's contributions may reach twice its depth times its leaves.
    room = (1 << 62) // (2 * max(count, 1) * most)
    reach = min(random.choice((1, 100, 1 << 20, 1 << 30, 1 << 62)), room)
    trees = tuple(random_tree(random, features, random.randint(2, most), reach) for _ in range(count))
    output = tuple(random.randrange(outputs) for _ in trees) if outputs > 1 else ()
    reach = (1 << 62) // divisor
    base = tuple(random.choice((-reach, reach, random.randint(-reach, reach))) for _ in range(outputs))
    return finished(random, features, TreeEnsemble(trees, base, output, divisor))


def random_feature(random: Random, index: int) -> Feature:
    """A domain of 0 to 64 bits, with an end anywhere."""
    bits = random.randint(0, 64)
    span = random.choice(((1 << bits) - 1, random.randrange(1 << bits)))
    low = random.randint(-(1 << 63), (1 << 63) - 1 - span)
    return Feature(f"feature_{index}", low, low + span)


def contracts_of(program: Program, random: Random) -> tuple[dict[str, bytes], int]:
    """Code by address, and how many shards."""
    options = BranchOptions(push0=random.random() < 0.5, bytes_per_test=random.choice((0, 0, 12, 22, 40)))
    whole = {MODEL: branch_code(program, options).runtime}
    if random.random() > (0.6 if len(whole[MODEL]) > 3_000 else 0.1):
        return whole, 0
    try:
        split = split_branch(program, len(whole[MODEL]) * random.randint(30, 90) // 100, options)
    except ProgramError:  # too small for the router
        return whole, 0
    places = [number.to_bytes(20, "big") for number in range(1 << 64, (1 << 64) + len(split.shards))]
    codes = {"0x" + at.hex(): shard.runtime for at, shard in zip(places, split.shards, strict=True)}
    return {**codes, MODEL: split.router(places).runtime}, len(places)


def rows_of(program: Program, random: Random, count: int) -> list[list[int]]:
    """Edges first; then values at thresholds beside others anywhere."""
    rows = edge_rows(program, random.getrandbits(32), count // 3)[:count]
    values = [{feature.low, feature.high} for feature in program.features]
    for tree in program.model.trees:
        for index, threshold in zip(tree.feature, tree.threshold, strict=True):
            values[index] |= {threshold, threshold + 1}
    edges = [sorted(some) for some in values]
    while len(rows) < count:
        rows.append(
            [
                random.choice(some) if random.random() < 0.5 else random.randint(feature.low, feature.high)
                for some, feature in zip(edges, program.features, strict=True)
            ]
        )
    return rows


def packed_outside(code: RowCode, random: Random) -> Iterator[bytes]:
    """Rows with one packed value above its span."""
    loose = [
        i for i, (span, width) in enumerate(zip(code.spans, code.widths, strict=True)) if span + 1 < 1 << 8 * width
    ]
    for index in random.sample(loose, min(len(loose), OUTSIDE)):
        row = bytearray(code.encode([random.randint(one.low, one.high) for one in code.program.features]))
        most = (1 << 8 * code.widths[index]) - 1
        value = random.choice((code.spans[index] + 1, most, random.randint(code.spans[index] + 1, most)))
        begin = code.offsets[index]
        row[begin : begin + code.widths[index]] = value.to_bytes(code.widths[index], "big")
        yield bytes(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, EmbeddedChain(folder) as chain:
        w3 = connect(chain.url)
        report = run(w3, probe_limits(w3), options.evaluations, options.seed)
    sys.stdout.write(json.dumps({**report.to_json(), "seconds": round(time.perf_counter() - started)}) + "\n")
    sys.exit(bool(report.difference))


if __name__ == "__main__":
    main()
