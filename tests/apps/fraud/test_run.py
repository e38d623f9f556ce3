"""The whole loop: the same twice, taken up after a stop, its report as the format page says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.apps.fraud import (
    LedgerSession,
    LoopResult,
    Model,
    RunRecord,
    dataset_hash,
    open_ledger,
    open_project_source,
    project_model,
    read_record,
    report_page,
    run_loop,
    save_model,
    stored_half,
    verify_model,
    write_record,
)
from tallystick.errors import Corrupt, Interrupted, StoreError, VerificationFailed
from tallystick.exact import Program
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
    with Project.open(tmp_path / "project") as project:
        result = run_loop(project, ledger, world.source(), "table:memory", model, 0, settings)
    assert result.report["evaluation"] is None
    assert result.report["transfers"] == world.table.num_rows


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


def test_dataset_hash(program: Program) -> None:
    assert dataset_hash(replace(program, metadata={"dataset_manifest": "ab" * 32})) == bytes.fromhex("ab" * 32)
    assert dataset_hash(program) == bytes(32)


def test_embedded_source_is_the_ledgers_own_chain() -> None:
    opened = open_project_source("rpc:embedded#5:9", "http://127.0.0.1:1", Settings())
    assert str(opened.spec) == "rpc:http://127.0.0.1:1#5:9"
    other = open_project_source("xblock:rpc:embedded", "http://127.0.0.1:1", Settings(), skip_bad_rows=True)
    assert (str(other.spec), other.bad_rows.skip) == ("xblock:rpc:embedded", True)


def test_record_round_trip(tmp_path: Path) -> None:
    record = RunRecord("xblock:data", "model/program.tally", "0123", 5, "0x01", 31_337, "0x02", "0x03")
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
    write_record(tmp_path, RunRecord("a", "b", "c"))
    assert read_record(tmp_path) == RunRecord("a", "b", "c", 0, "", 0, "", "")


def test_invalid_no_record(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no run yet"):
        read_record(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"source": 1}', "\xff"])
def test_invalid_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "run.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(Corrupt, match="not a run's record"):
        read_record(tmp_path)


def test_card_survives_a_round_trip_in_order(tmp_path: Path, program: Program) -> None:
    from tallystick.apps.fraud import find_model

    card = find_model("tsgn-v1").card
    save_model(tmp_path / "copy", program, card)
    assert list(find_model(str(tmp_path / "copy")).card["evaluation"]["models"]) == list(card["evaluation"]["models"])
