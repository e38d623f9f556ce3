"""Etherscan's label cloud."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import RangeError, SourceError
from tallystick.sources.labels._label import Label, normal_address
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import read_text
from tallystick.sources.labels._vocabulary import category_of

__all__ = ["read_etherscan_labels"]

_CONFIDENCE_PPM: Final = 500_000  # a trusted provider on GraphSense's scale; the list states none
_NAME: Final = "combinedAllLabels.json"


class _Entry(msgspec.Struct):
    labels: list[str]
    name: str = ""


def read_etherscan_labels(request: LabelRequest) -> Iterator[Label]:
    """``combinedAllLabels.json[.gz]``: ``{address: {"name": …, "labels": […]}}``, one row per label.

    The category is the label (``phish-hack`` gives ``phishing``, ``tornado-cash`` ``mixer``, others stand as they
    are); the detail is the account's public name. The list states no confidence; its labels get 50 %, as
    GraphSense rates a trusted provider.
    """
    file = _find(request.path)
    source = request.source(f"etherscan:{file.name}")
    try:
        entries = msgspec.json.decode(read_text(file), type=dict[str, _Entry])
    except msgspec.DecodeError as error:
        raise SourceError(f"not a label cloud: {error}", file=str(file)) from error
    for text, entry in entries.items():
        try:
            address = normal_address(text)
        except RangeError as error:
            cause = f"{error.cause}: {text[:80]!r}"
            request.bad_rows.report(cause, file=str(file), line=_line(file, text), column="address", error=error)
            continue
        for label in entry.labels:
            yield Label(address, "ethereum", category_of(label), source, entry.name or None, _CONFIDENCE_PPM)


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    for file in (path / _NAME, path / f"{_NAME}.gz"):
        if file.is_file():
            return file
    raise SourceError(f"the folder has no {_NAME} or {_NAME}.gz", file=str(path))


def _line(file: Path, key: str) -> int:
    text = read_text(file)
    return text.count("\n", 0, max(text.find(f'"{key}"'), 0)) + 1
