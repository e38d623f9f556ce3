from __future__ import annotations

import os
from pathlib import Path

import pytest

from tallystick.errors import ProgramError
from tallystick.exact import load_program, save_program

from .programs import program


def test_round_trip(tmp_path: Path) -> None:
    save_program(program(), tmp_path / "model.tally")
    assert load_program(str(tmp_path / "model.tally")) == program()
    save_program(program(base=0), str(tmp_path / "model.tally"))
    assert load_program(tmp_path / "model.tally") == program(base=0)
    assert [path.name for path in tmp_path.iterdir()] == ["model.tally"]


def test_invalid_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="cannot be read") as caught:
        load_program(tmp_path / "none.tally")
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_invalid_content_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.tally"
    path.write_bytes(b"TALLY")
    with pytest.raises(ProgramError, match="cut short") as caught:
        load_program(path)
    assert caught.value.where == {"file": str(path), "field": "magic", "offset": 0}


def test_invalid_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="cannot be written"):
        save_program(program(), tmp_path / "none" / "model.tally")
    (tmp_path / "taken").mkdir()
    with pytest.raises(ProgramError, match="cannot be written"):
        save_program(program(), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("model.tally")
    save_program(program(), tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert load_program(tmp_path / "model.tally") == program()


def test_invalid_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device would have become a file, for whoever may do that."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    for path in ("pipe", ".", "", "/", os.devnull):
        with pytest.raises(ProgramError, match="cannot be written"):
            save_program(program(), path)
    assert not Path(os.devnull).is_file()
