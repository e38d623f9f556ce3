"""The feature engine: state in columns, transfers in, integer rows out."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tallystick.errors import FeatureError
from tallystick.features._batch import TransferBatch
from tallystick.features._kernel import advance
from tallystick.features._spec import FeatureSpec
from tallystick.features._state import ACCOUNT_COLUMNS
from tallystick.features._tables import rehash_accounts, rehash_edges
from tallystick.features.families import FAMILIES
from tallystick.hashing import keccak256

__all__ = ["SPEC", "Engine", "FeatureRows"]

SPEC = FeatureSpec(version=2, features=tuple(feature for family in FAMILIES.values() for feature in family.FEATURES))

_FIRST_SLOTS = 1 << 12
_CHUNK = 2_048  # transfers; room is made for as many new accounts and edges at a time
_EDGE_COLUMNS = 2  # transfers, time of the first


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

    Examples
    --------
    >>> engine = Engine()
    >>> engine.accounts_known, len(engine.spec.features) > 80
    (0, True)
    """

    spec = SPEC

    def __init__(self) -> None:
        self._account_slots = np.zeros(_FIRST_SLOTS, np.int32)
        self._account_keys = np.zeros((_FIRST_SLOTS // 2, 3), np.uint64)
        self._accounts = np.zeros((_FIRST_SLOTS // 2, len(ACCOUNT_COLUMNS)), np.int64)
        self._edge_slots = np.zeros(_FIRST_SLOTS, np.int32)
        self._edge_keys = np.zeros(_FIRST_SLOTS // 2, np.int64)
        self._edges = np.zeros((_FIRST_SLOTS // 2, _EDGE_COLUMNS), np.int64)
        self._counts = np.array([1, 0], np.int64)  # account 0 is nobody
        self._last_block = -1
        self._last_time = -1

    @property
    def accounts_known(self) -> int:
        """Accounts seen so far."""
        return int(self._counts[0]) - 1

    @property
    def state_bytes(self) -> int:
        """Memory of the whole state, slots included."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    def addresses(self, ids: np.ndarray) -> np.ndarray:
        """Addresses of ids, as (n, 20) uint8."""
        words = self._account_keys[ids].astype(">u8")
        return np.ascontiguousarray(words).view(np.uint8).reshape(len(ids), 24)[:, :20]

    def advance(self, batch: TransferBatch) -> FeatureRows:
        """Take a run of transfers into the state and return their rows.

        Parameters
        ----------
        batch
            Whole blocks, later than every block before.

        Raises
        ------
        FeatureError
            Blocks or times run backwards.
        """
        self._check_order(batch)
        rows = np.empty((2 * len(batch), len(self.spec.features)), np.int64)
        account = np.empty(2 * len(batch), np.int64)
        columns = [np.ascontiguousarray(getattr(batch, item.name)) for item in fields(batch)[1:]]
        for start in range(0, len(batch), _CHUNK):
            piece = slice(start, min(start + _CHUNK, len(batch)))
            sides = slice(2 * piece.start, 2 * piece.stop)
            self._advance(tuple(column[piece] for column in columns), rows[sides], account[sides])
        return FeatureRows(rows, account)

    def _advance(self, columns: tuple[np.ndarray, ...], rows: np.ndarray, account: np.ndarray) -> None:
        self._make_room(len(columns[0]))
        advance(
            columns,
            self._account_slots,
            self._account_keys,
            self._accounts,
            self._edge_slots,
            self._edge_keys,
            self._edges,
            self._counts,
            rows,
            account,
        )

    def state_hash(self) -> bytes:
        """Keccak-256 over spec, accounts and edges in order of first appearance."""
        accounts, edges = int(self._counts[0]), int(self._counts[1])
        parts = (
            self._account_keys[:accounts],
            self._accounts[:accounts],
            self._edge_keys[:edges],
            self._edges[:edges],
        )
        return keccak256(self.spec.hash + b"".join(np.ascontiguousarray(part).tobytes() for part in parts))

    def _check_order(self, batch: TransferBatch) -> None:
        if len(batch) == 0:
            return
        if batch.block[0] <= self._last_block:
            cause = f"block {batch.block[0]} comes after block {self._last_block} was finished"
            raise FeatureError(cause, block=int(batch.block[0]), next_step="Give whole blocks in rising order.")
        for name, column, before in (("block", batch.block, self._last_block), ("time", batch.time, self._last_time)):
            falls = np.flatnonzero(np.diff(column, prepend=before) < 0)
            if len(falls):
                at = int(falls[0])
                cause = f"{name} runs backwards at transfer {at} of the batch"
                raise FeatureError(cause, block=int(batch.block[at]), next_step="Sort the transfers in chain order.")
        self._last_block, self._last_time = int(batch.block[-1]), int(batch.time[-1])

    def _make_room(self, transfers: int) -> None:
        """Grow so that the batch fits even if every account and edge in it is new."""
        accounts, edges = int(self._counts[0]), int(self._counts[1])
        slots = _slots_for(accounts + 2 * transfers, len(self._account_slots))
        if slots != len(self._account_slots):
            self._account_slots = np.zeros(slots, np.int32)
            rehash_accounts(self._account_slots, self._account_keys, accounts)
        self._account_keys = _grown(self._account_keys, accounts, accounts + 2 * transfers)
        self._accounts = _grown(self._accounts, accounts, accounts + 2 * transfers)
        slots = _slots_for(edges + transfers, len(self._edge_slots))
        if slots != len(self._edge_slots):
            self._edge_slots = np.zeros(slots, np.int32)
            rehash_edges(self._edge_slots, self._edge_keys, edges)
        self._edge_keys = _grown(self._edge_keys, edges, edges + transfers)
        self._edges = _grown(self._edges, edges, edges + transfers)


def _slots_for(entries: int, now: int) -> int:
    """Smallest power of two, not below ``now``, at most half full."""
    return max(now, 1 << (2 * entries - 1).bit_length())


def _grown(array: np.ndarray, used: int, needed: int) -> np.ndarray:
    if needed <= len(array):
        return array
    grown = np.zeros((max(needed, len(array) * 5 // 4), *array.shape[1:]), array.dtype)
    grown[:used] = array[:used]
    return grown
