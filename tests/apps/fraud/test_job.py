"""The scoring job: the same run twice is one run, and a stop in the middle is taken up again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from tallystick.apps.fraud import JobResult, Scored, Scorer, job_key, score_to_project
from tallystick.errors import Interrupted, StoreError
from tallystick.exact import Program
from tallystick.settings import Settings
from tallystick.sources import SourceSpec, parse_source
from tallystick.store import PREDICTIONS, TRANSFERS, Project, check_table

from .world import World


def run(project: Project, world: World, program: Program, settings: Settings, **changes: object) -> JobResult:
    """Several parts although the world is small."""
    options = {"from_time": 0, "committer": None, **changes}
    source = world.source(most_rows=150)
    return score_to_project(project, source, Scorer(program), settings=settings, **options)


def files_of(project: Project) -> dict[str, str]:
    return {
        path.relative_to(project.path).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("tables", "manifests", "reports")
        for path in sorted(project.folder(folder).rglob("*.*"))
    }


def test_what_is_kept(project: Project, world: World, program: Program, settings: Settings, scored: Scored) -> None:
    result = run(project, world, program, settings)
    assert result.run == job_key(world.source(), program, 0)
    assert (result.transfers, result.commits, result.gas_used) == (world.table.num_rows, [], 0)
    transfers = project.tables.read_table("transfers", result.run)
    predictions = project.tables.read_table("predictions", result.run)
    assert check_table(transfers, TRANSFERS).equals(world.table)
    assert check_table(predictions, PREDICTIONS).equals(scored.predictions)
    assert len(project.tables.parts("transfers", result.run)) > 5
    assert set(result.seconds) == {"read, features and scores", "accounts and alerts", "store"}
    assert result.accounts is not None
    assert len(result.accounts.flag) > len(world.labels)


def test_manifest_names_everything(project: Project, world: World, program: Program, settings: Settings) -> None:
    result = run(project, world, program, settings)
    (name,) = project.manifests.list("predictions")
    manifest = project.manifests.check(name)
    assert manifest.inputs == {"source": world.source().content_hash(), "program": "0x" + program.hash.hex()}
    assert manifest.parameters == {
        "alert_after": 3,
        "alert_ppm": 900_000,
        "from_time": 0,
        "run": result.run,
        "source": "table:memory",
    }
    kept = [json.loads(line) for line in (project.path / f"reports/{result.run}/alerts.jsonl").read_text().splitlines()]
    assert kept == [json.loads(json.dumps(alert.to_json())) for alert in result.alerts]
    assert {output.path for output in manifest.outputs} == files_of(project).keys() - {
        path for path in files_of(project) if path.startswith("manifests/")
    }


def test_rerun_writes_nothing_else(project: Project, world: World, program: Program, settings: Settings) -> None:
    first = run(project, world, program, settings)
    before = files_of(project)
    again = run(project, world, program, settings)
    assert files_of(project) == before
    assert (again.run, again.alerts) == (first.run, first.alerts)


def test_fresh_projects_hold_the_same_bytes(tmp_path: Path, world: World, program: Program, settings: Settings) -> None:
    found = []
    for name in ("one", "two"):
        with Project.open(tmp_path / name) as project:
            run(project, world, program, settings)
            found.append(files_of(project))
    assert found[0] == found[1]


class _Stop:
    """Progress that raises at its n-th call, as Ctrl-C would."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._left -= 1
        if self._left == 0:
            raise Interrupted(f"stopped at {done}")


@pytest.mark.parametrize("calls", [1, 3])
def test_resume_after_a_stop(
    tmp_path: Path, project: Project, world: World, program: Program, settings: Settings, calls: int
) -> None:
    with pytest.raises(Interrupted):
        run(project, world, program, settings, progress=_Stop(calls))
    assert len(project.tables.parts("transfers")) == calls
    assert project.manifests.list("predictions") == {}
    run(project, world, program, settings)
    with Project.open(tmp_path / "straight") as straight:
        run(straight, world, program, settings)
        assert files_of(project) == files_of(straight)


def test_from_time_scores_the_later_part(
    project: Project, world: World, program: Program, settings: Settings, scored: Scored
) -> None:
    middle = world.table["timestamp"][400].as_py()
    result = run(project, world, program, settings, from_time=middle)
    late = scored.predictions.filter(pa.compute.greater_equal(scored.predictions["timestamp"], middle))
    assert project.tables.read_table("predictions", result.run).equals(late)
    assert result.transfers == late.num_rows
    assert result.run != job_key(world.source(), program, 0)


def test_key_is_of_content_blocks_program_and_start(world: World, program: Program) -> None:
    key = job_key(world.source(), program, 0)
    assert key == job_key(world.source(), program, 0)
    others = {
        job_key(world.source(table=world.table.slice(1)), program, 0),
        job_key(world.source(spec=SourceSpec("table", "memory", parse_source("xblock:x#5:").range)), program, 0),
        job_key(world.source(), replace(program, threshold_ppm=1), 0),
        job_key(world.source(), program, 1),
    }
    assert len(others - {key}) == 4
    assert job_key(world.source(spec=SourceSpec("table", "elsewhere")), program, 0) == key


def test_progress_is_told(project: Project, world: World, program: Program, settings: Settings) -> None:
    notes: list[tuple[str, int, int | None]] = []
    run(project, world, program, settings, progress=lambda *note: notes.append(note))
    assert notes[-1] == ("score", world.table.num_rows, None)
    assert [note[1] for note in notes] == sorted(note[1] for note in notes)


def test_invalid_other_rows_under_the_same_key(
    project: Project, world: World, program: Program, settings: Settings
) -> None:
    """A part that was altered on disk is not silently written over."""
    result = run(project, world, program, settings)
    part = project.tables.parts("predictions", result.run)[1].path
    part.write_bytes(part.read_bytes()[:-1] + b"\0")
    with pytest.raises(StoreError, match="a part is there with other content"):
        run(project, world, program, settings)


def test_a_source_without_transfers(project: Project, world: World, program: Program, settings: Settings) -> None:
    empty = world.source(table=world.table.slice(0, 0))
    result = score_to_project(project, empty, Scorer(program), 0, None, settings)
    assert (result.transfers, result.alerts) == (0, [])
    assert result.accounts is not None
    assert len(result.accounts.flag) == 0
