from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import Corrupt
from tallystick.features import Engine, FollowedEngine
from tallystick.store import canonical_json

from .follow_worlds import ACCOUNTS, Kept, ShiftingNode, labels_of, run_script

PAGE = Path(__file__).parents[3] / "docs" / "formats" / "followed-engine-v1.md"


def followed_to(blocks: int) -> FollowedEngine:
    node = ShiftingNode(2)
    node.grow(blocks)
    followed = FollowedEngine(Engine(labels=labels_of(ACCOUNTS), journal_blocks=6), 1)
    run_script(followed, Kept(), node, [])
    return followed


def rewrite(folder: Path, **changes: Any) -> None:
    """Change fields and make the hash fit again."""
    path = folder / "followed.json"
    body = json.loads(path.read_bytes()) | changes
    del body["sha256"]
    body["sha256"] = hashlib.sha256(canonical_json(body)).hexdigest()
    path.write_bytes(canonical_json(body))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    followed = followed_to(12)
    followed.save(tmp_path / "new" / "folder")
    again = FollowedEngine.load(tmp_path / "new" / "folder")
    assert (again.blocks, again.start, again.chain_id) == (followed.blocks, 1, 1)
    assert len(again.blocks) == 7
    assert again.engine.state_hash() == followed.engine.state_hash()
    assert again.engine.journal.depth == 6


def test_nothing_followed_yet(tmp_path: Path) -> None:
    FollowedEngine(Engine(), 7).save(tmp_path)
    again = FollowedEngine.load(tmp_path)
    assert (again.blocks, again.next_number, again.chain_id) == ((), 7, None)


def test_saves_take_turns_and_one_stays(tmp_path: Path) -> None:
    for blocks, name in ((3, "a"), (5, "b"), (9, "a")):
        followed_to(blocks).save(tmp_path)
        assert names(tmp_path) == [f"engine-{name}.state", "followed.json"]
        assert FollowedEngine.load(tmp_path).next_number == blocks + 1


def test_save_that_is_cut_off_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = followed_to(4), followed_to(8)
    first.save(tmp_path)

    def stop(path: Path, content: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tallystick.features.following._state.write_bytes", stop)
    with pytest.raises(KeyboardInterrupt):
        second.save(tmp_path)
    monkeypatch.undo()
    assert names(tmp_path) == ["engine-a.state", "engine-b.state", "followed.json"]
    assert FollowedEngine.load(tmp_path).engine.state_hash() == first.engine.state_hash()
    second.save(tmp_path)
    assert names(tmp_path) == ["engine-b.state", "followed.json"]
    assert FollowedEngine.load(tmp_path).engine.state_hash() == second.engine.state_hash()


def test_a_damaged_save_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "followed.json").write_text("{")
    followed_to(4).save(tmp_path)
    assert FollowedEngine.load(tmp_path).next_number == 5


def test_invalid_folders(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="cannot be read: No such file") as caught:
        FollowedEngine.load(tmp_path)
    assert caught.value.advice == "Start again with a new engine."
    path = tmp_path / "followed.json"
    for content in (b"", b"{", b"[]", b"{}", b"7", b"\xff"):
        path.write_bytes(content)
        with pytest.raises(Corrupt, match="not a followed engine"):
            FollowedEngine.load(tmp_path)


def test_invalid_content(tmp_path: Path) -> None:
    followed_to(4).save(tmp_path)
    path = tmp_path / "followed.json"
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"start":1', b'"start":2'))
    with pytest.raises(Corrupt, match="not what its hash says"):
        FollowedEngine.load(tmp_path)
    path.write_bytes(good)
    for changes in ({"format_version": 2}, {"format": "something"}):
        rewrite(tmp_path, **changes)
        with pytest.raises(Corrupt, match="of another version"):
            FollowedEngine.load(tmp_path)
        path.write_bytes(good)
    followed_to(9).save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "engine-a.state", tmp_path / "engine-a.state")
    with pytest.raises(Corrupt, match="not saved together"):
        FollowedEngine.load(tmp_path)
    (tmp_path / "engine-a.state").unlink()
    with pytest.raises(Corrupt, match="cannot be read"):
        FollowedEngine.load(tmp_path)


def test_page_has_every_field(tmp_path: Path) -> None:
    followed_to(4).save(tmp_path)
    body = json.loads((tmp_path / "followed.json").read_bytes())
    table = PAGE.read_text(encoding="utf-8").partition("## followed.json")[2]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(body)
    assert all(f"`{body[name]}`" in table for name in ("format", "format_version"))
