"""What conformance does not ask of the runtimes on a chain: sharing, small chains, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tallystick.chain import EmbeddedChain, EmbeddedSigner, connect
from tallystick.errors import ChainError, ProgramError, RangeError
from tallystick.exact import DenseLayer, ErrorBound, Feature, Mlp, Program, score_outputs
from tallystick.runtimes import BatchCaller, Outcome, deploy, plan_deployment, probe_rows, runtime
from tallystick.runtimes._evm import _EvmRunner
from tallystick.targets.evm import RowCode

from ..exact.kinds import random_linear, random_mlp
from ..exact.programs import program
from ..targets.evm import machine
from .nodes import unusual_chain
from .test_deploy import forest

KINDS = {"evm-branch": program, "evm-table": program, "evm-dense": lambda: random_mlp(1)}


@pytest.fixture
def anvil(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.revert(name)


@pytest.mark.chain
@pytest.mark.parametrize("name", KINDS)
def test_runtime_on_a_chain(name: str) -> None:
    model = KINDS[name]()
    rows = probe_rows(model, 40)
    with runtime(name).open(model) as runner:
        assert [tuple(row) for row in runner.outputs(rows).tolist()] == expected(model, rows)
        assert runner.outputs(rows[:0]).shape == (0, model.model.outputs)
        outside = rows[:2].copy()
        outside[1, 0] = model.features[0].high + 1
        with pytest.raises(RangeError, match="feature outside"):
            runner.outputs(outside)


@pytest.mark.chain
@pytest.mark.parametrize("name", KINDS)
def test_gas_is_the_other_machines(anvil: EmbeddedChain, name: str) -> None:
    """The chain's count equals py-evm's, with other contracts cold for the first call and warm for the next."""
    model = KINDS[name]()
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    plan = plan_deployment(w3, model, name.removeprefix("evm-"))
    deploy(plan, w3, signer, broadcast=True)
    calls = [RowCode(model).encode(row) for row in probe_rows(model, 20).tolist()]
    found = BatchCaller(w3, plan.address, model.model.outputs, plan.limits).run(calls)
    own = bytes.fromhex(plan.address[2:])
    others = {bytes.fromhex(one.address[2:]): one.runtime for one in plan.contracts[:-1]}
    alone = [machine.run(plan.contracts[-1].runtime, call, others, at=own) for call in calls]
    assert found.first_gas == alone[0].gas
    cold = 2_500 * len(others)
    assert [one.gas for one in found.rows] == [one.gas - cold for one in alone]


def expected(model: Program, rows: np.ndarray) -> list[tuple[int, ...]]:
    return [score_outputs(model, row) for row in rows.tolist()]


def test_invalid_kinds_are_refused_before_a_chain_starts() -> None:
    refused = {"evm-branch": random_linear(1), "evm-table": random_mlp(1), "evm-dense": program()}
    for name, model in refused.items():
        why = runtime(name).refuses(model)
        assert "use the" in why
        with pytest.raises(ProgramError, match=why.partition(";")[0]), runtime(name).open(model):
            pass
        assert not runtime(name).refuses(KINDS[name]())


def test_invalid_revert_inside_the_domain() -> None:
    """It would be a fault of ours: said, never returned as a number."""
    caller: Any = SimpleNamespace(words=1, target="0x00", run=lambda rows: SimpleNamespace(rows=[Outcome(None, 9)]))
    with pytest.raises(ChainError, match="reverts for row 0, which is inside the domain"):
        _EvmRunner(program(), caller).outputs(np.array([[1, 1]], np.int64))


def test_outside_rows_are_the_contracts_to_refuse() -> None:
    """Otherwise a contract without a check of the domain would pass every check of ours."""
    outside = np.array([[1001, 0]], np.int64)
    for answer in ((7,), None):
        found = SimpleNamespace(rows=[Outcome(answer, 9)])
        caller: Any = SimpleNamespace(words=1, target="0x00", run=lambda rows, found=found: found)
        if answer:
            assert _EvmRunner(program(), caller).outputs(outside).tolist() == [[7]]
        else:
            with pytest.raises(RangeError, match="outside"):
                _EvmRunner(program(), caller).outputs(outside)
        with pytest.raises(RangeError, match="outside"):  # what no bytes can say
            _EvmRunner(program(), caller).outputs(np.array([[-1, 0]], np.int64))


@pytest.mark.chain
def test_tables_share_one_interpreter(anvil: EmbeddedChain) -> None:
    w3, signer = connect(anvil.url), EmbeddedSigner(anvil.accounts[0])
    first = plan_deployment(w3, program(), "table")
    assert [one.role for one in first.missing] == ["interpreter", "model"]
    assert not first.is_split
    deploy(first, w3, signer, broadcast=True)
    other = forest(trees=3)
    second = plan_deployment(w3, other, "table")
    assert [one.role for one in second.missing] == ["model"]
    assert second.contracts[0].address == first.contracts[0].address
    receipt = deploy(second, w3, signer, broadcast=True)
    assert [bool(one.gas_used) for one in receipt.contracts] == [False, True]
    rows = probe_rows(other, 50)
    calls = [RowCode(other).encode(row) for row in rows.tolist()]
    found = BatchCaller(w3, receipt.address, 1, second.limits).run(calls).rows
    assert [one.outputs for one in found] == expected(other, rows)


@pytest.mark.chain
@pytest.mark.parametrize("target", ["table", "dense"])
def test_small_chain_takes_more_contracts(tmp_path: Path, target: str) -> None:
    model = forest(trees=250, leaves=16) if target == "table" else wide()
    with unusual_chain(tmp_path, "--code-size-limit", "9000") as chain:
        w3, signer = connect(chain.url), EmbeddedSigner(chain.accounts[0])
        plan = plan_deployment(w3, model, target)
        assert len([one for one in plan.contracts if one.role.startswith("data")]) >= 1
        receipt = deploy(plan, w3, signer, broadcast=True)
        rows = probe_rows(model, 20)
        calls = [RowCode(model).encode(row) for row in rows.tolist()]
        found = BatchCaller(w3, receipt.address, 1, plan.limits).run(calls).rows
        assert [one.outputs for one in found] == expected(model, rows)


def wide() -> Program:
    """A perceptron of 256 inputs, 60 hidden and one output: 15 KB of weights."""

    random = Random(3)
    sizes = ((256, 60), (60, 1))
    layers = []
    for inputs, outputs in sizes:
        weight = tuple(tuple(random.randint(-128, 127) for _ in range(inputs)) for _ in range(outputs))
        layers.append(DenseLayer(weight, (5,) * outputs, 7, -(1 << 31) if outputs == 1 else 0, 127))
    features = tuple(Feature(f"pixel_{i}", 0, 255) for i in range(256))
    return Program(features, bytes(32), Mlp(tuple(layers)), 0, ErrorBound(0, "random"))
