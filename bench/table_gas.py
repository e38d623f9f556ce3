#!/usr/bin/env python3
"""What trees in a table cost: gas for a tree and bytes for a node, by shape of tree, on the breast-cancer set.

Thirty features as uint16; gas without intrinsic gas and calldata, the mean over all rows, in py-evm, with the cold
access to the other contract. ``direct`` calls the interpreter with the data's address, ``model`` the model's contract
with a row, ``front`` a front of its own. Every answer is compared with the reference.

    python bench/table_gas.py [--json] [--every N]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
from tests.exact.programs import edge_rows
from tests.targets.evm.calls import CANCER_FEATURES, breast_cancer, lightgbm_cancer, sklearn_cancer
from tests.targets.evm.machine import Outcome, run

from tallystick.apps.fraud import PRETRAINED, find_model
from tallystick.exact import Program, import_lightgbm, score_outputs
from tallystick.targets.evm import RowCode, create2_address, front_code, interpreter_code, table_contracts, table_data

ADDRESS_OF = partial(create2_address, b"\x77" * 20)
DEPOSIT = 200  # gas for a byte of code


def lightgbm(trees: int, **changes: Any) -> Program:
    import lightgbm

    rows, labels = breast_cancer()
    fixed = {"random_state": 0, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1}
    model = lightgbm.LGBMClassifier(n_estimators=trees, **(fixed | changes))
    model.fit(rows.astype(np.float64), labels, feature_name=[feature.name for feature in CANCER_FEATURES])
    return import_lightgbm(model.booster_.model_to_string(), CANCER_FEATURES, bytes(32))


def programs() -> Iterator[tuple[str, Program, list[list[int]]]]:
    rows = breast_cancer()[0].tolist()
    yield "LightGBM, depth 4", lightgbm_cancer(), rows
    yield "LightGBM, depth 4, leaves of one row", lightgbm(50, max_depth=4, num_leaves=16, min_data_in_leaf=1), rows
    yield "LightGBM, depth 4, 100 trees", lightgbm(100, max_depth=4, num_leaves=16), rows
    yield "scikit-learn gradient boosting, depth 4", sklearn_cancer(), rows
    for depth in (1, 2, 3, 5, 6):
        yield f"LightGBM, depth {depth}", lightgbm(50, max_depth=depth, num_leaves=1 << depth), rows
    yield "LightGBM, 31 leaves of one row", lightgbm(50, num_leaves=31, min_data_in_leaf=1), rows
    shipped = find_model(PRETRAINED).program
    yield "the shipped model, 185 features, wide", shipped, edge_rows(shipped, limit=6)


def ways(program: Program) -> dict[str, tuple[bytes, bytes, dict[bytes, bytes], bytes]]:
    """Code to call, its address, the other contracts, and what stands before the row."""
    made = table_contracts(program, ADDRESS_OF)
    there = {ADDRESS_OF(contract.initcode): contract.runtime for contract in made}
    interpreter, model = ADDRESS_OF(made[0].initcode), ADDRESS_OF(made[-1].initcode)
    data = table_data(program, ADDRESS_OF)
    others = there | dict(zip(data.addresses, data.parts, strict=True))
    front = front_code(program, interpreter, data.address)
    return {
        "direct": (made[0].runtime, interpreter, others, data.address),
        "model": (made[-1].runtime, model, others, b""),
        "front": (front, b"\x55" * 20, others, b""),
    }


def ask(way: tuple[bytes, bytes, dict[bytes, bytes], bytes], row: bytes) -> Outcome:
    code, at, others, before = way
    return run(code, before + row, others, at)


def measure(program: Program, rows: list[list[int]]) -> dict[str, Any]:
    trees = program.model.trees
    found: dict[str, Any] = {"trees": len(trees), "nodes": sum(len(tree.feature) for tree in trees)}
    for name, way in ways(program).items():
        spent = 0
        for row in rows:
            outcome = ask(way, RowCode(program).encode(row))
            if outcome.words() != score_outputs(program, row):
                raise SystemExit("an answer differs from the reference")
            spent += outcome.gas
        found[f"{name}_gas_per_tree"] = round(spent / len(rows) / len(trees), 1)
    found["bytes"] = sum(len(part) for part in table_data(program, ADDRESS_OF).parts)
    found["bytes_per_node"] = round(found["bytes"] / found["nodes"], 1)
    found["model_bytes"] = sum(len(contract.runtime) for contract in table_contracts(program, ADDRESS_OF)[1:])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take every N-th row")
    parser.add_argument("--quick", action="store_true", help="every 48th row only")
    arguments = parser.parse_args()
    every = 48 if arguments.quick else arguments.every
    found = {name: measure(program, rows[::every]) for name, program, rows in programs()}
    size = len(interpreter_code())
    if arguments.json:
        print(json.dumps({"interpreter_bytes": size, "deposit_gas": DEPOSIT * size, "cases": found}, indent=2))
        return
    print(f"interpreter: {size} bytes, {DEPOSIT * size} gas of code deposit, once for each chain")
    for name, line in found.items():
        print(name, *(f"{key}={value}" for key, value in line.items()))


if __name__ == "__main__":
    main()
