"""The compiled functions run as what they are written as: plain Python, once, and equal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numba.core.registry import CPUDispatcher

from tallystick.compiling import prefetch
from tallystick.features import SPEC, Engine, EngineOptions, TransferBatch
from tallystick.features import _batch as batch_module
from tallystick.features import _engine as engine_module
from tallystick.features import _memory as memory_module
from tallystick.features import _tables as tables
from tallystick.features._apply import MET
from tallystick.features._kernel import Out
from tallystick.features.labels import _state as label_module

from .streams import (
    ADDRESSES,
    UINT32_MAX,
    UINT256_MAX,
    Transfer,
    assert_same,
    random_labels,
    random_stream,
    to_blocks,
    to_feed,
    to_table,
)

ENTRIES = {
    engine_module: ("advance", "restore"),
    memory_module: ("rehash_accounts", "rehash_pairs", "forget_accounts", "forget_pairs"),
    label_module: ("_write_masks", "rehash_accounts"),
    batch_module: ("pack_words",),
}


def ask_nothing(*_: Any) -> None:
    """Stands for ``prefetch``, which changes nothing but the time."""


def plain(compiled: Any, made: dict[int, Any] | None = None) -> Any:
    """The Python function below a compiled one, calling the Python functions below the ones it calls."""
    made = {} if made is None else made
    if id(compiled) not in made:
        function = compiled.py_func
        names: dict[str, Any] = dict(function.__globals__)
        made[id(compiled)] = FunctionType(
            function.__code__, names, function.__name__, function.__defaults__, function.__closure__
        )
        for name in function.__code__.co_names:
            value = names.get(name)
            if value is prefetch:
                names[name] = ask_nothing
            elif isinstance(value, CPUDispatcher):
                names[name] = plain(value, made)
            elif isinstance(value, ModuleType) and value.__name__.startswith("tallystick.features"):
                twins = {key: plain(item, made) for key, item in vars(value).items() if isinstance(item, CPUDispatcher)}
                names[name] = SimpleNamespace(**{**vars(value), **twins})
    return made[id(compiled)]


@pytest.fixture
def plainly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All of the engine's compiled entry points run as Python."""
    made: dict[int, Any] = {}
    for module, names in ENTRIES.items():
        for name in names:
            monkeypatch.setattr(module, name, plain(getattr(module, name), made))
    with np.errstate(over="ignore"):  # hashes wrap on purpose
        yield


Run = tuple[list[np.ndarray], list[bytes]]


