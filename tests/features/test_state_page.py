"""The page of the state's format says what is in the file."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from tallystick.features import Engine, LabelFeed
from tallystick.features._layout import COUNTS
from tallystick.features._memory import Memory
from tallystick.features._state import NARROW, WIDE
from tallystick.features.labels._categories import CATEGORIES

from .streams import random_stream, to_batch

_PAGE = (Path(__file__).parents[2] / "docs/formats/engine-state-v1.md").read_text(encoding="utf-8")
_BLOCKS = 3


def section(title: str) -> str:
    return re.split(r"^## ", _PAGE.split(f"## {title}\n", 1)[1], flags=re.MULTILINE)[0]


def first_cells(title: str) -> list[str]:
    return re.findall(r"^\| `([\w.]+)` \|", section(title), re.MULTILINE)


def saved(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Header and sections of a file, read by the page alone."""
    content = path.read_bytes()
    assert content[:21] == b"tally engine state 1\n"
    length = int.from_bytes(content[53:61], "little")
    text, rest = content[61 : 61 + length], content[61 + length :]
    assert hashlib.sha256(text).digest() == content[21:53]
    header = json.loads(text)
    assert json.dumps(header, sort_keys=True, separators=(",", ":")).encode() == text
    arrays: dict[str, np.ndarray] = {}
    for name, kind, shape, digest in header["sections"]:
        arrays[name] = np.frombuffer(rest, kind, int(np.prod(shape))).reshape(shape)
        assert hashlib.sha256(rest[: arrays[name].nbytes]).hexdigest() == digest
        rest = rest[arrays[name].nbytes :]
    assert rest == b""
    return header, arrays


def state(path: Path) -> tuple[Engine, dict[str, Any], dict[str, np.ndarray]]:
    batch = to_batch(random_stream(200))
    one = np.ones(1, np.int64)
    feed = LabelFeed(0 * one, batch.sender[:1].copy(), 0 * one, one)
    engine = Engine(labels=feed, journal_blocks=_BLOCKS)
    engine.advance(batch)
    engine.save(path)
    return engine, *saved(path)


def test_every_key_and_section_is_told(tmp_path: Path) -> None:
    _, header, arrays = state(tmp_path / "state")
    told = first_cells("Header")
    assert sorted(told) == sorted([*header, *COUNTS])
    assert told[-len(COUNTS) :] == list(COUNTS)
    assert first_cells("Tables") == list(Memory.ROWS)
    assert all(f"`{key}`" in section("Header") for key in (*header["options"], *header["journal"]))
    journal = first_cells("Journal")
    sections = [*Memory.ROWS, *first_cells("Labels")]
    sections += [name.replace(".n.", f".{block}.") for block in range(_BLOCKS) for name in journal]
    assert list(arrays) == sections
    assert section("Labels").count(", ".join(CATEGORIES)) == 1


def test_every_column_is_told_in_order() -> None:
    rows = re.findall(r"^\| (\d+) to (\d+) \| (.*) \|$", section("Tables"), re.MULTILINE)
    names = [re.findall(r"`(\w+)`", row) for _, _, row in rows]
    assert [name for row in names for name in row] == [*WIDE, *NARROW]
    for (first, last, _), row in zip(rows, names, strict=True):
        assert int(last) - int(first) + 1 == len(row)


def test_hash_is_as_the_page_says(tmp_path: Path) -> None:
    engine, header, arrays = state(tmp_path / "state")
    block, time = header["last"]
    digest = hashlib.sha256(bytes.fromhex(header["spec"]))
    feed = engine._labels.feed.content_hash()
    digest.update(f"{feed} {header['labels_played']}\n{block} {time}\n{header['counts']}\n".encode())
    for name in Memory.ROWS:
        digest.update(f"{name} {len(arrays[name])}\n".encode() + hashlib.sha256(arrays[name].tobytes()).digest())
    assert digest.hexdigest() == header["state_hash"] == engine.state_hash().hex()


def test_rows_are_packed_as_the_page_says(tmp_path: Path) -> None:
    engine, header, arrays = state(tmp_path / "state")
    assert len(arrays["keys"]) == header["counts"][0] == engine.accounts_known + 1
    wide = arrays["wide"]
    narrow = wide[:, len(WIDE) :].copy().view("<u4")
    transfers = narrow[:, NARROW.index("count_in")] + narrow[:, NARROW.index("tokens_in")]
    edges = arrays["edges"][:, 1]
    received = np.zeros(len(wide), np.int64)
    np.add.at(received, arrays["edges"][:, 0] >> 32, (edges & 0xFFFF_FFFF) + (edges >> 32))
    assert np.array_equal(received[1:], transfers[1:])  # each transfer is on an edge and in an account
    ever = arrays["heads"] >> 32
    assert int(ever.max()) > 2
