"""The fast runtime against other libraries that score tree ensembles, on the same models and rows.

    python bench/scoring.py            a table
    python bench/scoring.py --json     one JSON object
    python bench/scoring.py --quick    two of the four models, in under a minute

One process on one core, every library with one thread. Models are trained by LightGBM and converted; XGBoost trains
its own of the same shape. Competitors run in turns in the same process, and the best turn of each counts.
docs/explanation/scoring-speed.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Final

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # read when the libraries below are loaded

import numpy as np  # noqa: E402
from _features.machine import facts  # noqa: E402
from _scoring.cases import FEATURES, SHAPES, Case, make_case  # noqa: E402
from _scoring.compiled import Compiled  # noqa: E402
from _scoring.peers import Peers, cut, ours, to_treelite  # noqa: E402
from _scoring.race import Plan, check_ours, check_peer, read_gb_per_s, rows_per_s  # noqa: E402

from tallystick import __version__  # noqa: E402

BATCHES: Final = (1, 100, 100_000)
MOST_BATCHES: Final = 4_000  # of one size: enough that no processor learns them by heart
PACKAGES: Final = ("lightgbm", "xgboost-cpu", "treelite", "tl2cgen", "onnxruntime", "onnxmltools", "numba")


def measure(quick: bool, folder: Path, cores: list[int]) -> dict[str, Any]:
    """All models at all batch sizes."""
    wanted = [(SHAPES[0], FEATURES[0]), (SHAPES[1], FEATURES[1])]
    if not quick:
        wanted = [(shape, features) for shape in SHAPES for features in FEATURES]
    cases: list[Case] = []
    compilers: list[Compiled] = []
    for (
        shape,
        features,
    ) in wanted:  # a model is compiled while the next one is trained, on another core where there is one
        case = make_case(shape, features, BATCHES[-1])
        place = folder / str(len(cases))
        compilers.append(Compiled(to_treelite(case.booster), place, "-O1" if quick else "-O2"))
        cases.append(case)
    libraries = [compiler.wait() for compiler in compilers]
    os.sched_setaffinity(0, {cores[-1]})
    measured = [found for case, library in zip(cases, libraries, strict=True) for found in race(case, library, quick)]
    return {
        "cases": measured,
        "lowest_ratio": min(found["ratio"] for found in measured),
        "machine": facts(cores[-1]),
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "version": __version__,
        "quick": quick,
    }


def race(case: Case, library: Path, quick: bool) -> list[dict[str, Any]]:
    """One model at each batch size."""
    expected = np.asarray(case.booster.predict(case.rows.astype(np.float64), raw_score=True))
    sampled, peers, found = check_ours(case, expected), Peers(case, library), []
    expected_xgboost = case.xgboost.inplace_predict(case.rows.astype(np.float32), predict_type="margin")
    for size in BATCHES:
        batches = cut(case.rows, size, MOST_BATCHES)
        others = list(peers.runners(batches))
        for runner in others if size < BATCHES[-1] or not quick else ():
            check_peer(runner, batches, expected_xgboost if runner.name.startswith("xgboost") else expected)
        rounds, turn_s, slow_turns = (3, 0.02, 0) if quick else (15, 0.05, 2)
        rates = rows_per_s([ours(case, batches), *others], batches, Plan(rounds, turn_s, slow_turns))
        found.append(one_result(case, size, rates) | {"rows_checked": sampled})
        if size == BATCHES[-1]:
            found[-1]["memory_bound"] = memory_bound(case, rates["tallystick"], rounds)
    return found


def one_result(case: Case, size: int, rates: dict[str, int]) -> dict[str, Any]:
    """One line of the table."""
    peers = {name: rate for name, rate in rates.items() if name != "tallystick"}
    best = max(peers, key=lambda name: peers[name])
    return {
        "trees": len(case.trees),
        "depth": case.shape.depth or max(tree.depth for tree in case.trees),
        "shape": case.shape.name,
        "leaves": round(case.leaves, 1),
        "xgboost_leaves": round(case.xgboost_leaves, 1),
        "features": case.features,
        "batch": size,
        "ours_rows_per_s": rates["tallystick"],
        "best_peer": best,
        "best_peer_rows_per_s": peers[best],
        "ratio": round(rates["tallystick"] / peers[best], 2),
        "peers": peers,
    }


def memory_bound(case: Case, rate: int, rounds: int) -> dict[str, Any]:
    """How far scoring is from merely reading the rows."""
    bytes_per_row, speed = 8 * case.features, read_gb_per_s(case.rows, rounds)
    factor = speed * 1e9 / bytes_per_row / rate
    return {"bytes_per_row": bytes_per_row, "stream_gb_per_s": round(speed, 2), "factor": round(factor, 2)}


def text(result: dict[str, Any]) -> str:
    """The same as a table."""
    lines = [
        "| model | features | batch | ours, rows/s | best peer | its rows/s | ratio |",
        "|---|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        lines.append(
            f"| {case['shape']} | {case['features']} | {case['batch']:,} | {case['ours_rows_per_s']:,} "
            f"| {case['best_peer']} | {case['best_peer_rows_per_s']:,} | {case['ratio']} |"
        )
    for case in result["cases"]:
        if bound := case.get("memory_bound"):
            lines.append(
                f"{case['shape']}, {case['features']} features: rows are read at {bound['stream_gb_per_s']} GB/s, "
                f"{bound['factor']} times as fast as scored"
            )
    return "\n".join(lines)


@contextmanager
def libraries_kept_off_stdout() -> Iterator[None]:
    """tl2cgen logs to standard output from C; what it says goes to standard error."""
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="two of the four models, few rounds")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, libraries_kept_off_stdout():
        result = measure(options.quick, Path(folder), cores)
    print(json.dumps(result, sort_keys=True) if options.json else text(result))


if __name__ == "__main__":
    main()
