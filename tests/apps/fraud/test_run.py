"""The whole loop: the same twice, taken up after a stop, its report as the format page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tallystick.apps.fraud import (
    LedgerSession,
    LoopResult,
    Model,
    RunRecord,
    Training,
    dataset_hash,
    metrics_hash,
    open_ledger,
    open_project_source,
    project_model,
    read_record,
    report_page,
    run_loop,
    save_model,
    stored_half,
    train,
    verify_model,
    write_record,
)
from tallystick.errors import Corrupt, InputError, Interrupted, LearnError, StoreError, VerificationFailed
from tallystick.exact import Program
from tallystick.hashing import keccak256
from tallystick.learn import Recipe
from tallystick.settings import Settings
from tallystick.sources import SourceSpec, parse_source
from tallystick.store import Project
from tallystick.units import parse_hash

from .world import World

FORMAT_PAGE = Path(__file__).parents[3] / "docs" / "formats" / "report-v1.md"


class _Stop:
    """Progress that raises at its n-th call of a stage, as Ctrl-C would."""

    def __init__(self, stage: str, calls: int) -> None:
        self._stage, self._left = stage, calls

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._left -= stage == self._stage
        if self._left == 0:
            raise Interrupted(f"stopped in {stage} at {done}")


def loop(folder: Path, world: World, settings: Settings, **changes: Any) -> LoopResult:
    """Train, register, score, commit and verify in a project of its own, with a chain of its own."""
    source = world.source(most_rows=150)
    with Project.open(folder) as project, open_ledger(project.folder("chain"), settings) as session:
        model, start = project_model(project, source, settings)
        return run_loop(project, session, source, "table:memory", model, start, settings, **changes)


def same(one: LoopResult, other: LoopResult) -> None:
    """Everything but the time it took."""
    left, right = ({**result.report, "seconds": None} for result in (one, other))
    assert left == right


@pytest.fixture(scope="module")
def project_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "project"


@pytest.fixture(scope="module")
def small(settings: Settings) -> Settings:
    """Alerts come early enough for the small world."""
    return replace(settings, commit_transfers=60, alert_ppm=700_000)


@pytest.fixture(scope="module")
def first(project_path: Path, world: World, small: Settings) -> LoopResult:
    return loop(project_path, world, small)


@pytest.mark.chain
def test_loop_matches_and_is_kept(first: LoopResult, project_path: Path, world: World) -> None:
    assert first.verification.matches
    assert first.job.transfers == first.verification.transfers < world.table.num_rows
    assert len(first.job.commits) == first.verification.ranges > 3
    folder = project_path / "reports" / first.job.run
    assert json.loads((folder / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(first.report))
    assert (folder / "report.html").read_text(encoding="utf-8") == report_page(first.report)
    assert len((folder / "alerts.jsonl").read_text().splitlines()) == len(first.report["alerts"]) > 0


@pytest.mark.chain
def test_record_finds_everything_again(first: LoopResult, project_path: Path, world: World, small: Settings) -> None:
    record = read_record(project_path)
    assert (record.source, record.run) == ("table:memory", first.job.run)
    assert record.model_id == first.report["ledger"]["model_id"]
    assert record.skip_bad_rows is False
    with Project.open(project_path, readonly=True) as project:
        stored = stored_half(project, record.run)
        with open_ledger(project.folder("chain"), small) as session:
            registry, log = session.contracts()
            assert (registry.address, log.address) == (record.registry, record.prediction_log)
            program = _program_of(record)
            found = verify_model(registry, log, parse_hash(record.model_id), program, world.source(), stored)
    assert found.to_json() == first.report["verification"]


def _program_of(record: RunRecord) -> Program:
    from tallystick.exact import load_program

    return load_program(Path(record.model))


@pytest.mark.chain
def test_rerun_sends_nothing_and_tells_the_same(
    first: LoopResult, project_path: Path, world: World, small: Settings
) -> None:
    notes: list[str] = []
    again = loop(project_path, world, small, say=notes.append)
    assert not any(commit.is_new for commit in again.job.commits)
    assert again.report["ledger"].pop("gas_used") == 0
    expected = json.loads(json.dumps(first.report))
    assert expected["ledger"].pop("gas_used") > 1_000_000
    assert {**again.report, "seconds": None} == {**expected, "seconds": None}
    assert "is active in registry" in notes[0]


@pytest.mark.chain
def test_fresh_project_gives_the_same_ids_and_roots(
    first: LoopResult, tmp_path: Path, world: World, small: Settings
) -> None:
    other = loop(tmp_path / "other", world, small)
    same(first, other)


_PROGRAM = """
import json
import sys
from dataclasses import replace
from pathlib import Path
from fraud.test_run import loop
from fraud.world import make_world
from tallystick.settings import Settings
settings = Settings(commit_transfers=60, alert_ppm=700_000, threads=2)
report = loop(Path(sys.argv[1]), make_world(), settings).report
print(json.dumps({**report, "seconds": None}))
"""


@pytest.mark.chain
@pytest.mark.slow
def test_another_process_gives_the_same_ids_and_roots(first: LoopResult, tmp_path: Path) -> None:
    """Another hash seed, two threads."""
    environment = {
        **os.environ,
        "PYTHONHASHSEED": "4294967295",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "OMP_WAIT_POLICY": "PASSIVE",  # two threads must not spin where there is one free core
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "project")],
        capture_output=True,
        text=True,
        check=True,
        env=environment,
        timeout=300,
    )
    assert json.loads(done.stdout) == json.loads(json.dumps({**first.report, "seconds": None}))


@pytest.mark.chain
@pytest.mark.parametrize("calls", [2, 3])
def test_resume_after_a_stop_while_committing(
    first: LoopResult, tmp_path: Path, world: World, small: Settings, calls: int
) -> None:
    with pytest.raises(Interrupted):
        loop(tmp_path / "stopped", world, small, progress=_Stop("score", calls))
    with pytest.raises(StoreError, match="has no run yet"):
        read_record(tmp_path / "stopped")
    resumed = loop(tmp_path / "stopped", world, small)
    there = [commit.is_new for commit in resumed.job.commits]
    assert there == sorted(there)  # first those that were there, then the new ones
    assert not all(there)
    assert resumed.report["ledger"]["roots"] == first.report["ledger"]["roots"]
    assert resumed.report["ledger"]["model_id"] == first.report["ledger"]["model_id"]
    assert resumed.report["verification"] == first.report["verification"]


@pytest.mark.chain
def test_report_is_as_its_page_says(first: LoopResult) -> None:
    """The page names every field of a report, and no other."""
    section = FORMAT_PAGE.read_text(encoding="utf-8").split("## Fields")[1].split("\n## ")[0]
    named = re.findall(r"^\| `([a-z0-9_.\[\]]+)` \|", section, re.MULTILINE)
    assert set(named) == _fields(json.loads(json.dumps(first.report)), "")
    assert len(named) == len(set(named))


_OPEN = ("seconds", "evaluation.models", "verification.mismatch")  # their names are free, or told elsewhere


def _fields(value: Any, place: str) -> set[str]:
    """Places of all fields, the objects and lists themselves too."""
    here = {place} - {""}
    if place in _OPEN:
        return here
    if isinstance(value, list):
        return here.union(*(_fields(item, f"{place}[]") for item in value)) - {f"{place}[]"}
    if isinstance(value, dict):
        return here.union(*(_fields(item, f"{place}.{key}".lstrip(".")) for key, item in value.items()))
    return here


@pytest.mark.chain
def test_invalid_ledger_has_another_root(
    tmp_path: Path, world: World, program: Program, ledger: LedgerSession, settings: Settings
) -> None:
    """The ledger's half was made from other transactions: the run stops at the first range that differs."""
    model = Model(replace(program, metadata={"name": "another"}), {}, tmp_path / "program.tally")
    other = world.table.to_pylist()
    other[5]["gas_price"] += 1
    for name, table in (("one", world.table), ("two", type(world.table).from_pylist(other, schema=world.table.schema))):
        with Project.open(tmp_path / name) as project:
            if name == "one":
                run_loop(project, ledger, world.source(), "table:memory", model, 0, settings)
                continue
            with pytest.raises(VerificationFailed, match="is on the ledger with another root"):
                run_loop(project, ledger, world.source(table=table), "table:memory", model, 0, settings)


