"""The feature engine: state in columns, transfers in, integer rows out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from tallystick.features._apply import MET
from tallystick.features._batch import IS_TOKEN, TransferBatch
from tallystick.features._exposure import TAINT_COLUMNS
from tallystick.features._journal import Journal, KeptBlock
from tallystick.features._kernel import Batch, Out, Plan, Work, advance, new_work
from tallystick.features._memory import Memory
from tallystick.features._options import EngineOptions
from tallystick.features._order import check_order
from tallystick.features._spec import FeatureSpec
from tallystick.features._undo import NO_UNDO, Undo, new_undo, restore
from tallystick.features.labels import LabelFeed, LabelState

__all__ = ["SPEC", "Engine", "FeatureRows"]

SPEC = EngineOptions().spec

_CHUNK = 2_048  # transfers; room is made for as many new accounts and edges at a time
_NO_MET = np.zeros((0, 2, MET), np.int64)


@dataclass(frozen=True)
class FeatureRows:
    """Features of a run of transfers, two rows for each: the sender's side, then the receiver's.

    Parameters
    ----------
    rows
        (2 n, features) int64; zeros where there is no receiver.
    account
        (2 n,) int64, the engine's id of the subject; 0 where there is no receiver.
    """

    rows: np.ndarray
    account: np.ndarray


class Engine:
    """Turns transfers into integer features as they arrive.

    The batch is the stream: however transfers are cut into batches, the rows and the
    :meth:`state_hash` are the same. :class:`ReferenceEngine` says what every number means.

    Parameters
    ----------
    options
        What to compute; by default everything.
    labels
        Labelled addresses, for the exposure family; by default none.
    journal_blocks
        How many of the last blocks can be taken back.

    Examples
    --------
    >>> engine = Engine()
    >>> engine.accounts_known, len(engine.spec.features) > 150
    (0, True)
    """

    def __init__(
        self, options: EngineOptions | None = None, labels: LabelFeed | None = None, journal_blocks: int = 128
    ) -> None:
        self.options = options or EngineOptions()
        self.journal = Journal(journal_blocks)
        self._taint_words = TAINT_COLUMNS[self.options.rule]
        self._memory = Memory(self._taint_words)
        self._labels = LabelState(labels or LabelFeed.empty())
        self._last = (-1, -1)  # block and time
        self._work = new_work(_CHUNK)

    @property
    def spec(self) -> FeatureSpec:
        """The ordered features of a row."""
        return self.options.spec

    @property
    def accounts_known(self) -> int:
        """Accounts seen so far, token contracts included."""
        return self._memory.count("accounts") - 1

    @property
    def last_block(self) -> int:
        """Number of the newest block with a transfer; -1 before any."""
        return self._last[0]

    @property
    def state_bytes(self) -> int:
        """Memory of the whole state, slots and room to grow included, the journal apart."""
        return self._memory.bytes

    def addresses(self, ids: np.ndarray) -> np.ndarray:
        """Addresses of ids, as (n, 20) uint8."""
        words = self._memory.keys[ids].astype(">u4")
        return np.ascontiguousarray(words).view(np.uint8).reshape(len(ids), 20)

    def add_labels(self, feed: LabelFeed) -> None:
        """Learn labels: what they say counts from the later of its own time and the next second of the stream.

        Rows that are out stay as they are; a block that is taken back and given again is computed as it was.
        """
        arriving = feed.arriving(self._last[1] + 1) if self._last[1] >= 0 else feed
        self._labels = LabelState(LabelFeed.merged(self._labels.feed, arriving), self._labels.played)

    def advance(self, batch: TransferBatch) -> FeatureRows:
        """Take a run of transfers into the state and return their rows.

        Parameters
        ----------
        batch
            Whole blocks, later than every block before. Numbers may be left out: blocks without transfers.

        Raises
        ------
        FeatureError
            Blocks or times run backwards, or a table is nearly full; nothing is changed.
        """
        check_order(batch, self._last)
        n = len(batch)
        out = Out(np.empty((2 * n, len(self.spec.features)), np.int64), np.empty(2 * n, np.int64), _NO_MET)
        self._advance(batch, out, _NO_MET)
        return FeatureRows(out.rows, out.ids)

    def _advance(self, batch: TransferBatch, out: Out, met: np.ndarray) -> None:
        self._memory.check_room(len(batch), int(np.count_nonzero(batch.bits & IS_TOKEN)))
        columns = Batch(*(np.ascontiguousarray(getattr(batch, name)) for name in Batch._fields))
        starts = np.flatnonzero(np.diff(batch.block, prepend=-1))
        kept = starts[max(len(starts) - self.journal.depth, 0) :] if self.journal.depth else starts[:0]
        first_kept = int(kept[0]) if len(kept) else len(batch)
        if first_kept > 0:
            self.journal.blocks.clear()  # nothing before a block that cannot be taken back can be
        signer = np.full(3, -1, np.int64)
        plan = Plan(
            np.array(self.options.starts, np.int64),
            self.options.window_s,
            self.options.rule,
            self.options.searches,
            signer,
            met,
        )
        for piece in _pieces(0, first_kept):
            self._run(columns, piece, plan, out, NO_UNDO)
        for first, last in pairwise([*kept.tolist(), len(batch)]):
            tokens = int(np.count_nonzero(batch.bits[first:last] & IS_TOKEN))
            before = (self._last, self._memory.counts.copy(), self._labels.played)
            undo = new_undo(last - first, tokens, self._taint_words)
            self._run(columns, slice(first, last), plan, out, undo)
            self.journal.keep(KeptBlock(int(batch.block[first]), *before, undo))

    def _run(self, columns: Batch, piece: slice, plan: Plan, out: Out, undo: Undo) -> None:
        """Run transfers, with labels played when their time comes."""
        at = piece.start
        while at < piece.stop:
            self._labels.play_until(int(columns.time[at]), self._memory.tables)
            change = self._labels.next_time()
            stop = piece.stop
            if change is not None and change <= columns.time[stop - 1]:
                stop = at + int(np.searchsorted(columns.time[at:stop], change))
            part = Batch(*(column[at:stop] for column in columns))
            self._memory.make_room(stop - at, int(np.count_nonzero(part.bits & IS_TOKEN)))
            given = plan._replace(met=plan.met[at:stop])
            written = Out(out.rows[2 * at : 2 * stop], out.ids[2 * at : 2 * stop], out.met[at:stop])
            advance(part, self._memory.tables, self._labels.tables, undo, given, self._scratch(stop - at), written)
            self._last = (int(part.block[-1]), int(part.time[-1]))
            at = stop

    def _scratch(self, transfers: int) -> Work:
        if transfers > len(self._work.places):
            self._work = new_work(transfers)
        return self._work

    def rollback(self, blocks: int) -> None:
        """Take back the newest blocks that were given; the state is as if they never had been.

        Raises
        ------
        ReorgTooDeep
            The journal has fewer; nothing is changed.
        """
        for block in self.journal.pop(blocks):
            restore(self._memory.tables, block.undo)
            self._memory.cut(block.counts)
            self._labels.take_back(block.labels, self._memory.tables)
            self._last = block.before

    def rollback_to(self, number: int) -> None:
        """Take back every block after a number, which stays; so that blocks without transfers need no care.

        Raises
        ------
        ReorgTooDeep
            The journal does not reach as far; nothing is changed.
        """
        blocks = self.journal.newest_after(number)
        if self._last[0] > number and (blocks == 0 or self.journal.blocks[-blocks].before[0] > number):
            blocks = len(self.journal) + 1  # there are older ones to take back
        self.rollback(blocks)

    def state_hash(self) -> bytes:
        """SHA-256 over what the state means: spec, labels, last block and time, and each table's used rows."""
        return self._digest().digest()

    def _digest(self) -> hashlib._Hash:
        block, time = self._last
        digest = hashlib.sha256(self.spec.hash)
        counts = self._memory.counts.tolist()
        head = f"{self._labels.feed.content_hash()} {self._labels.played}\n{block} {time}\n{counts}\n"
        digest.update(head.encode())
        for name in Memory.ROWS:
            rows = self._memory.used(name)
            digest.update(f"{name} {len(rows)}\n".encode() + hashlib.sha256(np.ascontiguousarray(rows).data).digest())
        return digest

    def save(self, path: Path) -> None:
        """Write the state, with the journal, to a file; see ``docs/formats/engine-state-v1.md``."""
        from tallystick.features._saving import save_engine

        save_engine(self, path)

    @classmethod
    def load(cls, path: Path) -> Engine:
        """Read a state that :meth:`save` wrote, on any machine.

        Raises
        ------
        Corrupt
            The file is cut short, or its content is not what its hash says.
        SpecMismatch
            It was written for other features.
        """
        from tallystick.features._saving import load_engine

        return load_engine(cls, path)


def _pieces(first: int, last: int) -> Iterator[slice]:
    for start in range(first, last, _CHUNK):
        yield slice(start, min(start + _CHUNK, last))
