from __future__ import annotations

import ctypes
import json
from pathlib import Path

import numpy as np
import pytest
from _scoring.cases import LARGEST, SHAPES, Case, Shape, make_case, make_labels, make_rows
from _scoring.compiled import Compiled
from _scoring.peers import Peers, Runner, cut, ours, to_treelite
from _scoring.race import Plan, as_scores, check_ours, check_peer, read_gb_per_s, rows_per_s
from scoring import memory_bound, one_result, text

SHORT = Plan(rounds=1, turn_s=0.001, slow_turns=0)
PEERS = {"lightgbm", "onnxruntime", "treelite_gtil", "tl2cgen", "xgboost"}


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(request.param, features=10, rows=300, trees=4)


@pytest.fixture(scope="module")
def peers(case: Case, tmp_path_factory: pytest.TempPathFactory) -> Peers:
    return Peers(case, Compiled(to_treelite(case.booster), tmp_path_factory.mktemp("c") / "x", "-O0").wait())


def test_rows_are_integers_that_float32_holds() -> None:
    rows = make_rows(10, 5_000, seed=2)
    assert rows.dtype == np.int64
    assert np.abs(rows).max() <= LARGEST
    assert (rows.astype(np.float32).astype(np.int64) == rows).all()
    assert (make_rows(10, 5_000, seed=2) == rows).all()
    assert 0.3 < make_labels(rows).mean() < 0.7


def test_trees_are_as_full_as_they_are_named(case: Case) -> None:
    assert len(case.trees) == 4
    assert case.shape.leaves - 2 <= case.leaves <= case.shape.leaves
    assert case.shape.leaves - 2 <= case.xgboost_leaves <= case.shape.leaves


@pytest.mark.parametrize("size", [1, 100, 300])
def test_every_peer_scores_the_model(case: Case, peers: Peers, size: int) -> None:
    lightgbm = case.booster.predict(case.rows.astype(np.float64), raw_score=True)
    xgboost = case.xgboost.inplace_predict(case.rows.astype(np.float32), predict_type="margin")
    assert check_ours(case, lightgbm) == 200
    batches = cut(case.rows, size, most=60)
    runners = list(peers.runners(batches))
    for runner in runners:
        check_peer(runner, batches, xgboost if runner.name.startswith("xgboost") else lightgbm)
    assert {runner.name for runner in runners} == PEERS | (
        {"lightgbm_c", "tl2cgen_c"} if size == 1 else {"xgboost_dmatrix"}
    )
    rates = rows_per_s([ours(case, batches), *runners], batches, SHORT)
    found = one_result(case, size, rates)
    assert found["best_peer_rows_per_s"] == max(found["peers"].values()) == found["peers"][found["best_peer"]]
    assert found["ratio"] == round(found["ours_rows_per_s"] / found["best_peer_rows_per_s"], 2)
    assert json.loads(json.dumps(found)) == found


def test_who_does_not_score_the_model_is_found(case: Case) -> None:
    batches = cut(case.rows, 100, most=2)
    with pytest.raises(SystemExit, match="zero does not score"):
        check_peer(Runner("zero", lambda _: np.zeros(100)), batches, np.ones(300))
    with pytest.raises(SystemExit, match="short does not score"):
        check_peer(Runner("short", lambda _: np.ones(99)), batches, np.ones(300))
    with pytest.raises(SystemExit, match="more than the error bound"):
        check_ours(case, np.full(300, 1e6))


def test_what_is_prepared_is_not_timed() -> None:
    prepared: list[int] = []
    batches = cut(make_rows(10, 40, seed=0), 10, most=9)
    assert (batches.count, [len(part) for part in batches.float32]) == (4, [10] * 4)
    calls: list[int] = []
    rows_per_s([Runner("counts", calls.append, prepared.append)], batches, Plan(2, 1e-5, 0))
    assert prepared == calls
    assert set(calls) <= set(range(4))


def test_results_of_any_form() -> None:
    assert as_scores(ctypes.c_double(2.5)).tolist() == [2.5]
    assert as_scores(np.array([[1], [2]], np.float32)).tolist() == [1, 2]


def test_memory_bound(case: Case) -> None:
    found = memory_bound(case, rate=1_000, rounds=2)
    assert found["bytes_per_row"] == 80
    assert found["factor"] == pytest.approx(found["stream_gb_per_s"] * 1e9 / 80 / 1_000, rel=0.1)
    assert read_gb_per_s(case.rows, 1) > 0


def test_table_has_a_line_for_each_case(case: Case) -> None:
    found = one_result(case, 100, {"tallystick": 2_000, "slow": 10, "other": 1_000})
    bound = {"bytes_per_row": 80, "stream_gb_per_s": 9.0, "factor": 7.5}
    lines = text({"cases": [found, found | {"memory_bound": bound}]}).splitlines()
    assert lines[2] == f"| {case.shape.name} | 10 | 100 | 2,000 | other | 1,000 | 2.0 |"
    assert len(lines) == 5


def test_a_failing_compiler_is_an_error(case: Case, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="compiler failed"):
        Compiled(to_treelite(case.booster), tmp_path / "x", "--no-such-option").wait()


def test_shapes_are_those_of_the_claim() -> None:
    assert (Shape("depth 6", 6, 64), Shape("31 leaves", 0, 31)) == SHAPES