@pytest.mark.chain
def test_report_without_a_model_trained_here(
    tmp_path: Path, world: World, program: Program, ledger: LedgerSession, settings: Settings
) -> None:
    model = Model(replace(program, metadata={"name": "from elsewhere"}), {"evaluation": {"x": 1}}, tmp_path / "p.tally")
    source = world.source()
    source.bad_rows.skip = True
    with Project.open(tmp_path / "project") as project:
        result = run_loop(project, ledger, source, "table:memory", model, 0, settings)
        assert read_record(project.path).skip_bad_rows is True
    assert result.report["evaluation"] is None
    assert result.report["transfers"] == world.table.num_rows


@pytest.mark.chain
def test_invalid_empty_source_is_refused_before_anything_is_sent(
    project: Project, world: World, program: Program, ledger: LedgerSession, settings: Settings
) -> None:
    model = Model(replace(program, metadata={"name": "never sent"}), {}, project.path / "program.tally")
    before = ledger.w3.eth.block_number
    said: list[str] = []
    empty = world.source(table=world.table.slice(0, 0))
    with pytest.raises(InputError, match="the source has no transfers") as caught:
        run_loop(project, ledger, empty, "rpc:http://u:pass@host:1", model, 0, settings, say=said.append)
    assert "pass" not in str(caught.value.where)
    assert (ledger.w3.eth.block_number, said) == (before, [])
    with pytest.raises(StoreError, match="has no run yet"):
        read_record(project.path)


