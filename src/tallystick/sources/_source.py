"""What every kind of source is: a class with documented capabilities and six methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from tallystick.errors import RangeError, SourceError
from tallystick.hashing import sha256_file
from tallystick.settings import Settings
from tallystick.sources._bad_rows import BadRows
from tallystick.sources._batches import cut_at_blocks
from tallystick.sources._spec import SourceSpec
from tallystick.store import TRANSFERS, check_table

__all__ = ["FileSource", "Source", "hash_files"]


class Source(ABC):
    """Transfers of one source, always as the one table of ``store.TRANSFERS`` in chain order.

    A back-end is a subclass registered under the entry point group ``tallystick.sources``;
    it gives :meth:`tables` and :meth:`content_hash` and states its capabilities.

    Parameters
    ----------
    spec
        Where to read and which blocks.
    settings
        Settings of the run; the defaults when omitted.
    skip_bad_rows
        Count malformed rows in :attr:`bad_rows` and leave them out, instead of stopping.
    """

    kind: ClassVar[str]
    """Name of the kind, as in ``KIND:PATH``."""
    summary: ClassVar[str]
    """What the kind reads, in one line."""
    lacks: ClassVar[str]
    """What the kind cannot know, in one line; empty where it has everything."""
    has_gas: ClassVar[bool] = False
    """Fills ``gas_used``."""
    has_success: ClassVar[bool] = False
    """``success`` is known; elsewhere it is always true."""
    has_tokens: ClassVar[bool] = False
    """Holds transfers of tokens besides the chain's own coin."""
    has_labels: ClassVar[bool] = False
    """May carry labels of its own."""
    has_real_blocks: ClassVar[bool] = True
    """Blocks, hashes and addresses are the chain's own; elsewhere they are synthetic."""
    is_graph: ClassVar[bool] = False
    """A row sums the transfers of one account to another: models judge accounts as the whole source leaves them."""
    is_remote: ClassVar[bool] = False
    """Reads over the network."""

    def __init__(self, spec: SourceSpec, *, settings: Settings | None = None, skip_bad_rows: bool = False) -> None:
        self.spec = spec
        self.settings = Settings() if settings is None else settings
        self.bad_rows = BadRows(skip_bad_rows)
        self._row_count: int | None = None

    @abstractmethod
    def tables(self) -> Iterator[pa.Table]:
        """Yield pieces of the transfers table: in chain order, none splitting a block."""

    @abstractmethod
    def content_hash(self) -> str:
        """Hash of what is read, as hexadecimal text: the same content gives the same hash anywhere."""

    def labels(self) -> pa.Table | None:
        """Labels that come with the source (``store.LABELS``), or ``None``."""
        return None

    def describe(self) -> Mapping[str, object]:
        """Kind, path, block range, rows (``None`` until read whole) and what the kind lacks."""
        return {
            "kind": self.kind,
            "path": self.spec.path,
            "range": str(self.spec.range),
            "rows": self._row_count,
            "lacks": self.lacks,
        }

    def read(self) -> pa.Table:
        """Read everything into one table.

        Raises
        ------
        SourceError, BadRow
            The source cannot be understood, or a row is malformed and such rows are not skipped.
        """
        self.bad_rows.clear()
        pieces = [TRANSFERS.schema.empty_table(), *self.tables()]
        table = check_table(pa.concat_tables(pieces).combine_chunks(), TRANSFERS)
        self._row_count = table.num_rows
        return table

    def batches(self, rows: int = 65_536) -> Iterator[pa.Table]:
        """Yield the same table in pieces cut at block boundaries.

        Parameters
        ----------
        rows
            Most rows in a piece; a single block with more comes as one larger piece.

        Raises
        ------
        RangeError
            ``rows`` is below 1.
        """
        if rows < 1:
            raise RangeError("a batch needs at least one row", value=rows)
        self.bad_rows.clear()
        return (check_table(table, TRANSFERS) for table in cut_at_blocks(self.tables(), rows))


class FileSource(Source):
    """A source that reads files; its content hash is over their bytes."""

    @abstractmethod
    def files(self) -> list[Path]:
        """Files that are read for transfers, in order."""

    def content_hash(self) -> str:
        """SHA-256 over the names and bytes of the files read; the block range does not enter."""
        return hash_files(self.files())

    @property
    def path(self) -> Path:
        """The path of the spec.

        Raises
        ------
        SourceError
            Nothing is there.
        """
        path = Path(self.spec.path).expanduser()
        if not path.exists():
            raise SourceError("no such file or folder", file=str(path))
        return path


def hash_files(files: list[Path]) -> str:
    """SHA-256 over ``name NUL sha256(bytes) newline`` of every file, in the order given."""
    import hashlib

    digest = hashlib.sha256()
    for file in files:
        try:
            content = sha256_file(file)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", file=str(file)) from error
        digest.update(f"{file.name}\0{content}\n".encode())
    return digest.hexdigest()
