"""Streams for the tests of sharded engines: several tokens, several transfers in a transaction."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from tallystick.features import TransferBatch

from ..streams import Transfer, random_stream, slice_batch, to_batch


def token_stream(count: int, *, accounts: int, seed: int) -> list[Transfer]:
    """:func:`random_stream` with three tokens, two of which are parties of other transfers."""
    draw = random.Random(seed)
    plain = random_stream(count, accounts=accounts, seed=seed)
    tokens = [b"\x22" * 20, plain[0].sender, plain[-1].sender]
    return [replace(t, erc20=draw.choice(tokens)) if draw.random() < 0.4 else t for t in plain]


def grouped(transfers: list[Transfer], size: int) -> TransferBatch:
    """A batch whose transactions have up to ``size`` transfers."""
    batch = to_batch(transfers)
    return replace(batch, transaction=np.arange(len(batch)) // size)


def pieces(batch: TransferBatch, wanted: set[int]) -> list[TransferBatch]:
    """The batch, cut before those of the wanted positions where a block begins."""
    begins = [i for i in sorted(wanted) if 0 < i < len(batch) and batch.block[i] != batch.block[i - 1]]
    return [slice_batch(batch, a, b) for a, b in zip([0, *begins], [*begins, len(batch)], strict=True)]
