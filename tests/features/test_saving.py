"""Saved states: the same engine in another process, and no other content than what was saved."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import Corrupt, SpecMismatch
from tallystick.features import SPEC, Engine, EngineOptions

from .streams import assert_same, random_labels, random_stream, to_batch, to_blocks, to_feed

MAGIC = b"tally engine state 1\n"
STREAM = random_stream(300, accounts=8)
BLOCKS = to_blocks(STREAM)
FIRST = [t for block in BLOCKS[:60] for t in block]
REST = [t for block in BLOCKS[60:] for t in block]


def new_engine(options: EngineOptions | None = None, journal_blocks: int = 20) -> Engine:
    engine = Engine(options, to_feed(random_labels(STREAM, 12)), journal_blocks)
    engine.advance(to_batch(FIRST))
    return engine


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("state") / "engine"
    new_engine().save(path)
    return path.read_bytes()


@pytest.mark.parametrize("rule", ["haircut", "fifo", "poison"])
@pytest.mark.parametrize("journal_blocks", [0, 20])
def test_load_equals_saved(rule: str, journal_blocks: int, tmp_path: Path) -> None:
    engine = new_engine(EngineOptions(exposure=rule, window_s=3_600), journal_blocks)
    engine.save(tmp_path / "a")
    loaded = Engine.load(tmp_path / "a")
    assert (loaded.options, loaded.last_block) == (engine.options, engine.last_block)
    assert (loaded.journal.depth, len(loaded.journal)) == (journal_blocks, journal_blocks)
    loaded.save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    for k in (0, journal_blocks // 2, journal_blocks // 2):
        engine.rollback(k)
        loaded.rollback(k)
        assert loaded.state_hash() == engine.state_hash()
    assert_same(loaded.advance(to_batch(REST)).rows, engine.advance(to_batch(REST)).rows, SPEC.names)
    assert loaded.state_hash() == engine.state_hash()


def test_load_of_an_engine_that_saw_nothing(tmp_path: Path) -> None:
    Engine().save(tmp_path / "state")
    loaded = Engine.load(tmp_path / "state")
    assert loaded.state_hash() == Engine().state_hash()
    assert_same(loaded.advance(to_batch(FIRST)).rows, Engine().advance(to_batch(FIRST)).rows, SPEC.names)


_PROGRAM = """
import sys
from pathlib import Path
from features.test_saving import REST, new_engine
from features.streams import to_batch
from tallystick.features import Engine
new_engine().save(Path(sys.argv[1]))
engine = Engine.load(Path(sys.argv[2]))
engine.rollback(7)
print(engine.state_hash().hex())
"""


def test_states_of_another_process(saved: bytes, tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.write_bytes(saved)
    paths = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": paths}
    command = [sys.executable, "-c", _PROGRAM, str(theirs), str(ours)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300)
    assert theirs.read_bytes() == saved
    engine = Engine.load(theirs)
    engine.rollback(7)
    assert done.stdout.strip() == engine.state_hash().hex()


def refused(content: bytes, tmp_path: Path) -> str:
    path = tmp_path / "bad"
    path.write_bytes(content)
    with pytest.raises(Corrupt) as caught:
        Engine.load(path)
    assert caught.value.where["path"] == path
    return caught.value.cause


def head_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    at = len(MAGIC) + 32
    length = int.from_bytes(content[at : at + 8], "little")
    return json.loads(content[at + 8 : at + 8 + length]), content[at + 8 + length :]


def with_head(head: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + hashlib.sha256(text).digest() + len(text).to_bytes(8, "little") + text + rest


def test_invalid_truncated(saved: bytes, tmp_path: Path) -> None:
    head = len(saved) - len(head_of(saved)[1])
    ends = {0, 1, 20, 21, 30, 53, 60, 61, 62, head - 1, head, head + 1, len(saved) - 1}
    draw = random.Random(1)
    for end in sorted(ends | {draw.randrange(len(saved)) for _ in range(40)}):
        refused(saved[:end], tmp_path)


def test_invalid_flipped_bytes(saved: bytes, tmp_path: Path) -> None:
    head = len(saved) - len(head_of(saved)[1])
    draw = random.Random(2)
    places = [*range(0, 62, 3), *(draw.randrange(62, head) for _ in range(15))]
    places += [draw.randrange(head, len(saved)) for _ in range(60)] + [len(saved) - 1]
    for at in places:
        flipped = bytearray(saved)
        flipped[at] ^= 1 << draw.randrange(8)
        refused(bytes(flipped), tmp_path)


def test_invalid_extra_bytes(saved: bytes, tmp_path: Path) -> None:
    assert refused(saved + b"\0", tmp_path) == "bytes after the last section"
    assert refused(saved + saved, tmp_path) == "bytes after the last section"


def test_invalid_kinds_of_file(saved: bytes, tmp_path: Path) -> None:
    assert refused(saved.replace(b"state 1\n", b"state 2\n", 1), tmp_path) == "a state file of another version"
    for other in (b"", b"tally program 1\n" + saved[16:], bytes(1_000), saved[1:]):
        assert refused(other, tmp_path) == "not a state file of the engine"
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(Corrupt, match="cannot be read"):
            Engine.load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"spec": "00" * 32},
        {"options": {"families": ["flow", "tides"], "window_s": 1, "exposure": "haircut"}},
        {"options": {"families": ["flow"], "window_s": 259_200, "exposure": "haircut"}},
        {"options": {"families": ["flow"], "window_s": 0, "exposure": "haircut"}},
        {"options": {"families": ["flow"], "window_s": 1, "exposure": "lifo"}},
    ],
)
def test_invalid_other_spec(saved: bytes, change: dict[str, Any], tmp_path: Path) -> None:
    head, rest = head_of(saved)
    (tmp_path / "other").write_bytes(with_head(head | change, rest))
    with pytest.raises(SpecMismatch, match="the state was written for feature spec 0x"):
        Engine.load(tmp_path / "other")


@pytest.mark.parametrize("key", ["spec", "options", "last", "labels_played", "counts", "journal", "sections"])
def test_invalid_heads_without(saved: bytes, key: str, tmp_path: Path) -> None:
    head, rest = head_of(saved)
    del head[key]
    refused(with_head(head, rest), tmp_path)


def test_invalid_heads_that_do_not_fit(saved: bytes, tmp_path: Path) -> None:
    head, rest = head_of(saved)
    assert with_head(head, rest) == saved
    sections = head["sections"]
    counts, first = head["counts"], sections[0]
    bad: list[dict[str, Any]] = [
        {"counts": [counts[0] + 1, *counts[1:]]},
        {"counts": counts[:-1]},
        {"counts": [0] * len(counts)},
        {"last": [1]},
        {"last": [1, 1]},
        {"labels_played": head["labels_played"] + 1},
        {"labels_played": None},
        {"journal": head["journal"] | {"depth": -1}},
        {"journal": head["journal"] | {"blocks": [[1, 2]]}},
        {"sections": sections[1:]},
        {"sections": [[first[0], "|O", *first[2:]], *sections[1:]]},
        {"sections": [[first[0], first[1], [1 << 50, 5], first[3]], *sections[1:]]},
        {"sections": [[first[0], first[1], first[2][::-1], first[3]], *sections[1:]]},
        {"sections": [["other", *first[1:]], *sections[1:]]},
        {"state_hash": "00" * 32},
        {"options": []},
    ]
    for change in bad:
        refused(with_head(head | change, rest), tmp_path)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    engine = new_engine()
    engine.save(path)
    before = path.read_bytes()
    engine.advance(to_batch(REST))
    monkeypatch.setattr("tallystick.features._saving._FEED", ("time", "nothing"))
    with pytest.raises(AttributeError):
        engine.save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["state"]
