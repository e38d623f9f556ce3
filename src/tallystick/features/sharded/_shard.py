"""One shard: both passes over its part of the stream, with the state between batches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from tallystick.errors import SpecMismatch
from tallystick.features._apply import MET
from tallystick.features._batch import IS_TOKEN
from tallystick.features._engine import Engine
from tallystick.features._kernel import Out
from tallystick.features._options import EngineOptions
from tallystick.features.sharded._cells import pick
from tallystick.features.sharded._scopes import Placement
from tallystick.features.sharded._split import Part

__all__ = ["Cells", "Shard", "pack_met", "unpack_met"]

_BITS = 10  # each number of `look` is below 2**10: logarithms of 64-bit numbers in sixteenths
_MASK = (1 << _BITS) - 1
_SHIFTS = _BITS * np.arange(MET)
_NO_MET = np.zeros((0, 2, MET), np.int64)
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Cells:
    """What a shard adds to the rows of a batch.

    Parameters
    ----------
    account
        (rows, columns) int64: features of the subjects that it owns.
    counterparty
        (rows, columns) int64: features of the counterparties that it owns.
    asset
        (transfers, columns) int64: features of the tokens that it owns.
    exchanged
        Bytes that it got from other shards.
    """

    account: np.ndarray
    counterparty: np.ndarray
    asset: np.ndarray
    exchanged: int

    @property
    def bytes(self) -> int:
        """Size of the cells."""
        return self.account.nbytes + self.counterparty.nbytes + self.asset.nbytes


class Shard:
    """Owns the accounts and tokens of one number; see ``docs/decisions/014-two-pass-sharding.md``.

    The first pass computes what each own account looked like before each transfer, the second the rows, with the
    other sides' looks from the shards that own them. Both are the engine's own loop, each with a state of its own.

    Parameters
    ----------
    number, shards
        Which shard of how many.
    options
        What the whole engine computes.
    """

    def __init__(self, number: int, shards: int, options: EngineOptions) -> None:
        self._options = replace(options)  # without the spec that it may have brought along from elsewhere
        self._number, self._shards = number, shards
        self._placement = Placement.of(self._options)
        self._looking = Engine(EngineOptions(families=("fees",)), journal_blocks=0)  # the narrowest, and no searches
        self._writing = Engine(self._placement.shards, journal_blocks=0)
        self._waiting: deque[tuple[Part, np.ndarray]] = deque()

    def check_spec(self, spec_hash: bytes) -> None:
        """Refuse a driver whose engine computes other features than the code here.

        Raises
        ------
        SpecMismatch
            Its spec has another hash.
        """
        if self._options.spec.hash != spec_hash:
            raise SpecMismatch(
                "a shard's tallystick computes other features than the driver's",
                next_step="Install the same version of tallystick on every machine of the cluster.",
            )

    @property
    def state_bytes(self) -> int:
        """Memory of both passes' states."""
        return self._looking.state_bytes + self._writing.state_bytes

    @property
    def accounts_known(self) -> int:
        """Accounts with a row here, those of other shards included."""
        return self._writing.accounts_known

    def look(self, part: Part) -> list[np.ndarray]:
        """First pass: for each shard, the looks of this one's accounts that it needs, in chain order of its transfers.

        Returns
        -------
        list
            For each shard packed looks, (transfers,) int64: of own senders first, then of own receivers.

        Raises
        ------
        FeatureError
            A table is nearly full; nothing is changed.
        """
        part = part.writable()
        n = len(part)
        tokens = int(np.count_nonzero(part.batch.bits & IS_TOKEN))
        for engine in (self._looking, self._writing):
            engine._memory.check_room(n, tokens)
        met = np.zeros((n, 2, MET), np.int64)
        rows = np.empty((2 * n, len(self._looking.spec.features)), np.int64)
        self._looking._advance(part.batch, Out(rows, np.empty(2 * n, np.int64), met), _NO_MET)
        self._waiting.append((part, met))
        words = []
        for other in range(self._shards):
            sent, received = part.between(self._number, other) if other != self._number else (_NONE, _NONE)
            words.append(pack_met(np.concatenate((met[sent, 1], met[received, 0]))))
        return words

    def rows(self, *words: np.ndarray) -> Cells:
        """Second pass over the oldest part that only was looked at, with every shard's looks for this one."""
        part, met = self._waiting.popleft()
        for other, packed in enumerate(words):
            if other != self._number:
                sent, received = part.between(self._number, other)
                # The other shard's senders are this one's payers: what it received comes first.
                looks = unpack_met(packed)
                met[received, 1] = looks[: len(received)]
                met[sent, 0] = looks[len(received) :]
        n = len(part)
        rows = np.empty((2 * n, len(self._writing.spec.features)), np.int64)
        self._writing._advance(part.batch, Out(rows, np.empty(2 * n, np.int64), _NO_MET), met)
        inside = self._placement.inside
        return Cells(
            pick(rows, part.subjects(self._number), inside["account"]),
            pick(rows, part.counterparties(self._number), inside["counterparty"]),
            pick(rows, 2 * part.assets(self._number), inside["asset"]),
            sum(packed.nbytes for other, packed in enumerate(words) if other != self._number),
        )


def pack_met(met: np.ndarray) -> np.ndarray:
    """Looks, (n, MET), as one integer each: ten bits a number.

    Examples
    --------
    >>> pack_met(np.array([[3, 2, 1, 0, 1]])).tolist() == [3 | 2 << 10 | 1 << 20 | 1 << 40]
    True
    """
    packed: np.ndarray = (met << _SHIFTS).sum(axis=1)
    return packed


def unpack_met(packed: np.ndarray) -> np.ndarray:
    """Inverse of :func:`pack_met`."""
    met: np.ndarray = packed[:, None] >> _SHIFTS & _MASK
    return met