def run(stream: list[Transfer], options: EngineOptions, journal_blocks: int = 200, labels: int = 10) -> Run:
    """Rows and hashes of an engine that goes on, back, and on again."""
    blocks = to_blocks(stream)
    engine = Engine(options, to_feed(random_labels(stream, labels)), journal_blocks)
    rows, hashes = [], [engine.state_hash()]
    for piece in (blocks[: len(blocks) // 2], blocks[len(blocks) // 2 :]):
        rows.append(engine.advance(TransferBatch.from_arrow(to_table([t for block in piece for t in block]))).rows)
        hashes.append(engine.state_hash())
    engine.rollback(min(50, journal_blocks))
    hashes.append(engine.state_hash())
    return rows, hashes


def extremes() -> list[Transfer]:
    """Hubs, long gaps, huge and zero values, one account alone and many that look alike."""
    start = 1_500_000_000
    hub = [Transfer(k, start, ADDRESSES[1], bytes([9, k]) + bytes(18), 1) for k in range(140)]
    rare = [
        Transfer(199, start + 5, ADDRESSES[1], ADDRESSES[3], 5, transaction=7),
        Transfer(199, start + 5, ADDRESSES[3], ADDRESSES[1], 5, transaction=7),  # the coin again: a call within it
        Transfer(199, start + 5, ADDRESSES[3], ADDRESSES[1], 5, b"\x11" * 20, transaction=7),
        Transfer(200, start + 10, ADDRESSES[1], ADDRESSES[2], UINT256_MAX, gas=21_000, price=10**10),
        Transfer(201, start + (1 << 30), ADDRESSES[2], ADDRESSES[1], 10**9, b"\x11" * 20),
        Transfer(202, start + (1 << 31), ADDRESSES[2], ADDRESSES[1], 0, success=False),
    ]
    return [*hub, *rare, *(replace(t, block=300 + t.block, time=UINT32_MAX) for t in random_stream(40))]


STREAMS = {"few": random_stream(260, accounts=5), "many": random_stream(160, accounts=30), "extremes": extremes()}
CASES = [("few", "haircut"), ("few", "fifo"), ("few", "poison"), ("many", "haircut"), ("extremes", "haircut")]


@pytest.fixture(scope="module")
def compiled() -> dict[tuple[str, str], Run]:
    return {case: run(STREAMS[case[0]], EngineOptions(exposure=case[1])) for case in CASES}


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_plain_engine_equals_compiled(
    case: tuple[str, str], compiled: dict[tuple[str, str], Run], plainly: None
) -> None:
    rows, hashes = run(STREAMS[case[0]], EngineOptions(exposure=case[1]))
    for have, want in zip(rows, compiled[case][0], strict=True):
        assert_same(have, want, SPEC.names)
    assert hashes == compiled[case][1]


@pytest.fixture(scope="module", params=["flow", "fees"])
def alone(request: pytest.FixtureRequest) -> tuple[EngineOptions, Run]:
    options = EngineOptions(families=(request.param,))
    return options, run(STREAMS["few"], options, 0, labels=0)


def test_plain_engine_with_one_family(alone: tuple[EngineOptions, Run], plainly: None) -> None:
    options, want = alone
    rows, hashes = run(STREAMS["few"], options, 0, labels=0)
    assert all(np.array_equal(have, row) for have, row in zip(rows, want[0], strict=True))
    assert hashes == want[1]


def met_rows(given: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of an engine, and what the two sides of each transfer learned of one another, which may also be given."""
    batch, engine = TransferBatch.from_arrow(to_table(STREAMS["few"])), Engine()
    rows, ids = np.empty((2 * len(batch), len(SPEC.features)), np.int64), np.empty(2 * len(batch), np.int64)
    met = np.zeros((len(batch), 2, MET), np.int64)
    engine._advance(batch, Out(rows, ids, met), met[:0] if given is None else given)
    return rows, met


def test_plain_engine_is_told_what_sides_learn(plainly: None) -> None:
    rows, met = met_rows()
    again, told = met_rows(met)
    assert_same(again, rows, SPEC.names)
    assert np.array_equal(met, told)
    other, _ = met_rows(met + 1)
    assert not np.array_equal(other, rows)


def test_plain_tables_equal_compiled() -> None:
    # Filled so far that rows collide, then emptied again but for the oldest.
    draw = np.random.default_rng(3)
    keys = draw.integers(0, 1 << 32, (700, 5), np.int64).astype(np.uint32)
    keys[300:, [0, 4]] = keys[:400, [0, 4]]  # look-alikes
    pairs = np.zeros((700, 3), np.int64)
    pairs[:, 0] = np.arange(700) << 32 | 7
    for keep in (700, 350, 1):
        results = []
        for make in (lambda function: function, plain):
            slots = np.zeros((3, 1_024), np.uint32)
            with np.errstate(over="ignore"):
                make(tables.rehash_accounts)(slots[0], slots[1], keys, 700)
                make(tables.rehash_pairs)(slots[2], pairs, 700)
                make(tables.forget_accounts)(slots[0], slots[1], keys, keep, 700)
                make(tables.forget_pairs)(slots[2], pairs, keep, 700)
            results.append(slots)
        assert np.array_equal(*results)
        assert sorted(results[0][0][results[0][0] > 0]) == list(range(1, keep))
        assert sorted(results[0][2][results[0][2] > 0]) == list(range(1, keep + 1))
