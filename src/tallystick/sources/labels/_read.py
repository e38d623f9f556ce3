"""From the name of a label list to its table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from tallystick.errors import RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._registry import installed, load
from tallystick.sources._spec import split_kind
from tallystick.sources.labels._label import Label, label_table, parse_known

__all__ = ["LabelReader", "LabelRequest", "label_kinds", "read_labels"]

_GROUP: Final = "tallystick.labels"

_READERS: Final = {
    "csv": "tallystick.sources.labels._csv:read_csv_labels",
    "etherscan": "tallystick.sources.labels._etherscan:read_etherscan_labels",
    "forta": "tallystick.sources.labels._forta:read_forta_labels",
    "graphsense": "tallystick.sources.labels._graphsense:read_graphsense_labels",
    "ofac": "tallystick.sources.labels._ofac:read_ofac_labels",
    "tedge": "tallystick.sources.labels._tedge:read_tedge_labels",
    "xblock": "tallystick.sources.labels._xblock:read_xblock_labels",
}


@dataclass(frozen=True)
class LabelRequest:
    """What a reader is asked for.

    Parameters
    ----------
    path
        File or folder of the list.
    bad_rows
        Where malformed rows are reported.
    snapshot
        Day on which the list was taken, where the user knows it; it is noted in ``source``, and what the
        list does not date itself is known from its end on.
    delistings
        File of statements that end (``ofac`` reads it).
    """

    path: Path
    bad_rows: BadRows = field(default_factory=BadRows)
    snapshot: date | None = None
    delistings: Path | None = None

    def source(self, name: str) -> str:
        """The ``source`` cell: list and file, with the snapshot's day where it is known."""
        return name + (f" (snapshot {self.snapshot.isoformat()})" if self.snapshot else "")


class LabelReader(Protocol):
    """Back-end of one kind of list: a function registered under ``tallystick.labels``."""

    def __call__(self, request: LabelRequest) -> Iterator[Label]:
        """Yield the labels of the list, in its order."""


def label_kinds() -> list[str]:
    """Every known kind of label list, sorted; loads none of them."""
    return sorted(installed(_GROUP, _READERS))


def read_labels(
    text: str, *, skip_bad_rows: bool = False, bad_rows: BadRows | None = None, delistings: Path | None = None
) -> pa.Table:
    """Read a list of labels named ``KIND:PATH[#YYYY-MM-DD]``.

    The day after ``#`` is when the list was taken: it is noted in the ``source`` column, and a label
    that its list does not date is ``known_from`` the end of that day. A label whose list says
    nothing about time has null ``valid_from`` and ``valid_to``, and without a day null ``known_from``.

    Parameters
    ----------
    text
        Kind and path of the list.
    skip_bad_rows
        Count malformed rows and leave them out, instead of stopping at the first.
    bad_rows
        Where such rows are counted; made here when omitted.
    delistings
        CSV with columns ``address, valid_to`` and optionally ``valid_from, known_from``: when statements of
        an ``ofac`` list ended (and began, and were made). ``delistings.csv`` beside the list when omitted.

    Raises
    ------
    SourceError, BadRow, RangeError
        The list cannot be found or understood, or a row is malformed.
    """
    kind, rest = split_kind(text, label_kinds(), "label list")
    path_text, mark, day = rest.rpartition("#")
    path = Path(path_text if mark else rest).expanduser()
    if not path.exists():
        raise SourceError("no such file or folder", file=str(path))
    report = BadRows(skip_bad_rows) if bad_rows is None else bad_rows
    request = LabelRequest(path, report, _day(day) if mark else None, delistings)
    return label_table(_dated(load(installed(_GROUP, _READERS)[kind], kind)(request), request.snapshot))


def _dated(labels: Iterable[Label], snapshot: date | None) -> Iterator[Label]:
    """The labels, those without a date of their own known from the snapshot's on."""
    known = parse_known(snapshot) if snapshot else None
    for label in labels:
        yield replace(label, known_from=known) if label.known_from is None else label


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise RangeError("the snapshot's day is not YYYY-MM-DD", value=text[:80]) from None
