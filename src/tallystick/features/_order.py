"""What an engine refuses before it changes anything: blocks and times that run backwards."""

from __future__ import annotations

import numpy as np

from tallystick.errors import FeatureError
from tallystick.features._batch import TransferBatch

__all__ = ["check_order"]


def check_order(batch: TransferBatch, last: tuple[int, int]) -> None:
    """Refuse a batch that does not follow; ``last`` is the newest block and its time, -1 before any.

    Raises
    ------
    FeatureError
        Blocks or times run backwards, or a block comes after it was finished.
    """
    if len(batch) == 0:
        return
    last_block, last_time = last
    if batch.block[0] <= last_block:
        cause = f"block {batch.block[0]} comes after block {last_block} was finished"
        raise FeatureError(cause, block=int(batch.block[0]), next_step="Give whole blocks in rising order.")
    for name, column, before in (("block", batch.block, last_block), ("time", batch.time, last_time)):
        falls = np.flatnonzero(np.diff(column, prepend=before) < 0)
        if len(falls):
            at = int(falls[0])
            cause = f"{name} runs backwards at transfer {at} of the batch"
            raise FeatureError(cause, block=int(batch.block[at]), next_step="Sort the transfers in chain order.")
