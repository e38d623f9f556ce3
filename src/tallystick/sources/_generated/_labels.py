"""The truth about accounts, as a table of labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa

from tallystick.sources._generated._clock import BLOCK_S, START_S
from tallystick.sources._generated._motifs import PlantedMotif
from tallystick.sources._generated._stream import Stream
from tallystick.store import LABELS
from tallystick.units import PPM_ONE

__all__ = ["NETWORK", "truth_labels"]

Array = Any  # numpy array

NETWORK: Final = "generated"

_DIGITS: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def truth_labels(stream: Stream, addresses: Array, start: int, stop: int) -> pa.Table:
    """A label for every account of rows ``start`` up to ``stop``, in the order of their numbers.

    ``laundering``, from its first planted transfer on, with the kinds of motif as detail; ``normal`` for the others.
    """
    rows = stream.rows
    active = np.zeros(stream.people.plan.accounts, bool)
    active[rows.senders[start:stop]] = True
    active[rows.receivers[start:stop]] = True
    accounts = np.flatnonzero(active)
    planted = np.flatnonzero(rows.motifs)
    members = np.concatenate([rows.senders[planted], rows.receivers[planted]])
    times = START_S + BLOCK_S * np.tile(stream.blocks[planted].astype(np.int64), 2)
    since = np.full(stream.people.plan.accounts, np.iinfo(np.int64).max)
    np.minimum.at(since, members, times)
    kinds = np.zeros(stream.people.plan.accounts, np.int64)  # bit k: takes part in a motif of kind k
    np.bitwise_or.at(kinds, members, 1 << np.tile(rows.motifs[planted].astype(np.int64), 2))
    bits, normal = kinds[accounts], kinds[accounts] == 0
    since = np.where(normal, 0, since[accounts]).astype(np.uint32)
    given = {
        "address": _hexadecimal(addresses[accounts]),
        "network": pa.repeat(NETWORK, len(accounts)),
        "category": _words((~normal).astype(np.int64), ["normal", "laundering"]),
        "source": pa.repeat(f"generated:{stream.people.plan}", len(accounts)),
        "detail": _words(bits, [_kinds(one) for one in range(int(bits.max(initial=0)) + 1)]),
        "confidence_ppm": pa.repeat(pa.scalar(int(PPM_ONE), pa.uint32()), len(accounts)),
        "valid_from": pa.array(since, pa.uint32(), mask=normal),
    }
    arrays = [given.get(column.name, pa.nulls(len(accounts), column.type)) for column in LABELS.columns]
    return pa.Table.from_arrays(arrays, schema=LABELS.schema)


def _kinds(bits: int) -> str | None:
    return ", ".join(kind.name.lower() for kind in PlantedMotif if bits >> kind & 1) or None


def _words(codes: Array, words: list[str | None]) -> pa.Array:
    """The word of each code, as Arrow text."""
    return pa.array(words, pa.string()).take(pa.array(codes))


def _hexadecimal(addresses: Array) -> pa.Array:
    """``0x`` and forty digits of each address, as Arrow text."""
    text = np.empty((len(addresses), 42), np.uint8)
    text[:, :2] = np.frombuffer(b"0x", np.uint8)
    text[:, 2::2] = _DIGITS[addresses >> 4]
    text[:, 3::2] = _DIGITS[addresses & 15]
    offsets = np.arange(len(addresses) + 1, dtype=np.int64) * 42
    large = pa.LargeStringArray.from_buffers(len(addresses), pa.py_buffer(offsets), pa.py_buffer(text))
    return large.cast(pa.string())
