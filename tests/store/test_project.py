from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from tallystick.errors import Corrupt, ProjectBusy, RangeError, StoreError
from tallystick.store import PROJECT_VERSION, Project

FOLDERS = ["chain", "manifests", "models", "reports", "tables"]


def test_open_makes_the_layout(tmp_path: Path) -> None:
    with Project.open(tmp_path / "a" / "b") as project:
        assert project.path == tmp_path / "a" / "b"
        found = sorted(path.name for path in project.path.iterdir())
        assert found == sorted([*FOLDERS, "lock", "tally-project.json"])
        assert [project.folder(name) for name in FOLDERS] == [project.path / name for name in FOLDERS]
        project.state.finish("step", "hash")
        assert project.state.done("step", "hash") == {}
        assert (project.path / "state.sqlite").is_file()


def test_open_relative_path_stays_when_the_working_directory_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    with Project.open("p") as project:
        monkeypatch.chdir(tmp_path / "other")
        project.write_file("reports/r.txt", b"x")
    assert (tmp_path / "p" / "reports" / "r.txt").read_bytes() == b"x"


def test_open_again_keeps_everything(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p") as project:
        output = project.write_file("models/m/card.json", b"{}")
        project.state.finish("step", "hash", {"a": 1})
    marker = (tmp_path / "p" / "tally-project.json").read_bytes()
    with Project.open(tmp_path / "p") as project:
        assert project.state.done("step", "hash") == {"a": 1}
        assert output.sha256 == hashlib.sha256((project.path / output.path).read_bytes()).hexdigest()
    assert (tmp_path / "p" / "tally-project.json").read_bytes() == marker


def test_folders_that_went_missing_come_back(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p") as project:
        project.folder("reports").rmdir()
    with Project.open(tmp_path / "p") as project:
        assert project.folder("reports").is_dir()


def test_temporaries_are_swept_at_open_for_writing_only(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p") as project:
        left = project.folder("models") / ".model.0123.tally-tmp"
        left.touch()
    with Project.open(tmp_path / "p", readonly=True):
        assert left.exists()
    with Project.open(tmp_path / "p"):
        assert not left.exists()


def test_readonly_writes_nothing(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p") as project:
        project.write_file("reports/r", b"x")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    with Project.open(tmp_path / "p", readonly=True) as project:
        assert project.readonly
        assert project.state.steps() == []
        assert project.manifests.list() == {}
        with pytest.raises(StoreError, match="reading only"):
            project.write_file("reports/r", b"y")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")} == before


def test_invalid_readonly_without_a_project(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no project here"):
        Project.open(tmp_path / "p", readonly=True)
    assert not (tmp_path / "p").exists()


def test_close_twice_is_once(tmp_path: Path) -> None:
    project = Project.open(tmp_path / "p")
    assert project.state.steps() == []
    project.close()
    project.close()
    Project.open(tmp_path / "p").close()


def test_error_in_the_block_gives_the_lock_back(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Project.open(tmp_path / "p"):
        raise KeyboardInterrupt
    with Project.open(tmp_path / "p"):
        pass


def test_invalid_second_writer(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p", command="tally run"), pytest.raises(ProjectBusy, match="tally run"):
        Project.open(tmp_path / "p")


def test_invalid_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StoreError, match=r"holds other things: thesis\.tex"):
        Project.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_open_finishes_what_a_kill_left_of_the_first_open(tmp_path: Path) -> None:
    for name in ("lock", ".tally-project.json.00ff.tally-tmp", "state.sqlite"):
        (tmp_path / name).touch()
    (tmp_path / "chain").mkdir()
    with Project.open(tmp_path):
        assert not (tmp_path / ".tally-project.json.00ff.tally-tmp").exists()


def test_invalid_newer_format_says_upgrade(tmp_path: Path) -> None:
    marker = {"format": "tallystick-project", "format_version": PROJECT_VERSION + 1}
    (tmp_path / "tally-project.json").write_text(json.dumps(marker))
    for readonly in (True, False):
        with pytest.raises(StoreError, match="project has format 2; this version reads up to 1") as caught:
            Project.open(tmp_path, readonly=readonly)
        assert "upgrade" in caught.value.advice
    marker["format_version"] = PROJECT_VERSION
    (tmp_path / "tally-project.json").write_text(json.dumps(marker))
    Project.open(tmp_path).close()


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"[]", b"{}", b'{"format": "x"}', b'{"format": "tallystick-project"}']
)
def test_invalid_project_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tally-project.json").write_bytes(content)
    for readonly in (True, False):
        with pytest.raises(Corrupt, match="not a project file"):
            Project.open(tmp_path, readonly=readonly)


def test_invalid_project_path_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for readonly in (True, False):
        with pytest.raises(StoreError, match="Not a directory"):
            Project.open(tmp_path / "file", readonly=readonly)


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_invalid_project_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Permission denied"):
        Project.open(tmp_path / "p")
    tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    "path", ["r.txt", "models", "state.sqlite", "models/../state.sqlite", "/etc/x", "other/x", "../models/x"]
)
def test_invalid_write_file_outside_the_folders(project: Project, path: str) -> None:
    with pytest.raises(RangeError, match="a file's path starts with one of"):
        project.write_file(path, b"")


def test_invalid_folder_name(project: Project) -> None:
    with pytest.raises(RangeError, match="a project's folders are"):
        project.folder("secrets")


def test_runs_of_killed_writers_are_interrupted(tmp_path: Path) -> None:
    with Project.open(tmp_path / "p") as project:
        project.state.start_run("r", "tally run")
    with Project.open(tmp_path / "p", readonly=True) as project:
        assert [run.status for run in project.state.runs()] == ["running"]
    with Project.open(tmp_path / "p") as project:
        assert [run.status for run in project.state.runs()] == ["interrupted"]


def test_state_by_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/elsewhere.sqlite"
    with Project.open(tmp_path / "p", state_url=url) as project:
        project.state.finish("step", "hash")
        assert not (project.path / "state.sqlite").exists()
    assert (tmp_path / "elsewhere.sqlite").is_file()
