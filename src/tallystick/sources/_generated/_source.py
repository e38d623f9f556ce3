"""The source kind ``generated``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from tallystick.settings import Settings
from tallystick.sources._generated._labels import truth_labels
from tallystick.sources._generated._plan import parse_plan
from tallystick.sources._generated._stream import Stream, make_stream
from tallystick.sources._generated._table import Tabulator
from tallystick.sources._source import Source
from tallystick.sources._spec import SourceSpec

__all__ = ["GENERATOR_VERSION", "GeneratedSource"]

Array = Any  # numpy array

GENERATOR_VERSION: Final = 1
"""Rises whenever the same parameters give another stream."""

_SLICE_ROWS: Final = 1 << 17


class GeneratedSource(Source):
    """A made-up stream: ``generated:TRANSFERS[,accounts=N][,seed=N][,days=N]``.

    Exactly so many transfers between exactly so many accounts (a fifth of the transfers if not given), within 30
    days, from seed 1. The same name gives the same bits in every process and on every platform: integers only,
    random words of PCG64 and SplitMix64, none of NumPy's distributions.

    **What it models.** People, exchanges and other services, and deposit addresses, one row a transaction:

    * activity falls as a power law; most accounts see a few transfers, exchanges several per cent of all;
    * accounts are born over the stream, by money from an exchange or a contact, and live for hours to weeks;
    * everybody has contacts, mostly near in age, a few popular, and pays the first ones again and again; some
      payments are answered or passed on; there are payouts to many and collections from many;
    * a deposit address passes everything on to its exchange within the day;
    * day and night and quieter weekends; sessions with gaps from seconds to hours; blocks of 12 seconds, block 0 on
      2024-01-01 00:00 UTC; blocks without transfers are missing;
    * amounts are log-normal about each account's level, three in ten round; three in ten are of one of six tokens;
    * one in seventy people's own transfers fails.

    **What is planted.** Three in a thousand transfers, and at least one motif of each kind (:class:`PlantedMotif`),
    belong to cycles of 2, 3 and 4, fans out and in, scatter–gather, gather–scatter and chains, of one asset each,
    done within three days, or a quarter of the stream's traffic if that is less. Members are ordinary people with
    their ordinary transfers besides. Starts, gaps, first amounts and distances between members are drawn as those of
    ordinary traffic; each step takes one half to five per cent off. The truth is in :meth:`truth` and :meth:`labels`.

    **What it does not model.** Balances: an account may pay more than it got. Contracts that act, internal calls,
    approvals, transactions with several transfers, self-transfers, dust and look-alike addresses, failed steps of
    motifs, launderers who learn. Amounts are whole gwei. A row of a token has no row of the call beside it. Ordinary
    traffic has cycles and fans of its own, as by chance: they are not marked. How well something does here says
    how well it finds these shapes, not how well it finds crime.

    ``#FIRST:LAST`` selects blocks of the whole stream. The stream is made at first use and kept, some 40 bytes a
    transfer; :meth:`batches` makes Arrow tables piece by piece.
    """

    kind: ClassVar[str] = "generated"
    summary: ClassVar[str] = "made-up traffic with planted laundering, from a seed"
    lacks: ClassVar[str] = "anything real; balances; internal calls; several transfers in a transaction"
    has_gas: ClassVar[bool] = True
    has_success: ClassVar[bool] = True
    has_tokens: ClassVar[bool] = True
    has_labels: ClassVar[bool] = True
    has_real_blocks: ClassVar[bool] = False

    def __init__(self, spec: SourceSpec, *, settings: Settings | None = None, skip_bad_rows: bool = False) -> None:
        super().__init__(spec, settings=settings, skip_bad_rows=skip_bad_rows)
        self._plan = parse_plan(spec.path)

    def tables(self) -> Iterator[pa.Table]:
        """Yield the selected rows in pieces cut at blocks."""
        start, stop = self._rows
        while start < stop:
            end = min(start + _SLICE_ROWS, stop)
            if end < stop:
                end = int(np.searchsorted(self._stream.blocks, self._stream.blocks[end - 1], side="right"))
            yield self._tabulator.table(start, end)
            start = end

    def content_hash(self) -> str:
        """SHA-256 over the generator's version and the parameters; the block range does not enter."""
        return hashlib.sha256(f"generated v{GENERATOR_VERSION} {self._plan}".encode()).hexdigest()

    def labels(self) -> pa.Table:
        """A label for every account of the selected rows: ``laundering`` or ``normal``.

        ``laundering`` holds from the account's first planted transfer on, whether or not that is among the rows
        selected, and names the kinds of motif as detail. The network is ``generated``.
        """
        return truth_labels(self._stream, self._tabulator.addresses, *self._rows)

    def truth(self) -> Array:
        """Kind of planted motif of each row that :meth:`read` gives, 0 for none: :class:`PlantedMotif`. (rows,) int8"""
        return self._stream.rows.motifs[slice(*self._rows)].copy()

    def motif_numbers(self) -> Array:
        """Which planted motif each row that :meth:`read` gives belongs to, from 1; 0 for none. (rows,) int32"""
        return self._stream.rows.numbers[slice(*self._rows)].copy()

    @cached_property
    def _stream(self) -> Stream:
        return make_stream(self._plan)

    @cached_property
    def _tabulator(self) -> Tabulator:
        return Tabulator(self._stream)

    @property
    def _rows(self) -> tuple[int, int]:
        return self._stream.cut(*self.spec.range.bounds)