def test_project_model_is_trained_once_while_its_folder_is_there(project: Project, world: World) -> None:
    notes: list[str] = []
    model, cutoff = project_model(project, world.source(), Settings(), lambda stage, *_: notes.append(stage))
    assert "train" in notes
    notes.clear()
    again, same_cutoff = project_model(project, world.source(), Settings(), lambda stage, *_: notes.append(stage))
    assert (again.program, again.card, same_cutoff, notes) == (model.program, model.card, cutoff, [])
    assert list(again.card["evaluation"]["models"]) == list(model.card["evaluation"]["models"])
    for file in model.path.parent.iterdir():
        file.unlink()
    model.path.parent.rmdir()
    once_more, _ = project_model(project, world.source(), Settings())
    assert once_more.program == model.program
    assert once_more.path.is_file()


def test_project_model_of_other_blocks_or_settings_is_another(project: Project, world: World) -> None:
    model, _ = project_model(project, world.source(), Settings())
    some = SourceSpec("table", "memory", parse_source("xblock:x#5:").range)
    for source, settings in ((world.source(spec=some), Settings()), (world.source(), Settings(seed=2))):
        assert project_model(project, source, settings)[0].path != model.path


def test_project_model_of_other_labels_is_trained_anew(project: Project, world: World) -> None:
    model, _ = project_model(project, world.source(), Settings())
    changed = dict(world.labels)
    one = next(iter(changed))
    changed[one] = 1 - changed[one]
    other, _ = project_model(project, world.source(labelled=replace(world, labels=changed).label_table()), Settings())
    assert other.path != model.path
    assert other.program.hash != model.program.hash
    assert other.program.metadata["dataset_manifest"] != model.program.metadata["dataset_manifest"]


class _Trainer:
    """Stands in for training, and counts."""

    def __init__(self, training: Training) -> None:
        self.training, self.calls = training, 0

    def __call__(self, *_: object, **__: object) -> Training:
        self.calls += 1
        return self.training


@pytest.fixture(scope="module")
def training(world: World) -> Training:
    return train(world.source(), None, Settings(), refit=False)


