"""Speed of the loop on the real tsgn stream: each stage alone, then all of it as `tally run` does it.

    python bench/loop.py            a table
    python bench/loop.py --json     one JSON object
    python bench/loop.py --quick    the first 60,000 transfers, once

Everything, the embedded chain included, is pinned to one core. Each stage is run once to warm up
(compiled code, file cache) and then timed; the best of the repetitions is reported. There is no peer that
does this loop; single stages are measured against peers in the benchmarks of their own layers.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tallystick import __version__
from tallystick.apps.fraud import (
    BATCH_ROWS,
    PRETRAINED,
    Scorer,
    find_model,
    open_ledger,
    register_model,
    score_to_project,
    verify_model,
)
from tallystick.exact import FastProgram
from tallystick.features import Engine, TransferBatch
from tallystick.ledger import Committer, StoredHalf, cut_ranges, root_of_range
from tallystick.settings import Settings, load_settings
from tallystick.sources import Source, open_source
from tallystick.store import Project
from tallystick.units import Hash

QUICK_LAST_BLOCK = 4_300_000


def best(repeat: int, action: Callable[[], Any]) -> float:
    """Seconds of the fastest of some runs, after one to warm up."""
    action()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(settings: Settings, quick: bool) -> dict[str, Any]:
    model = find_model(PRETRAINED)
    text = f"xblock:{settings.data / 'tsgn'}" + (f"#:{QUICK_LAST_BLOCK}" if quick else "")
    repeat = 1 if quick else 3

    def source() -> Source:
        return open_source(text, settings=settings)

    tables = list(source().batches(BATCH_ROWS))
    transfers = sum(table.num_rows for table in tables)

    def features() -> Engine:
        engine = Engine()
        for table in tables:
            engine.advance(TransferBatch.from_arrow(table))
        return engine

    engine = features()
    rows = Engine().advance(TransferBatch.from_arrow(tables[0])).rows
    fast = FastProgram(model.program)
    scorer = Scorer(model.program)
    scored = [scorer.score(table) for table in tables]
    ranges = [
        item for part in scored for item in cut_ranges(part.transfers, part.predictions, settings.commit_transfers)
    ]
    seconds = {
        "read": best(repeat, lambda: [None for _ in source().batches(BATCH_ROWS)]),
        "features": best(repeat, features),
        "score": best(repeat, lambda: fast.score(rows)) * transfers / (len(rows) / 2),
        "roots": best(repeat, lambda: [root_of_range(item) for item in ranges]),
    }
    seconds |= loop(settings, text, model, source, repeat)
    rates = {f"{name}_tx_per_s": round(transfers / value) for name, value in seconds.items()}
    return {
        **rates,
        "bytes_per_account": round(engine.state_bytes / engine.accounts_known),
        "transfers": transfers,
        "accounts": engine.accounts_known,
        "trees": len(model.program.model.trees),
        "batch_rows": BATCH_ROWS,
        "version": __version__,
        "quick": quick,
    }


def loop(settings: Settings, text: str, model: Any, source: Callable[[], Source], repeat: int) -> dict[str, float]:
    """Commit, verify, and the whole loop, each time in a fresh project on a fresh chain."""
    best_of: dict[str, float] = {}
    for _ in range(repeat + 1):  # the first to warm up
        with (
            tempfile.TemporaryDirectory() as folder,
            Project.open(Path(folder) / "p") as project,
            open_ledger(project.folder("chain"), settings) as session,
        ):
            registry, log, registration, _ = register_model(session, model)
            committer = Committer(log, session.sender(), registration.model_id, Hash(model.program.feature_spec_hash))
            start = time.perf_counter()
            job = score_to_project(project, source(), Scorer(model.program), 0, committer, settings)
            scored = time.perf_counter()
            stored = StoredHalf(
                project.tables.read_table("predictions", job.run), project.tables.read_table("transfers", job.run)
            )
            report = verify_model(registry, log, registration.model_id, model.program, source(), stored)
            end = time.perf_counter()
        report.check()
        found = {"commit": job.seconds["commit"], "verify": end - scored, "loop": end - start}
        found["store"] = job.seconds["store"]
        best_of = {name: min(value, best_of.get(name, value)) for name, value in found.items()}
    return best_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    result = measure(load_settings().settings, options.quick)
    if options.json:
        print(json.dumps(result, sort_keys=True))
        return
    for name, value in result.items():
        print(f"{name:<24} {value:>12,}" if isinstance(value, int) else f"{name:<24} {value:>12}")


if __name__ == "__main__":
    main()
