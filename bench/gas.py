"""Gas of models on the EVM: our three targets, and the same trees in Solidity, on one embedded chain.

    python bench/gas.py            tables
    python bench/gas.py --json     one JSON object
    python bench/gas.py --quick    one model of trees and fewer compilations, the same keys

Execution gas: without the transaction's own 21,000 and without calldata, with the contract warm, counted on the chain
between two readings of ``GAS`` and checked against another EVM in the tests. ``gas`` is the mean over the data set;
``cold_gas`` is what the first call of a transaction adds for reading other contracts; the headline of the table has it
in. Every row's outputs are compared with the reference: the data set, rows at thresholds and one either side, random
ones.

The peer is the same model as nested ifs by ``solc`` with its optimizer at 200 runs, with unchecked sums and no check
of the domain (ours has one), in several forms, by both of its pipelines; the one of least gas counts. ``--quick``
leaves out forms that are worse.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import time
from importlib import metadata
from typing import Any

from _gas import dense, report
from _gas.measure import Chain, Task, measure_target, outlook, peers
from _gas.models import DATA_ROWS, check_rows, tree_programs
from _gas.solc import VERSION as SOLC_VERSION

from tallystick import __version__
from tallystick.chain import EmbeddedChain, EmbeddedOptions, EmbeddedSigner, connect, find_anvil
from tallystick.runtimes import probe_limits

HEADLINE = "lightgbm, 50 trees"
TARGETS = ("branch", "table")


def measure(quick: bool) -> dict[str, Any]:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, EmbeddedChain(folder) as embedded:
        w3 = connect(embedded.url)
        chain = Chain(w3, EmbeddedSigner(embedded.accounts[0]), probe_limits(w3))
        trees = [case for name, program in tree_programs(quick) for case in measure_trees(chain, name, program, quick)]
        layers = [measure_dense(chain, task) for task in dense.tasks()]
    headline = sorted((case for case in trees if case["model"] == HEADLINE), key=by_gas, reverse=True)
    best = {case["layout"]: case for case in headline}  # of several, the one of least gas
    return {
        "branch_gas_per_tree": best["branch"]["gas_per_tree"],
        "table_gas_per_tree": best["table"]["cold_gas_per_tree"],  # as in a transaction that reads it first
        "table_gas_per_tree_warm": best["table"]["gas_per_tree"],
        "solidity_gas_per_tree": best["solidity"]["gas_per_tree"],
        "branch_bytes_per_node": best["branch"]["bytes_per_node"],
        "table_bytes_per_node": best["table"]["bytes_per_node"],
        "mac_gas": layers[0]["gas_per_mac"],
        "rows_checked": min(case["rows_checked"] for case in [*trees, *layers]),
        "trees": trees,
        "dense": layers,
        "outlook": [outlook(case) for case in best.values()],
        "limits": chain.limits.to_json(),
        "versions": versions(),
        "quick": quick,
        "seconds": round(time.perf_counter() - started, 1),
    }


def by_gas(case: dict[str, Any]) -> float:
    return float(case["gas"])


def measure_trees(chain: Chain, name: str, program: Any, quick: bool) -> list[dict[str, Any]]:
    task = Task(name, program, check_rows(program), DATA_ROWS)
    found = [case for target in TARGETS for case in measure_target(chain, task, target)] + peers(chain, task, quick)
    count = len(program.model.trees)
    nodes = sum(len(tree.feature) for tree in program.model.trees)
    steps = sum(path_length(tree, row) for row in task.rows[: task.data] for tree in program.model.trees) / task.data
    shape = {"tree_count": count, "nodes": nodes, "comparisons_per_tree": round(steps / count, 2)}
    for case in found:
        case |= {**shape, "gas_per_tree": round(case["gas"] / count, 1)}
        case |= {"cold_gas_per_tree": round((case["gas"] + case["cold_gas"]) / count, 1)}
        case |= {"bytes_per_node": round(case["bytes"] / nodes, 2)}
    return found


def path_length(tree: Any, row: Any) -> int:
    at, steps = 0, 0
    while at >= 0:
        at = tree.left[at] if row[tree.feature[at]] <= tree.threshold[at] else tree.right[at]
        steps += 1
    return steps


def measure_dense(chain: Chain, task: Task) -> dict[str, Any]:
    (case,) = measure_target(chain, task, "dense")
    return case | {"macs": dense.macs(task.program), "gas_per_mac": round(case["gas"] / dense.macs(task.program), 2)}


def versions() -> dict[str, str]:
    anvil = subprocess.run([find_anvil(), "--version"], check=True, capture_output=True, text=True).stdout
    packages = {name: metadata.version(name) for name in ("lightgbm", "scikit-learn", "numpy")}
    own = {"tallystick": __version__, "python": platform.python_version(), "hardfork": EmbeddedOptions().hardfork}
    return {**own, "anvil": anvil.split()[2], "solc": SOLC_VERSION, **packages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    result = measure(options.quick)
    print(json.dumps(result, sort_keys=True) if options.json else report.text(result))


if __name__ == "__main__":
    main()
