"""Proofs of scores: seconds to make keys, prove and verify, bytes, and gas on an embedded chain.

    python bench/proofs.py            a table
    python bench/proofs.py --json     one JSON object
    python bench/proofs.py --quick    small models only, in under a minute

Models are random, with 30 features of 16 bits; each tree is perfect, with thresholds of its own. Times are on the wall
and include a process for each call of the prover; seconds of processor beside them depend less on what else runs. The
test SRS is made before. ``equal``: here, on the chain and by the reference the outputs are the same.
``tampered_refused``: a changed proof, input and output each revert. docs/guides/proofs.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tallystick import __version__
from tallystick.chain import EmbeddedChain, KeySigner, connect, send_transaction, simulate
from tallystick.errors import TransactionFailed
from tallystick.exact import (
    DenseLayer,
    ErrorBound,
    Feature,
    Linear,
    Mlp,
    Model,
    Program,
    Tree,
    TreeEnsemble,
    score_outputs,
)
from tallystick.runtimes.zk import Keys, Proof, ProofContracts, deploy_verifier, local_srs, prepare, prove_with, verify
from tallystick.targets.zk import VERIFY_SELECTOR, circuit, encode_call

FEATURES = tuple(Feature(f"f{index}", 0, 65_535) for index in range(30))
INT32 = (-(1 << 31), (1 << 31) - 1)
NOBODY = "0x" + "00" * 20


def program(model: Model) -> Program:
    return Program(FEATURES, bytes(32), model, 16, ErrorBound(0, "random"))


def perfect_tree(random: Random, depth: int) -> Tree:
    feature: list[int] = []
    threshold: list[int] = []
    sides: list[list[int]] = []
    leaves: list[int] = []

    def grow(level: int) -> int:
        if level == 0:
            leaves.append(random.randint(-(1 << 20), 1 << 20))
            return -len(leaves)
        node = len(feature)
        feature.append(random.randrange(len(FEATURES)))
        threshold.append(random.randrange(65_535))
        sides.append([0, 0])
        sides[node] = [grow(level - 1), grow(level - 1)]
        return node

    grow(depth)
    value = [0] * len(feature)
    for node in reversed(range(len(feature))):
        children = [leaves[~child] if child < 0 else value[child] for child in sides[node]]
        value[node] = sum(children) // 2
    left, right = zip(*sides, strict=True)
    return Tree(tuple(feature), tuple(threshold), left, right, tuple(value), tuple(leaves))


def trees(count: int, depth: int, divisor: int = 1) -> Model:
    random = Random(count * depth)
    return TreeEnsemble(tuple(perfect_tree(random, depth) for _ in range(count)), (7,), (), divisor)


def linear() -> Model:
    random = Random(1)
    weight = tuple(random.randint(-(1 << 30), 1 << 30) for _ in FEATURES)
    return Linear((weight,), (-5,), (0,) * len(FEATURES))


def mlp(hidden: int) -> Model:
    random = Random(hidden)

    def layer(inputs: int, outputs: int, shift: int, low: int, high: int) -> DenseLayer:
        weight = tuple(tuple(random.randint(-128, 127) for _ in range(inputs)) for _ in range(outputs))
        return DenseLayer(weight, tuple(random.randint(-1_000, 1_000) for _ in range(outputs)), shift, low, high)

    return Mlp((layer(len(FEATURES), hidden, 13, 0, 127), layer(hidden, 1, 0, *INT32)))


QUICK = {
    "linear": ("30 to 1", linear),
    "trees": ("10 of depth 3", lambda: trees(10, 3)),
    "mlp": ("30-16-1", lambda: mlp(16)),
}
LARGE = {
    "averages": ("10 of depth 3", lambda: trees(10, 3, 10)),
    "mlp, wide": ("30-64-1", lambda: mlp(64)),
    "trees, many": ("100 of depth 4", lambda: trees(100, 4)),
}


def timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, seconds on the wall, and seconds of processor in the processes it started."""
    start, before = time.perf_counter(), processor_s()
    result = action()
    return result, round(time.perf_counter() - start, 2), round(processor_s() - before, 2)


