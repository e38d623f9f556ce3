"""Model folders: an exact program with its card, shipped with the package or made by ``tally train``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from tallystick.apps.fraud._card import card_markdown
from tallystick.errors import SourceError, did_you_mean
from tallystick.exact import Program, load_program, save_program
from tallystick.store import Manifest, make_folder, write_bytes

__all__ = ["PRETRAINED", "Model", "find_model", "save_model", "shipped_models"]

PRETRAINED: Final = "tsgn-v1"
_PROGRAM: Final = "program.tally"
_CARD: Final = "card.json"
_DATASET: Final = "dataset.json"


@dataclass(frozen=True)
class Model:
    """A program, its card, and where both came from."""

    program: Program
    card: Mapping[str, Any]
    path: Path


def shipped_models() -> list[str]:
    """Names of the models in the package."""
    return sorted(item.name for item in _shipped().iterdir() if (item / _PROGRAM).is_file())


def find_model(name: str) -> Model:
    """Load a model by the name of a shipped one, by its folder, or by its program file.

    Raises
    ------
    SourceError
        There is nothing of that name, or its card is not JSON.
    ProgramError
        The program file is not valid.
    """
    folder = _shipped() / name if name in shipped_models() else Path(name)
    try:
        program = folder / _PROGRAM if folder.is_dir() else folder
        found = program.is_file()
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise SourceError(f"the model cannot be read: {error.strerror}", file=name) from error
    if not found:
        cause = f"there is no model {name!r}{did_you_mean(name, shipped_models())}"
        shipped = ", ".join(shipped_models())
        step = f"Give an existing program file, a folder made by `tally train`, or one of: {shipped}."
        raise SourceError(cause, file=name, next_step=step)
    return Model(load_program(program), _read_card(program.parent / _CARD), program)


def _read_card(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SourceError("the model's card is not JSON", file=str(path)) from error
    if not isinstance(content, dict):
        raise SourceError("the model's card is not a JSON object", file=str(path))
    return content


def save_model(folder: Path, program: Program, card: Mapping[str, Any], dataset: Manifest | None = None) -> Model:
    """Write program, card and, where it is known, the dataset's manifest into a folder, which is made if needed."""
    save_program(program, make_folder(folder) / _PROGRAM)
    text = json.dumps(card, indent=2, ensure_ascii=False)  # in the card's own order, which people read
    write_bytes(folder / _CARD, (text + "\n").encode())
    write_bytes(folder / "card.md", card_markdown(card).encode())
    if dataset is not None:
        write_bytes(folder / _DATASET, dataset.content)
    return Model(program, card, folder / _PROGRAM)


def _shipped() -> Path:
    return Path(str(files("tallystick.apps.fraud"))) / "models"
