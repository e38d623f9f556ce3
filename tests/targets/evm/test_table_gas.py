"""What a score by table may cost: the bound that the project promises."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from tallystick.exact import Feature, Program, import_lightgbm, score_outputs
from tallystick.targets.evm import RowCode, TableData, front_code, table_contracts, table_data

from .machine import run
from .tables import ADDRESS_OF, U16, call, codes_of, interpreter

TREES = 50
GAS_PER_TREE = 250
BYTES_PER_NODE = 15


@cache
def rows() -> np.ndarray:
    """scikit-learn's breast-cancer set, each feature's range as [0, 65535]."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer().data
    low, high = data.min(axis=0), data.max(axis=0)
    return np.rint((data - low) / (high - low) * U16).astype(np.int64)


@cache
def model() -> Program:
    import lightgbm
    from sklearn.datasets import load_breast_cancer

    options = {"objective": "binary", "max_depth": 4, "num_leaves": 16, "seed": 4, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(rows().astype(np.float64), load_breast_cancer().target, params=options)
    booster = lightgbm.train(options, data, num_boost_round=TREES)
    features = [Feature(f"Column_{i}", 0, U16) for i in range(30)]
    return import_lightgbm(booster.model_to_string(), features, bytes(32))


@cache
def table() -> TableData:
    return table_data(model(), ADDRESS_OF)


def test_gas_per_tree_with_cold_data() -> None:
    encode = RowCode(model()).encode
    gas = []
    for row in rows()[::3].tolist():
        outcome = call(table(), encode(row))
        assert outcome.words() == score_outputs(model(), row)
        gas.append(outcome.gas)
    assert sum(gas) <= GAS_PER_TREE * TREES * len(gas)
    assert sum(gas) <= 215 * TREES * len(gas)  # measured: 212.9


def test_bytes_per_node() -> None:
    nodes = sum(len(tree.feature) for tree in model().model.trees)
    (part,) = table().parts
    assert len(part) <= BYTES_PER_NODE * nodes
    assert len(part) <= 132 * TREES


def test_gas_per_tree_with_the_interface_of_other_targets() -> None:
    """The interpreter is cold, the model's own data are warm."""
    contracts = table_contracts(model(), ADDRESS_OF)
    there = {ADDRESS_OF(contract.initcode): contract.runtime for contract in contracts}
    code, at = contracts[-1].runtime, ADDRESS_OF(contracts[-1].initcode)
    encode = RowCode(model()).encode
    gas = [run(code, encode(row), there, at).gas for row in rows()[:60].tolist()]
    assert sum(gas) <= 220 * TREES * len(gas)  # measured: 217.3


@pytest.mark.parametrize("push0", [True, False])
def test_front_costs_one_more_contract(push0: bool) -> None:
    there = b"\x55" * 20
    front = front_code(model(), there, table().address, push0)
    row = RowCode(model()).encode(rows()[0].tolist())
    direct = call(table(), row, push0).gas
    through = run(front, row, {there: interpreter(push0), **codes_of(table())}).gas
    assert through - direct < 2600 + 200
