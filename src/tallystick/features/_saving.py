"""The engine's state as a file; the format is written in ``docs/formats/engine-state-v1.md``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from tallystick.errors import Corrupt, FeatureError, SpecMismatch
from tallystick.features._journal import KeptBlock
from tallystick.features._layout import COUNTS
from tallystick.features._memory import Memory
from tallystick.features._options import EngineOptions
from tallystick.features._undo import Undo
from tallystick.features.labels import LabelFeed, LabelState
from tallystick.store import atomic_file

if TYPE_CHECKING:
    from tallystick.features._engine import Engine

__all__ = ["load_engine", "save_engine"]

_MAGIC: Final = b"tally engine state 1\n"
_FEED: Final = ("time", "address", "category", "change")
_HEADER_LIMIT: Final = 1 << 28
_TYPES: Final = {"<u4": 4, "<i8": 8, "<u8": 8}  # with their bytes


def save_engine(engine: Engine, path: Path) -> None:
    """Write an engine's state; the file appears whole or not at all."""
    sections = dict(_sections(engine))
    header = {
        "spec": engine.spec.hash.hex(),
        "options": asdict(engine.options),
        "last": list(engine._last),
        "labels_played": engine._labels.played,
        "counts": engine._memory.counts.tolist(),
        "journal": {
            "depth": engine.journal.depth,
            "blocks": [[block.number, *block.before, block.labels] for block in engine.journal.blocks],
        },
        "sections": [
            [name, array.dtype.str, list(array.shape), hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()]
            for name, array in sections.items()
        ],
        "state_hash": engine.state_hash().hex(),
    }
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    with atomic_file(path) as file:
        file.write(_MAGIC + hashlib.sha256(text).digest() + len(text).to_bytes(8, "little") + text)
        for array in sections.values():
            file.write(np.ascontiguousarray(array).data)


def _sections(engine: Engine) -> Iterator[tuple[str, np.ndarray]]:
    """Every array by name, little-endian."""
    for name in Memory.ROWS:
        yield name, _little(engine._memory.used(name))
    for name in _FEED:
        yield f"labels.{name}", _little(getattr(engine._labels.feed, name))
    for at, block in enumerate(engine.journal.blocks):
        yield f"journal.{at}.counts", _little(block.counts)
        yield f"journal.{at}.used", _little(block.undo.used)
        for name, array, used in zip(Undo._fields[1:], block.undo[1:], block.undo.used, strict=True):
            yield f"journal.{at}.{name}", _little(array[:used])


def _little(array: np.ndarray) -> np.ndarray:
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def load_engine(kind: type[Engine], path: Path) -> Engine:
    """Read an engine's state and check it against its hashes."""
    try:
        with path.open("rb") as file:
            header = _read_header(file, path)
            options = _options(header)
            _check_length(file, path, header["sections"])
            sections = {name: _read_section(file, path, name, *rest) for name, *rest in header["sections"]}
        engine = _assemble(kind, options, header, sections)
    except (Corrupt, SpecMismatch):  # an OSError and a ValueError too
        raise
    except OSError as error:
        step = "Check the path and who may read it."
        raise Corrupt(f"cannot be read: {error.strerror}", path=path, next_step=step) from error
    except (FeatureError, LookupError, TypeError, ValueError) as error:
        raise Corrupt("the state file's head does not fit what follows", path=path) from error
    if engine.state_hash().hex() != header["state_hash"]:
        raise Corrupt("the state is not what its hash says", path=path)
    return engine


def _read_header(file: BinaryIO, path: Path) -> dict[str, Any]:
    magic = file.read(len(_MAGIC))
    if magic != _MAGIC:
        cause = "a state file of another version" if magic.startswith(_MAGIC[:18]) else "not a state file of the engine"
        raise Corrupt(cause, path=path, next_step="Read the stream again from its start with this version.")
    digest, length = file.read(32), int.from_bytes(file.read(8), "little")
    text = file.read(min(length, _HEADER_LIMIT))
    if hashlib.sha256(text).digest() != digest:
        raise Corrupt("the state file's head is damaged or cut short", path=path)
    header: dict[str, Any] = json.loads(text)
    return header


def _options(header: dict[str, Any]) -> EngineOptions:
    """What the state was computed with, if this version computes the same."""
    stated, was = header["options"], header["spec"]
    try:
        options = EngineOptions(tuple(stated["families"]), stated["window_s"], stated["exposure"])
    except FeatureError as error:
        raise _other_spec(was, f"has {error.cause}") from error
    if was != options.spec.hash.hex():
        raise _other_spec(was, f"computes 0x{options.spec.hash.hex()[:16]}…")
    return options


def _other_spec(was: str, here: str) -> SpecMismatch:
    cause = f"the state was written for feature spec 0x{was[:16]}…, this engine {here}"
    return SpecMismatch(cause, next_step="Read the stream again from its start with this version.")


def _check_length(file: BufferedReader, path: Path, sections: list[list[Any]]) -> None:
    """Before memory is asked for: the file goes on for just what its head announces."""
    announced = sum(_TYPES[dtype] * int(np.prod(shape, dtype=object)) for _, dtype, shape, _ in sections)
    missing = announced - (path.stat().st_size - file.tell())
    if missing > 0:
        raise Corrupt(f"the state file is cut short: {missing:,} bytes are missing", path=path)
    if missing < 0:
        raise Corrupt("bytes after the last section", path=path)


def _read_section(file: BufferedReader, path: Path, name: str, dtype: str, shape: list[int], digest: str) -> np.ndarray:
    array = np.zeros(shape, np.dtype(dtype))
    file.readinto(array.reshape(-1).view(np.uint8).data)
    if hashlib.sha256(array.data).hexdigest() != digest:
        raise Corrupt(f"section {name} is not what its hash says", path=path)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _assemble(
    kind: type[Engine], options: EngineOptions, header: dict[str, Any], sections: dict[str, np.ndarray]
) -> Engine:
    time, address, category, change = (sections[f"labels.{name}"] for name in _FEED)
    feed = LabelFeed(time, address, category, change)
    engine = kind(options, journal_blocks=header["journal"]["depth"])
    used = dict(zip(COUNTS, header["counts"], strict=True))
    if any(len(sections[name]) != used[what] for name, what in Memory.ROWS.items()):
        raise ValueError("a table has another number of rows than is stated")
    engine._memory.fill(np.array(header["counts"], np.int64), {name: sections[name] for name in Memory.ROWS})
    engine._labels = LabelState(feed, header["labels_played"])
    engine._last = (header["last"][0], header["last"][1])
    for at, (number, before_block, before_time, labels) in enumerate(header["journal"]["blocks"]):
        undo = Undo(*(sections[f"journal.{at}.{name}"] for name in Undo._fields))
        counts = sections[f"journal.{at}.counts"]
        engine.journal.blocks.append(KeptBlock(number, (before_block, before_time), counts, labels, undo))
    return engine
