"""The same numbers in another process, and on real transfers."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tallystick.features import SPEC, Engine, EngineOptions, LabelFeed, ReferenceEngine, TransferBatch
from tallystick.sources import open_source

from .streams import assert_same, random_stream, to_batch

_PROGRAM = """
from features.streams import random_stream, to_batch
from tallystick.features import Engine
engine = Engine()
engine.advance(to_batch(random_stream(800)))
print(engine.state_hash().hex())
"""


@pytest.mark.parametrize(("seed", "threads"), [("1", "2"), ("4294967295", "1")])
def test_state_hash_in_another_process(seed: str, threads: str) -> None:
    engine = Engine()
    engine.advance(to_batch(random_stream(800)))
    environment = {
        **os.environ,
        "PYTHONHASHSEED": seed,
        "NUMBA_NUM_THREADS": threads,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path]),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env=environment, timeout=300
    )
    assert done.stdout.strip() == engine.state_hash().hex()


def check_against_reference(
    table: pa.Table, options: EngineOptions | None = None, labels: LabelFeed | None = None
) -> None:
    batch = TransferBatch.from_arrow(table)
    have = Engine(options, labels).advance(batch).rows
    assert_same(have, np.array(ReferenceEngine(options, labels).advance(batch), np.int64), SPEC.names)


@pytest.mark.data
@pytest.mark.parametrize("name", ["tsgn", "xblock_phishing"])
@pytest.mark.parametrize("rule", ["haircut", "fifo"])
def test_real_streams_begin_as_the_reference_does(data_dir: Path, name: str, rule: str) -> None:
    source = open_source(f"xblock:{data_dir / name}")
    feed = LabelFeed.from_arrow(source.labels())
    check_against_reference(next(iter(source.batches(2_500))), EngineOptions(exposure=rule), feed)


def test_a_generated_stream_is_as_the_reference_says() -> None:
    source = open_source("generated:3000,accounts=600,seed=5")
    labels = source.labels()
    at = labels.schema.get_field_index("category")
    robbers = pc.replace_substring(labels["category"], "laundering", "hack")
    feed = LabelFeed.from_arrow(labels.set_column(at, labels.schema.field(at), robbers), ("generated",))
    assert len(feed)
    check_against_reference(source.read(), EngineOptions(), feed)


@pytest.mark.data
@pytest.mark.slow
def test_tsgn_whole_in_any_pieces(data_dir: Path) -> None:
    table = open_source(f"xblock:{data_dir / 'tsgn'}").read()
    whole, pieces = Engine(), Engine()
    rows = whole.advance(TransferBatch.from_arrow(table)).rows
    blocks = table["block_number"].to_numpy()
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    cuts = [0, *starts[1::7_919].tolist(), len(blocks)]
    for first, last in pairwise(cuts):
        part = pieces.advance(TransferBatch.from_arrow(table.slice(first, last - first))).rows
        assert np.array_equal(part, rows[2 * first : 2 * last])
    assert pieces.state_hash() == whole.state_hash()
    low, high = (np.array([getattr(feature, end) for feature in SPEC.features]) for end in ("low", "high"))
    assert ((rows >= low) & (rows <= high)).all()


@pytest.mark.data
@pytest.mark.slow
def test_mainnet_blocks_are_as_the_reference_says(data_dir: Path) -> None:
    table = open_source(f"blocks:{data_dir / 'mainnet_blocks'}").read()
    assert table.num_rows > 1_000
    check_against_reference(table)
