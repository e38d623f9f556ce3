"""Reading comma-separated files, plain or gzip: fast where rows are plain, exact everywhere.

One line is one row. Cells may be quoted, but not hold line breaks. Plain rows go through
the compiled readers; every row that these do not accept is read again by the plain-Python
rules, which give its value or say what is wrong with it.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tallystick.errors import BadRow, RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._cells import Cell, Values
from tallystick.sources._kernels import count_lines, split_lines
from tallystick.sources._lines import CHUNK_BYTES, whole_lines

__all__ = ["LINE", "Chunk", "CsvReader", "read_header"]

LINE: Final = "(line)"
"""Name of the column with each row's line in the file, from 1, which every chunk has."""

Array = Any
Chunk = Mapping[str, Values]


def read_header(path: Path) -> list[str]:
    """Column names of a file.

    Raises
    ------
    SourceError
        The file cannot be read or has no first line.
    """
    lines = whole_lines(path, 1 << 16)
    try:
        first = next(lines, b"")
    except (OSError, EOFError, zlib.error) as error:
        raise SourceError(f"cannot be read: {error}", file=str(path), line=1) from error
    text = first.split(b"\n", 1)[0].decode("utf-8-sig", errors="replace").strip("\r")
    if not text:
        raise SourceError("the file is empty: it has no header", file=str(path), line=1)
    return next(csv.reader([text]))


@dataclass(frozen=True)
class CsvReader:
    """Reads the named columns of one file.

    Parameters
    ----------
    path
        The file, plain or gzip.
    cells
        For each wanted column of the header, how its cells are read.
    bad_rows
        Where malformed rows are reported.
    chunk_bytes
        How much of the file is read at once.
    """

    path: Path
    cells: Mapping[str, Cell]
    bad_rows: BadRows
    chunk_bytes: int = CHUNK_BYTES

    def chunks(self) -> Iterator[Chunk]:
        """Yield columns of some rows at a time, in the file's order.

        Raises
        ------
        SourceError
            The file cannot be read, is cut off, or misses a column.
        BadRow
            A row is malformed and such rows are not skipped.
        """
        header = read_header(self.path)
        slots = self._slots(header)
        line = 1
        pieces = whole_lines(self.path, self.chunk_bytes)
        while True:
            try:
                piece = next(pieces, None)
            except (OSError, EOFError, zlib.error) as error:
                cause = f"cannot be read to its end: {error}"
                raise SourceError(cause, file=str(self.path), line=line) from error
            if piece is None:
                return
            if line == 1:
                piece = piece[piece.index(b"\n") + 1 :]
                line = 2
            chunk, lines = self._chunk(piece, header, slots, line)
            line += lines
            yield chunk

    def read(self) -> Chunk:
        """All rows at once."""
        nothing = {name: cell.blank(0) for name, cell in self.cells.items()} | {LINE: Values(np.zeros(0, np.int64))}
        parts = list(self.chunks()) or [nothing]
        return {name: Values.join([part[name] for part in parts]) for name in nothing}

    def _slots(self, header: Sequence[str]) -> Array:
        slots = np.full(len(header), -1, np.int64)
        for slot, name in enumerate(self.cells):
            if name not in header:
                cause = f"column {name!r} is missing; the header has {', '.join(header)}"
                raise SourceError(cause[:400], file=str(self.path), line=1, column=name)
            if header.count(name) > 1:
                raise SourceError(f"column {name!r} is there twice", file=str(self.path), line=1, column=name)
            slots[header.index(name)] = slot
        return slots

    def _chunk(self, piece: bytes, header: Sequence[str], slots: Array, line: int) -> tuple[Chunk, int]:
        buffer = np.frombuffer(piece, np.uint8)
        most = count_lines(buffer)
        starts = np.empty((len(self.cells), most), np.int64)
        ends = np.empty((len(self.cells), most), np.int64)
        places = np.empty((4, most), np.int64)
        rows, lines = split_lines(buffer, slots, starts, ends, places)
        ok = places[3, :rows].astype(bool)
        out = {name: cell.blank(rows) for name, cell in self.cells.items()}
        for slot, (name, cell) in enumerate(self.cells.items()):
            cell.decode(buffer, starts[slot, :rows], ends[slot, :rows], out[name], ok)
        keep = np.ones(rows, bool)
        for row in np.flatnonzero(~ok).tolist():
            begin, end, number = places[:3, row].tolist()
            keep[row] = self._slow_row(piece[begin:end], header, line + number, out, row)
        out[LINE] = Values(places[2, :rows] + line)
        if not keep.all():
            out = {name: values.take(keep) for name, values in out.items()}
        return out, lines

    def _slow_row(self, raw: bytes, header: Sequence[str], line: int, out: Chunk, row: int) -> bool:
        """Read one row by the rules; False where it is malformed and left out."""
        column: str | None = None
        try:
            texts = _split(raw, header)
            for column, cell in self.cells.items():
                cell.put(out[column], row, cell.parse(texts[column], column))
        except BadRow as error:
            self.bad_rows.report(error.cause, file=str(self.path), line=line, column=_text(error.where.get("column")))
            return False
        except RangeError as error:
            cause = f"{error.cause}: {error.where.get('value')!r}"
            self.bad_rows.report(cause, file=str(self.path), line=line, column=column, error=error)
            return False
        return True


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _split(raw: bytes, header: Sequence[str]) -> dict[str, str]:
    """Cells of one line by column name."""
    try:
        text = raw.decode("utf-8")
        fields = next(csv.reader([text], strict=True)) if '"' in text else text.split(",")
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadRow(f"row cannot be read: {error}") from error
    if len(fields) != len(header):
        missing = header[len(fields)] if len(fields) < len(header) else None
        raise BadRow(f"row has {len(fields)} fields where the header has {len(header)}", column=missing)
    return dict(zip(header, fields, strict=True))
