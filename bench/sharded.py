"""Cost of the features in shards: each step alone, bytes shuffled, and Ray with one and two workers.

    python bench/sharded.py                        a table
    python bench/sharded.py --json                 one JSON object
    python bench/sharded.py --quick                a small part, in under a minute
    python bench/sharded.py --transfers 1000000    of the generated stream

The steps are timed in this process by its processor time, so other work on the machine does not enter; Ray by the clock
on the wall and by each process's processor time. docs/explanation/scale.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tallystick import __version__
from tallystick.features import (
    SCOPES,
    Cells,
    Engine,
    EngineOptions,
    LocalShards,
    Part,
    Placement,
    RayShards,
    ShardedEngine,
    TransferBatch,
    split,
)
from tallystick.sources import open_source

TRANSFERS, QUICK_TRANSFERS = 500_000, 20_000
BATCH = 8_192  # transfers, whole blocks
WARM_UP = 2_000
EVERYTHING = EngineOptions()
SHARDED = EngineOptions(families=tuple(name for name, scope in SCOPES.items() if scope.name != "global"))
SPREAD = (2, 8, 64)


def processor_ns(action: Callable[[], Any]) -> int:
    """Processor time of an action in this process."""
    start = time.process_time_ns()
    action()
    return time.process_time_ns() - start


class TimedShards(LocalShards):
    """Shards here, with the processor time of each pass and the transfers that went through."""

    def __init__(self, count: int, options: EngineOptions) -> None:
        super().__init__(count, options)
        self.look_ns = self.rows_ns = self.transfers = 0

    def begin(self, parts: Sequence[Part]) -> list[Cells]:
        """Run both passes."""
        self.transfers += sum(map(len, parts))
        start = time.process_time_ns()
        words = [shard.look(part) for shard, part in zip(self.shards, parts, strict=True)]
        middle = time.process_time_ns()
        cells = [shard.rows(*(words[j][k] for j in range(self.count))) for k, shard in enumerate(self.shards)]
        self.look_ns += middle - start
        self.rows_ns += time.process_time_ns() - middle
        return cells


def read(transfers: int) -> list[TransferBatch]:
    tables = open_source(f"generated:{transfers},accounts={transfers // 5}").batches(BATCH)
    return [TransferBatch.from_arrow(table) for table in tables]


def drain(rows: Iterable[Any]) -> None:
    for _ in rows:
        pass


def one_engine(batches: list[TransferBatch], options: EngineOptions) -> tuple[int, Engine]:
    engine = Engine(options, journal_blocks=0)
    return processor_ns(lambda: drain(map(engine.advance, batches))), engine


def measure_steps(batches: list[TransferBatch], shards: int, n: int) -> dict[str, Any]:
    """Every step of a run with all families: ns of a transfer of the stream, and of one that a shard gets."""
    driver = Placement.of(EVERYTHING).driver
    assert driver is not None
    drain(ShardedEngine(LocalShards(shards)).stream(batches[:2]))  # the system has given memory before
    timed = TimedShards(shards, EVERYTHING)
    engine = ShardedEngine(timed)
    whole = processor_ns(lambda: drain(engine.stream(batches)))
    cutting = processor_ns(lambda: drain(split(batch, shards) for batch in batches))
    driving, _ = one_engine(batches, driver)
    here = sum(shard.accounts_known for shard in timed.shards)
    return {
        "shards": shards,
        "split_ns": round(cutting / n),
        "pass_1_ns": round(timed.look_ns / timed.transfers),
        "pass_2_ns": round(timed.rows_ns / timed.transfers),
        "driver_engine_ns": round(driving / n),
        "join_ns": round((whole - cutting - timed.look_ns - timed.rows_ns - driving) / n),
        "bytes_to_shards": round(engine.shuffle.to_shards / n, 1),
        "bytes_between_shards": round(engine.shuffle.between_shards / n, 1),
        "bytes_to_driver": round(engine.shuffle.to_driver / n, 1),
        "state_bytes_per_account_of_a_shard": round(sum(shard.state_bytes for shard in timed.shards) / here),
    }


def measure_spread(batches: list[TransferBatch], shards: int, n: int, accounts: int) -> dict[str, Any]:
    """How many transfers and accounts shards have more than there are, and how uneven the largest is."""
    sizes = np.zeros(shards, np.int64)
    known: list[set[bytes]] = [set() for _ in range(shards)]
    for batch in batches:
        for shard, (part, _) in enumerate(split(batch, shards)):
            sizes[shard] += len(part)
            for words in (part.batch.sender, part.batch.receiver):
                known[shard].update(word.tobytes() for word in np.unique(words, axis=0))
    return {
        "shards": shards,
        "transfers_times": round(int(sizes.sum()) / n, 3),
        "accounts_times": round(sum(map(len, known)) / accounts, 3),
        "largest_to_mean": round(float(sizes.max() / sizes.mean()), 3),
    }


def measure_ray(batches: list[TransferBatch], workers: int, options: EngineOptions) -> dict[str, Any]:
    n = sum(map(len, batches[1:]))
    with RayShards("ray", workers, options) as shards:
        engine = ShardedEngine(shards)
        engine.advance(batches[0])  # compiled code is read, memory is there
        before = [processor for processor, _, _ in shards.sizes()]
        start, own = time.perf_counter(), time.process_time_ns()
        drain(engine.stream(batches[1:], ahead=2))
        seconds, own = time.perf_counter() - start, time.process_time_ns() - own
        used = [after - then for (after, _, _), then in zip(shards.sizes(), before, strict=True)]
    return {
        "workers": workers,
        "families": "everything" if options == EVERYTHING else "sharded",
        "tx_per_s": round(n / seconds),
        "driver_ns": round(own / n),
        "worker_ns": [round(each / n) for each in used],
    }


def measure(transfers: int, quick: bool) -> dict[str, Any]:
    import ray

    drain(map(Engine(journal_blocks=0).advance, read(WARM_UP)))
    drain(ShardedEngine(LocalShards(2)).stream(read(WARM_UP)))
    batches = read(transfers)
    n = sum(map(len, batches))
    one_engine(batches[:2], EVERYTHING)
    everything, engine = one_engine(batches, EVERYTHING)
    sharded, narrow = one_engine(batches, SHARDED)
    result: dict[str, Any] = {
        "one_engine_ns": {"everything": round(everything / n), "sharded": round(sharded / n)},
        "one_engine_bytes_per_account": {
            "everything": round(engine.state_bytes / engine.accounts_known),
            "sharded": round(narrow.state_bytes / narrow.accounts_known),
        },
        "steps": [measure_steps(batches, shards, n) for shards in (1, 2)],
        "spread": [measure_spread(batches, shards, n, engine.accounts_known) for shards in SPREAD],
        "columns": {"everything": len(EVERYTHING.spec.features), "sharded": len(SHARDED.spec.features)},
    }
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, address="local", logging_level="ERROR")
    try:
        result["ray"] = [
            measure_ray(batches, workers, options) for options in (SHARDED, EVERYTHING) for workers in (1, 2)
        ]
    finally:
        ray.shutdown()
    narrow_1, narrow_2, all_1, all_2 = (found["tx_per_s"] for found in result["ray"])
    result["two_workers_to_one"] = {
        "sharded": round(narrow_2 / narrow_1, 2),
        "everything": round(all_2 / all_1, 2),
    }
    return result | {"transfers": n, "accounts": engine.accounts_known, "version": __version__, "quick": quick}


def lines(result: dict[str, Any], indent: str = "") -> list[str]:
    """A table for people."""
    shown = []
    for name, value in result.items():
        if isinstance(value, dict):
            shown += [f"{indent}{name}", *lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for item in value:
                shown += [f"{indent}{name}", *lines(item, indent + "  ")]
        else:
            shown.append(f"{indent}{name:<40} {value}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="a small part")
    parser.add_argument("--transfers", type=int, help=f"of the generated stream, {TRANSFERS:,} unless told")
    options = parser.parse_args()
    transfers = options.transfers or (QUICK_TRANSFERS if options.quick else TRANSFERS)
    result = measure(transfers, options.quick)
    print(json.dumps(result, sort_keys=True) if options.json else "\n".join(lines(result)))


if __name__ == "__main__":
    main()
