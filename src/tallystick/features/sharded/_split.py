"""Cutting a batch into the parts that shards need."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tallystick.features._batch import HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features.sharded._owners import owners

__all__ = ["Part", "split"]

_COLUMNS = fields(TransferBatch)


@dataclass(frozen=True)
class Part:
    """The transfers of a batch that one shard needs, in chain order.

    They are those that touch an account or token which the shard owns, and for each token transfer the transfer of
    the chain's own coin with which its transaction began: it says who signed.

    Parameters
    ----------
    batch
        The transfers.
    sender, receiver, asset
        (n,) int16, the shards that own them; where there is no receiver or asset, the sender's.
    """

    batch: TransferBatch
    sender: np.ndarray
    receiver: np.ndarray
    asset: np.ndarray

    def __len__(self) -> int:
        return len(self.batch)

    @property
    def bytes(self) -> int:
        """Size of all columns."""
        columns = [self.sender, self.receiver, self.asset, *(getattr(self.batch, field.name) for field in _COLUMNS)]
        return sum(int(column.nbytes) for column in columns)

    def writable(self) -> Part:
        """The same with arrays of its own, where others share them; compiled loops want it so."""
        columns = {field.name: np.require(getattr(self.batch, field.name), None, ("C", "W")) for field in _COLUMNS}
        return Part(TransferBatch(**columns), self.sender, self.receiver, self.asset)

    def subjects(self, shard: int) -> np.ndarray:
        """Rows whose subject the shard owns; transfer i has rows 2 i and 2 i + 1."""
        return self._rows(self.sender == shard, self.receiver == shard)

    def counterparties(self, shard: int) -> np.ndarray:
        """Rows whose counterparty the shard owns, or whose subject where there is none."""
        return self._rows(self.receiver == shard, self.sender == shard)

    def _rows(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        has_to = self.batch.bits & HAS_TO != 0
        return np.flatnonzero(np.stack((first, second & has_to), axis=1).reshape(-1))

    def assets(self, shard: int) -> np.ndarray:
        """Token transfers whose token the shard owns."""
        return np.flatnonzero((self.batch.bits & IS_TOKEN != 0) & (self.asset == shard))

    def between(self, shard: int, other: int) -> tuple[np.ndarray, np.ndarray]:
        """Transfers of the chain's own coin between accounts of two shards: those that ``shard`` sent, and received.

        Both are positions in the part, in chain order; the other shard finds the same transfers in its own part.
        """
        coin = self.batch.bits & IS_TOKEN == 0
        sent = np.flatnonzero(coin & (self.sender == shard) & (self.receiver == other))
        received = np.flatnonzero(coin & (self.receiver == shard) & (self.sender == other))
        return sent, received


def split(batch: TransferBatch, shards: int) -> list[tuple[Part, np.ndarray]]:
    """Cut a batch into one part for each shard.

    Parameters
    ----------
    batch
        In chain order: a transaction's transfers stand together.
    shards
        How many.

    Returns
    -------
    list
        Each shard's part, and the positions of its transfers in the batch.
    """
    token = batch.bits & IS_TOKEN != 0
    sender = owners(batch.sender, shards)
    receiver = np.where(batch.bits & HAS_TO != 0, owners(batch.receiver, shards), sender)
    asset = np.where(token, owners(batch.asset, shards), sender)
    tokens = np.flatnonzero(token)
    signing = _signing(batch, token, tokens)
    parts = []
    for shard in range(shards):
        touched = (sender == shard) | (receiver == shard)
        wanted = touched | (asset == shard)
        rows = signing[touched[tokens]]
        wanted[rows[rows >= 0]] = True
        at = np.flatnonzero(wanted)
        columns = {field.name: getattr(batch, field.name)[at] for field in _COLUMNS}
        parts.append((Part(TransferBatch(**columns), sender[at], receiver[at], asset[at]), at))
    return parts


def _signing(batch: TransferBatch, token: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """For each token transfer the first transfer of the chain's own coin in its transaction, -1 if that is later."""
    if not len(tokens):
        return tokens
    new = (np.diff(batch.block, prepend=-1) != 0) | (np.diff(batch.transaction, prepend=-1) != 0)
    transaction = np.cumsum(new) - 1
    coins = np.flatnonzero(~token)
    first = np.full(transaction[-1] + 1, len(token), np.int64)
    first[transaction[coins[::-1]]] = coins[::-1]  # written from the last to the first, which stays
    signing = first[transaction[tokens]]
    return np.where(signing < tokens, signing, -1)
