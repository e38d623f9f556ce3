"""Malformed rows: raised one by one, or counted and left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tallystick.errors import BadRow

__all__ = ["BadRows", "BadRowNote"]

_KEPT: Final = 20


@dataclass(frozen=True)
class BadRowNote:
    """Where a malformed row stands and what is wrong with it; ``line`` counts from 1, the header included."""

    file: str
    line: int
    column: str | None
    cause: str


@dataclass
class BadRows:
    """What one reading found malformed.

    Parameters
    ----------
    skip
        Count malformed rows and leave them out, instead of raising at the first.
    count
        How many were left out.
    first
        The first 20 of them.
    """

    skip: bool = False
    count: int = 0
    first: list[BadRowNote] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything; called at the start of each reading."""
        self.count = 0
        self.first.clear()

    def report(self, cause: str, *, file: str, line: int, column: str | None, error: Exception | None = None) -> None:
        """Raise for a malformed row, or count it where such rows are skipped.

        Raises
        ------
        BadRow
            Rows are not skipped.
        """
        if not self.skip:
            raise BadRow(cause, file=file, line=line, column=column) from error
        self.count += 1
        if len(self.first) < _KEPT:
            self.first.append(BadRowNote(file, line, column, cause))
