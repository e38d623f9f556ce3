"""Models of accounts as a whole source leaves them: training, judging, scoring, and what is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from tallystick.apps.fraud import (
    Scorer,
    Training,
    card_markdown,
    find_model,
    measures_markdown,
    metrics_hash,
    save_model,
    score_snapshot,
    takes_snapshot,
    train,
    write_accounts,
)
from tallystick.apps.fraud import _training as training_module
from tallystick.apps.fraud._snapshot_judge import PLAIN_FEATURES, baselines, judge_repeats
from tallystick.apps.fraud._snapshot_model import SnapshotRecipe, fit_snapshot, folds, out_of_fold
from tallystick.apps.fraud._snapshot_training import WORDS, labelled
from tallystick.errors import LearnError, MissingExtra, SpecMismatch
from tallystick.exact import FastProgram, Program, explain_row, score_row
from tallystick.features.snapshot import SNAPSHOT, snapshot_rows
from tallystick.learn import binary_labels
from tallystick.settings import Settings
from tallystick.sources import open_source

from .world import TableSource, World

SMALL = SnapshotRecipe(rounds=20, ensembles=2, folds=3, repeats=2)


class GraphSource(TableSource):
    """The small world as if it were a graph."""

    kind: ClassVar[str] = "graph"
    is_graph: ClassVar[bool] = True


@pytest.fixture
def graph(world: World) -> GraphSource:
    return GraphSource(world.table, world.label_table())


@pytest.fixture(scope="module")
def small_recipe() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_module, "SnapshotRecipe", partial(SnapshotRecipe, 20, 2, 3, 2))
        yield


@pytest.fixture(scope="module")
def trained(world: World, small_recipe: None) -> Training:
    return train(GraphSource(world.table, world.label_table()), None, Settings(), refit=True)


@pytest.fixture(scope="module")
def examples(world: World) -> tuple[np.ndarray, np.ndarray]:
    return labelled(snapshot_rows(world.table), world.labels)


def test_a_graph_is_trained_on_as_a_whole(world: World, trained: Training) -> None:
    assert takes_snapshot(trained.program)
    assert trained.cutoff == 0
    assert trained.card["data"] == {
        "source": "graph",
        "content_hash": trained.dataset.inputs["source"],
        "manifest_hash": trained.dataset.hash,
        "transfers": world.table.num_rows,
        "accounts": len(world.labels),
        "positives": sum(world.labels.values()),
    }
    assert trained.dataset.parameters["view"] == trained.program.metadata["view"] == "snapshot"
    assert trained.program.metadata["dataset_manifest"] == trained.dataset.hash
    assert trained.card["recipe"] == SMALL.as_json()
    assert len(trained.program.model.trees) <= SMALL.rounds * SMALL.ensembles


def test_card_is_plain_and_names_the_protocol(trained: Training) -> None:
    card = trained.card
    assert json.loads(json.dumps(card)) == card
    assert {name: card[name] for name in WORDS} == WORDS
    text = card_markdown(card)
    assert "cross-validation over accounts, stratified, 3 parts, repeated 2 times" in text
    table = [line for line in measures_markdown(card["evaluation"]).splitlines() if line.startswith("| ")]
    assert [line.split("|")[1].strip() for line in table[1:]] == [
        "tallystick",
        "majority class",
        "best single feature",
        f"LightGBM on {len(PLAIN_FEATURES)} plain features",
    ]
    assert len(metrics_hash(card)) == 32


def test_figures_are_of_accounts_not_trained_on(trained: Training) -> None:
    models = trained.card["evaluation"]["models"]
    ours, majority = models["tallystick"]["after"]["end"], models["majority class"]["after"]["end"]
    assert ours["accuracy"] > majority["accuracy"]
    assert majority["auc"] == 0.5
    assert ours["auc"] > 0.8


def test_training_again_gives_the_same_bytes(world: World, graph: GraphSource, trained: Training) -> None:
    other = train(GraphSource(world.table, None), world.label_table(), Settings(threads=2), refit=True)
    assert other.program.to_bytes() == trained.program.to_bytes()
    assert other.card == trained.card
    assert train(graph, None, Settings(seed=2), refit=True).program.hash != trained.program.hash


def test_every_account_is_scored_by_the_reference_rules(world: World, graph: GraphSource, trained: Training) -> None:
    found = score_snapshot(graph, trained.program)
    rows = snapshot_rows(world.table)
    assert np.array_equal(found.address, rows.addresses)
    assert found.transfers_seen.tolist() == rows.payments.tolist()
    for k in range(0, len(rows), 37):
        row = rows.rows[k].tolist()
        scored = score_row(trained.program, row)
        assert (scored.ppm, scored.ppm >= trained.program.threshold_ppm) == (found.score_ppm[k], found.flag[k])
        assert explain_row(trained.program, row) is not None


def test_flags_begin_where_the_raw_score_is_not_negative(
    examples: tuple[np.ndarray, np.ndarray], trained: Training
) -> None:
    raw, ppm = FastProgram(trained.program).score(examples[0])
    assert ((raw >= 0) == (ppm >= trained.program.threshold_ppm)).all()


def test_a_saved_model_scores_alike(tmp_path: Path, graph: GraphSource, trained: Training) -> None:
    save_model(tmp_path / "m", trained.program, trained.card, trained.dataset)
    found = find_model(str(tmp_path / "m"))
    assert found.card == trained.card
    table = score_snapshot(graph, found.program)
    write_accounts(table, tmp_path / "scores.csv")
    lines = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("account,score_ppm,flag")
    assert len(lines) == 1 + len(table.flag)


def test_merged_program_is_the_sum_of_its_ensembles(examples: tuple[np.ndarray, np.ndarray]) -> None:
    rows, truth = examples
    both = fit_snapshot(rows, truth, SMALL)
    alone = fit_snapshot(rows, truth, SnapshotRecipe(rounds=20, ensembles=1))
    rest = SnapshotRecipe(rounds=20, ensembles=2).members()[1]
    assert rest.seed == 1_001
    assert both.model.trees[: len(alone.model.trees)] == alone.model.trees
    assert both.error_bound.numerator > alone.error_bound.numerator
    assert both.error_bound.derivation.startswith("sum of 2 ensembles, each: ")


def test_each_repeat_judges_every_account_once(examples: tuple[np.ndarray, np.ndarray]) -> None:
    rows, truth = examples
    judged = np.zeros((SMALL.repeats, len(truth)), int)
    for repeat, train_at, test_at in folds(truth, SMALL):
        judged[repeat, test_at] += 1
        assert not set(train_at.tolist()) & set(test_at.tolist())
    assert (judged == 1).all()
    assert {len(test) == len(raw) for _, test, raw in out_of_fold(rows, truth, SMALL)} == {True}


def test_baselines_and_measures() -> None:
    draw = np.random.default_rng(1)
    truth = np.array([0, 1] * 30)
    rows = draw.integers(0, 100, (60, len(SNAPSHOT.features)))
    rows[:, 5] = np.where(truth == 1, 7, 9)
    found = baselines(rows, truth, SMALL)
    assert judge_repeats(found["best single feature"], truth)["after"]["end"]["accuracy"] == 1.0
    assert judge_repeats(found["majority class"], truth)["after"]["end"]["recall"] == 0.0
    measured = judge_repeats([(truth, truth == 1), (1 - truth, truth == 0)], truth)
    assert (measured["after"]["end"]["accuracy"], measured["sd"]["accuracy"]) == (0.5, 0.5)


def test_labels_do_not_enter_a_row(world: World, graph: GraphSource) -> None:
    turned = {address: 1 - label for address, label in world.labels.items()}
    rows, truth = labelled(snapshot_rows(world.table), world.labels)
    other, flipped = labelled(snapshot_rows(graph.read()), turned)
    assert np.array_equal(rows, other)
    assert (truth + flipped == 1).all()


def test_invalid_earlier_part_of_a_graph(graph: GraphSource) -> None:
    with pytest.raises(LearnError, match="no earlier part") as caught:
        train(graph, None, Settings(), refit=False)
    assert "--early-part" in caught.value.advice


def test_invalid_labels(world: World, graph: GraphSource) -> None:
    with pytest.raises(LearnError, match="no labelled account"):
        labelled(snapshot_rows(world.table), {bytes(20): 1})
    with pytest.raises(LearnError, match="as many accounts of each class"):
        list(folds(np.array([0] * 9 + [1]), SMALL))


def test_invalid_program_for_the_other_view(graph: GraphSource, program: Program, trained: Training) -> None:
    with pytest.raises(SpecMismatch, match="the snapshot view computes"):
        score_snapshot(graph, program)
    with pytest.raises(SpecMismatch, match="this engine computes"):
        Scorer(trained.program)


@pytest.mark.parametrize("missing", ["lightgbm", "sklearn", "sklearn.model_selection"])
def test_invalid_without_a_training_library(
    graph: GraphSource, small_recipe: None, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match="is not installed"):
        train(graph, None, Settings(), refit=True)


def test_invalid_judging_without_a_training_library(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = np.array([0, 1] * 6)
    rows = np.zeros((12, len(SNAPSHOT.features)), np.int64)
    found = baselines(rows, truth, SMALL)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "lightgbm", None)
        with pytest.raises(MissingExtra, match="is not installed"):
            baselines(rows, truth, SMALL)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match="is not installed"):
        judge_repeats(found["majority class"], truth)


@pytest.mark.data
@pytest.mark.slow
def test_real_graph_holds_its_floor(data_dir: Path) -> None:
    source = open_source(f"tedge:{data_dir / 'tedge'}")
    labels = source.labels()
    assert labels is not None
    rows, truth = labelled(snapshot_rows(source.read()), binary_labels(labels))
    assert len(truth) == 623
    recipe = SnapshotRecipe(ensembles=1, repeats=2)
    raw = np.zeros((recipe.repeats, len(truth)), np.int64)
    for repeat, test, scores in out_of_fold(rows, truth, recipe):
        raw[repeat, test] = scores
    ours = judge_repeats([(one, one >= 0) for one in raw], truth)["after"]["end"]
    assert ours["accuracy"] >= 0.95
    assert ours["auc"] >= 0.987
