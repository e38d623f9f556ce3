"""The compiled functions run as what they are written as: plain Python, once, and equal."""

from __future__ import annotations

from dataclasses import replace
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numba.core.registry import CPUDispatcher

from tallystick.features import SPEC, Engine
from tallystick.features import _kernel as kernel
from tallystick.features import _rules_fast as fast
from tallystick.features import _tables as tables

from .streams import ADDRESSES, UINT32_MAX, UINT256_MAX, Transfer, assert_same, random_stream, to_batch


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
            if isinstance(value, CPUDispatcher):
                names[name] = plain(value, made)
            elif isinstance(value, ModuleType) and value is fast:
                twins = {key: plain(item, made) for key, item in vars(fast).items() if isinstance(item, CPUDispatcher)}
                names[name] = SimpleNamespace(**{**vars(fast), **twins})
    return made[id(compiled)]


def run_plain(transfers: list[Transfer]) -> tuple[np.ndarray, np.ndarray]:
    batch, size = to_batch(transfers), 1 << 12
    engine = Engine()
    rows, ids = np.empty((2 * len(batch), len(SPEC.features)), np.int64), np.empty(2 * len(batch), np.int64)
    columns = tuple(getattr(batch, name) for name in ("time", "sender", "receiver", "amount", "tag", "fee", "bits"))
    slots = [np.zeros(size, np.int64) for _ in range(2)]  # not int32: an id of NumPy's own would stay so narrow
    with np.errstate(over="ignore"):  # the hash wraps on purpose
        plain(kernel.advance)(
            columns,
            slots[0],
            engine._account_keys,
            engine._accounts,
            slots[1],
            engine._edge_keys,
            engine._edges,
            engine._counts,
            rows,
            ids,
        )
    return rows, ids


def test_plain_kernel_equals_compiled() -> None:
    # The engine's whole range of branches: hubs, long gaps, huge values, zero values.
    start = 1_500_000_000
    hub = [Transfer(k, start, ADDRESSES[1], bytes([9, k]) + bytes(18), 1) for k in range(140)]
    rare = [
        Transfer(200, start + 10, ADDRESSES[1], ADDRESSES[2], UINT256_MAX, gas=21_000, price=10**10),
        Transfer(201, start + (1 << 30), ADDRESSES[2], ADDRESSES[1], 10**9, b"\x11" * 20),
        Transfer(202, start + (1 << 31), ADDRESSES[2], ADDRESSES[1], 0, success=False),
    ]
    stream = [*hub, *rare, *(replace(t, block=300 + t.block, time=UINT32_MAX) for t in random_stream(40))]
    for transfers in (random_stream(300), stream):
        rows, ids = run_plain(transfers)
        result = Engine().advance(to_batch(transfers))
        assert_same(rows, result.rows, SPEC.names)
        assert np.array_equal(ids, result.account)


def test_plain_rehash_equals_compiled() -> None:
    keys = np.random.default_rng(3).integers(0, 1 << 63, (500, 3), np.int64).astype(np.uint64)
    edge_keys = np.arange(500, dtype=np.int64) << 32 | 7
    compiled, python = np.zeros((2, 1_024), np.int32), np.zeros((2, 1_024), np.int64)
    tables.rehash_accounts(compiled[0], keys, 500)
    tables.rehash_edges(compiled[1], edge_keys, 500)
    with np.errstate(over="ignore"):
        plain(tables.rehash_accounts)(python[0], keys, 500)
        plain(tables.rehash_edges)(python[1], edge_keys, 500)
    assert np.array_equal(compiled, python)
    assert sorted(compiled[0][compiled[0] > 0]) == list(range(2, 501))
    assert sorted(compiled[1][compiled[1] > 0]) == list(range(1, 501))
