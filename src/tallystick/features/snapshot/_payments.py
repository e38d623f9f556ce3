"""Payments of a source as the snapshot sees them: who paid whom, how much, when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tallystick.features._batch import FAILED, HAS_TO, IS_TOKEN, TransferBatch

__all__ = ["Payments"]


@dataclass(frozen=True)
class Payments:
    """Successful transfers of the chain's own coin between two different accounts.

    Parameters
    ----------
    addresses
        (accounts, 20) uint8, every account of the source, in order of first appearance.
    sender, receiver
        (payments,) int64, positions in ``addresses``.
    amount
        (payments,) int64, gwei, held at 2**61.
    time
        (payments,) int64, UTC seconds; only differences of times are used.
    """

    addresses: np.ndarray
    sender: np.ndarray
    receiver: np.ndarray
    amount: np.ndarray
    time: np.ndarray

    @classmethod
    def from_arrow(cls, table: pa.Table) -> Payments:
        """Convert a table of layout :data:`tallystick.store.TRANSFERS`, a whole source."""
        table = table.combine_chunks()
        batch = TransferBatch.from_arrow(table)
        columns = [table[name].combine_chunks() for name in ("from_address", "to_address")]
        known = pc.dictionary_encode(pa.concat_arrays(columns).cast(pa.binary()))
        ids = pc.fill_null(known.indices, -1).to_numpy().astype(np.int64)
        sender, receiver = ids[: len(table)], ids[len(table) :]
        counts = (batch.bits & (HAS_TO | IS_TOKEN | FAILED)) == HAS_TO
        keep = np.flatnonzero(counts & (sender != receiver))
        addresses = np.frombuffer(b"".join(known.dictionary.to_pylist()), np.uint8).reshape(-1, 20)
        return cls(addresses, sender[keep], receiver[keep], batch.amount[keep], batch.time[keep])