@pytest.fixture
def trainer(training: Training, monkeypatch: pytest.MonkeyPatch) -> _Trainer:
    stand_in = _Trainer(training)
    monkeypatch.setattr("tallystick.apps.fraud._run.train", stand_in)
    return stand_in


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Recipe", partial(Recipe, rounds=7)),
        ("SPEC", SimpleNamespace(hash=bytes(32))),
        ("__version__", "0.0.0"),
    ],
)
def test_project_model_of_another_recipe_spec_or_release_is_trained_anew(
    project: Project, world: World, trainer: _Trainer, monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    model, _ = project_model(project, world.source(), Settings())
    monkeypatch.setattr(f"tallystick.apps.fraud._run.{name}", value)
    other, _ = project_model(project, world.source(), Settings())
    assert (trainer.calls, other.path != model.path) == (2, True)


def test_project_model_takes_no_notice_of_what_changes_nothing(
    project: Project, world: World, trainer: _Trainer
) -> None:
    """Neither threads, nor the order of the labels, nor the list they came from."""
    model, cutoff = project_model(project, world.source(), Settings())
    turned = world.label_table().slice(1).to_pylist()[::-1] + world.label_table().slice(0, 1).to_pylist()
    for row in turned:
        row["source"] = "another list"
    labelled = type(world.table).from_pylist(turned, schema=world.label_table().schema)
    again = project_model(project, world.source(labelled=labelled), Settings(threads=2))
    assert (again[0].path, again[1], trainer.calls) == (model.path, cutoff, 1)


def test_invalid_project_model_without_labels(project: Project, world: World) -> None:
    with pytest.raises(LearnError, match="no labels of its own"):
        project_model(project, world.source(labelled=None), Settings())


def test_metrics_hash_is_that_of_its_page(training: Training) -> None:
    """Whole ppm, keys sorted, no white space, a line feed at the end: as the page of the card says."""
    stated = {
        name: {
            checkpoint: {key: round(value * 1e6) if isinstance(value, float) else value for key, value in found.items()}
            for checkpoint, found in model["after"].items()
        }
        for name, model in training.card["evaluation"]["models"].items()
    }
    text = json.dumps(stated, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert metrics_hash(training.card) == keccak256(f"{text}\n".encode())
    assert metrics_hash(json.loads(json.dumps(training.card, sort_keys=True))) == metrics_hash(training.card)


def test_metrics_hash_is_the_same_for_another_review_budget(world: World, training: Training) -> None:
    other = train(world.source(), None, Settings(review_budget_ppm=200_000), refit=False)
    assert other.card["evaluation"] != training.card["evaluation"]
    assert other.program.hash == training.program.hash
    assert metrics_hash(other.card) == metrics_hash(training.card)


def test_metrics_hash_follows_the_figures(training: Training) -> None:
    def changed(by: float) -> Any:
        card = json.loads(json.dumps(training.card))
        card["evaluation"]["models"]["always no"]["after"]["end"]["auc"] += by
        return metrics_hash(card)

    assert changed(0) == changed(1e-9) == metrics_hash(training.card)
    assert changed(1e-6) != changed(0)
    assert metrics_hash({}) == metrics_hash({"evaluation": {}}) == keccak256(b"{}\n")


def test_dataset_hash(program: Program) -> None:
    assert dataset_hash(replace(program, metadata={"dataset_manifest": "ab" * 32})) == bytes.fromhex("ab" * 32)
    assert dataset_hash(program) == bytes(32)


def test_embedded_source_is_the_ledgers_own_chain() -> None:
    opened = open_project_source("rpc:embedded#5:9", "http://127.0.0.1:1", Settings())
    assert str(opened.spec) == "rpc:http://127.0.0.1:1#5:9"
    other = open_project_source("xblock:rpc:embedded", "http://127.0.0.1:1", Settings(), skip_bad_rows=True)
    assert (str(other.spec), other.bad_rows.skip) == ("xblock:rpc:embedded", True)


def test_invalid_source_as_a_record_shows_it() -> None:
    with pytest.raises(InputError, match="path of the source's endpoint is not kept") as caught:
        open_project_source("rpc:https://node.example/…#5:9", "http://127.0.0.1:1", Settings())
    assert "Give SOURCE" in caught.value.advice


def test_record_round_trip(tmp_path: Path) -> None:
    record = RunRecord("xblock:data", "model/program.tally", "0123", 5, True, "0x01", 31_337, "0x02", "0x03")
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    write_record(tmp_path, RunRecord("a", "b", "c"))
    assert read_record(tmp_path) == RunRecord("a", "b", "c", 0, False, "", 0, "", "")


def test_invalid_no_record(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no run yet"):
        read_record(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": 1}', "\xff"])
def test_invalid_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Corrupt, match="not a run's record"):
        read_record(tmp_path)


def test_invalid_record_does_not_say_whether_rows_were_skipped(tmp_path: Path) -> None:
    write_record(tmp_path, RunRecord("a", "b", "c"))
    file = tmp_path / "reports" / "run.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    del content["skip_bad_rows"]
    file.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(Corrupt, match="not a run's record"):
        read_record(tmp_path)


def test_card_survives_a_round_trip_in_order(tmp_path: Path, program: Program) -> None:
    from tallystick.apps.fraud import find_model

    card = find_model("tsgn-v1").card
    save_model(tmp_path / "copy", program, card)
    assert list(find_model(str(tmp_path / "copy")).card["evaluation"]["models"]) == list(card["evaluation"]["models"])
