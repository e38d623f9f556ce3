"""A followed engine in a folder; the format is written in ``docs/formats/followed-engine-v1.md``."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tallystick.errors import Corrupt
from tallystick.features._engine import Engine
from tallystick.store import canonical_json, make_folder, write_bytes

if TYPE_CHECKING:
    from tallystick.features.following._engine import FollowedEngine

__all__ = ["FOLLOWED_NAME", "load_followed", "save_followed"]

FOLLOWED_NAME: Final = "followed.json"
_FORMAT: Final = "tallystick-followed-engine"
_VERSION: Final = 1
_ENGINES: Final = ("engine-a.state", "engine-b.state")  # in turn: one is whole while the other is written


def save_followed(followed: FollowedEngine, folder: Path) -> None:
    """Write engine and blocks; what was saved before stays good until both are there."""
    make_folder(folder)
    before = _engine_of(folder)
    name = _ENGINES[1] if before == _ENGINES[0] else _ENGINES[0]
    followed.engine.save(folder / name)
    body = {
        "format": _FORMAT,
        "format_version": _VERSION,
        "chain_id": followed.chain_id,
        "start": followed.start,
        "engine": name,
        "state_hash": followed.engine.state_hash().hex(),
        "blocks": [list(block) for block in followed.blocks],
    }
    write_bytes(folder / FOLLOWED_NAME, canonical_json({**body, "sha256": _digest(body)}))
    if before is not None:
        (folder / before).unlink(missing_ok=True)


def load_followed(kind: type[FollowedEngine], folder: Path) -> FollowedEngine:
    """Read engine and blocks, and check that they belong together."""
    from tallystick.features.following._engine import FollowedBlock

    path = folder / FOLLOWED_NAME
    body = _read(path)
    engine = Engine.load(folder / body["engine"])
    if engine.state_hash().hex() != body["state_hash"]:
        raise Corrupt("engine and blocks were not saved together", path=path)
    return kind(engine, body["start"], [FollowedBlock(*block) for block in body["blocks"]], body["chain_id"])


def _engine_of(folder: Path) -> str | None:
    """File of the engine that was saved last, where that can be read."""
    try:
        return str(_read(folder / FOLLOWED_NAME)["engine"])
    except Corrupt:
        return None


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_bytes())
        digest = body.pop("sha256")
    except OSError as error:
        raise Corrupt(
            f"cannot be read: {error.strerror}", path=path, next_step="Start again with a new engine."
        ) from error
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise Corrupt("not a followed engine", path=path) from error
    if digest != _digest(body):
        raise Corrupt("damaged: its content is not what its hash says", path=path)
    if (body.get("format"), body.get("format_version")) != (_FORMAT, _VERSION):
        raise Corrupt("of another version", path=path, next_step="Start again with a new engine.")
    result: dict[str, Any] = body
    return result


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(body)).hexdigest()
