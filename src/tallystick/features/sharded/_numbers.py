"""Numbers of accounts in order of appearance, without an engine: for a driver whose shards compute everything."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import looped
from tallystick.errors import FeatureError
from tallystick.features._batch import HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features._memory import CAPACITY
from tallystick.features._tables import add_account, find_account, rehash_accounts

__all__ = ["AccountNumbers"]

_FIRST_SLOTS = 1 << 10


class AccountNumbers:
    """Gives accounts the ids that :class:`Engine` gives them, at 20 bytes of key and two slots each."""

    def __init__(self) -> None:
        self._count = np.ones(1, np.int64)  # 0 is nobody
        self._keys = np.zeros((1, 5), np.uint32)
        self._slots = np.zeros(_FIRST_SLOTS, np.uint32)
        self._marks = np.zeros(_FIRST_SLOTS, np.uint32)

    @property
    def accounts_known(self) -> int:
        """Accounts seen so far, token contracts included."""
        return int(self._count[0]) - 1

    def advance(self, batch: TransferBatch) -> np.ndarray:
        """Ids of both sides of each transfer, (2 n,) int64; 0 where there is no receiver.

        Raises
        ------
        FeatureError
            There may be more accounts than 32 bits can number.
        """
        ids = np.zeros(2 * len(batch), np.int64)
        self._make_room(3 * len(batch))
        names = ("sender", "receiver", "asset", "bits")
        columns = (np.require(getattr(batch, name), None, ("C", "W")) for name in names)
        _number(*columns, self._count, self._slots, self._marks, self._keys, ids)
        return ids

    def _make_room(self, more: int) -> None:
        count = int(self._count[0])
        if count + more > CAPACITY:
            cause = f"there may be more than {CAPACITY:,} accounts"
            raise FeatureError(cause, name="accounts", next_step="Split the history in time.")
        if count + more > len(self._keys):
            self._keys.resize((max(count + more, len(self._keys) * 17 // 16), 5), refcheck=False)
        if 8 * (count + more) > 5 * len(self._slots):
            slots = 1 << (8 * (count + more) // 5).bit_length()
            self._slots, self._marks = np.zeros(slots, np.uint32), np.zeros(slots, np.uint32)
            rehash_accounts(self._slots, self._marks, self._keys, count)


@looped
def _number(
    sender: np.ndarray, receiver: np.ndarray, asset: np.ndarray, bits: np.ndarray,
    count: np.ndarray, slots: np.ndarray, marks: np.ndarray, keys: np.ndarray, ids: np.ndarray,
) -> None:  # fmt: skip
    for i in range(len(bits)):
        for side in range(3):
            if (side == 1 and not bits[i] & HAS_TO) or (side == 2 and not bits[i] & IS_TOKEN):
                continue
            address: Any = sender[i] if side == 0 else receiver[i] if side == 1 else asset[i]
            found, slot = find_account(slots, keys, address)
            if found == 0:
                found = count[0]
                count[0] += 1
                slots[slot] = found
                add_account(keys, marks, found, address)
            if side < 2:
                ids[2 * i + side] = found
