from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import SourceError
from tallystick.sources._source import hash_files


def test_hash_files_is_over_names_and_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_bytes(b"1")
    two.write_bytes(b"1")
    assert hash_files([one]) != hash_files([two]) != hash_files([one, two])
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    before = hash_files([one])
    assert hash_files([one.rename(moved / "a")]) == before


def test_invalid_file_cannot_be_hashed(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        hash_files([tmp_path])