def processor_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(chain: EmbeddedChain, kind: str, shape: str, model: Model, folder: Path) -> dict[str, Any]:
    own, random = program(model), Random(kind)
    row = tuple(random.randint(feature.low, feature.high) for feature in FEATURES)
    local_srs(circuit(own).logrows)
    keys, setup_s, setup_processor_s = timed(lambda: prepare(own, folder / "keys"))
    proof, prove_s, prove_processor_s = timed(lambda: prove_with(keys, row))
    _, verify_s, verify_processor_s = timed(lambda: verify(own, proof, folder / "keys"))
    signer = KeySigner(chain.accounts[0].private_key)
    contracts = deploy_verifier(connect(chain.url), signer, keys)
    contracts.check()
    receipt = send_transaction(contracts.w3, signer, contracts.call(proof))
    alone = send_transaction(contracts.w3, signer, {**contracts.call(proof), "to": contracts.verifier})
    outputs = score_outputs(own, row)
    return {
        "kind": kind,
        "shape": shape,
        "rows": keys.rows,
        "logrows": keys.circuit.logrows,
        "setup_s": setup_s,
        "prove_s": prove_s,
        "verify_s": verify_s,
        "setup_processor_s": setup_processor_s,
        "prove_processor_s": prove_processor_s,
        "verify_processor_s": verify_processor_s,
        "proof_bytes": len(proof.proof),
        "calldata_bytes": len(contracts.call(proof)["data"]) // 2 - 1,
        "verifier_bytes": code_bytes(contracts, contracts.verifier),
        "wrapper_bytes": code_bytes(contracts, contracts.wrapper),
        "deploy_gas": contracts.gas,
        "verify_gas": receipt["gasUsed"],
        "wrapper_gas": receipt["gasUsed"] - alone["gasUsed"],
        "equal": proof.outputs == outputs == contracts.scores(proof),
        "tampered_refused": tampered_refused(contracts, keys, proof),
    }


def code_bytes(contracts: ProofContracts, address: str) -> int:
    return len(contracts.w3.eth.get_code(contracts.w3.to_checksum_address(address)))


def tampered_refused(contracts: ProofContracts, keys: Keys, proof: Proof) -> bool:
    """A byte of the proof, an input, an output: each must revert."""
    numbers = keys.circuit.instances(proof.row, proof.sums)
    bad = bytes([*proof.proof[:-1], proof.proof[-1] ^ 1])
    calls = [
        (bad, numbers),
        (proof.proof, [numbers[0] ^ 1, *numbers[1:]]),
        (proof.proof, [*numbers[:-1], numbers[-1] ^ 1]),
    ]
    refused = 0
    for content, instances in calls:
        data = encode_call(VERIFY_SELECTOR, content, instances)
        try:
            simulate(contracts.w3, NOBODY, {"to": contracts.wrapper, "data": "0x" + data.hex()})
        except TransactionFailed:
            refused += 1
    return refused == len(calls)


def report(quick: bool) -> dict[str, Any]:
    cases = []
    with tempfile.TemporaryDirectory() as folder, EmbeddedChain(Path(folder) / "chain") as chain:
        for kind, (shape, make) in (QUICK if quick else QUICK | LARGE).items():
            with tempfile.TemporaryDirectory() as keys:
                cases.append(measure(chain, kind, shape, make(), Path(keys)))
    return {"tallystick": __version__, "quick": quick, "cases": cases}


def show(found: dict[str, Any]) -> None:
    names = [name for name in found["cases"][0] if name != "kind"]
    rows = [["kind", *names], *([case["kind"], *(case[name] for name in names)] for case in found["cases"])]
    widths = [max(len(str(row[column])) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(str(cell).rjust(width) for cell, width in zip(row, widths, strict=True)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="small models only")
    options = parser.parse_args()
    found = report(options.quick)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        show(found)


if __name__ == "__main__":
    main()
