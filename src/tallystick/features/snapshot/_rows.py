"""Rows of all accounts, and the spec of their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from tallystick.features._spec import FeatureSpec
from tallystick.features.snapshot import _flow, _neighbours, _rhythm, _size
from tallystick.features.snapshot._graph import Graph
from tallystick.features.snapshot._payments import Payments
from tallystick.features.snapshot._plain import PlainGraph

__all__ = ["SNAPSHOT", "SnapshotRows", "reference_rows", "snapshot_rows"]

_FAMILIES: Final = (_size, _rhythm, _flow, _neighbours)
SNAPSHOT: Final = FeatureSpec(1, tuple(feature for family in _FAMILIES for feature in family.FEATURES))


@dataclass(frozen=True)
class SnapshotRows:
    """One row for every account of a source, as the source leaves it.

    Parameters
    ----------
    addresses
        (accounts, 20) uint8, in order of first appearance.
    rows
        (accounts, features) int64, columns as in :data:`SNAPSHOT`.
    payments
        (accounts,) int64, payments of the account in both directions.
    """

    addresses: np.ndarray
    rows: np.ndarray
    payments: np.ndarray

    def __len__(self) -> int:
        return len(self.addresses)


def snapshot_rows(table: pa.Table) -> SnapshotRows:
    """Compute the features of every account.

    Parameters
    ----------
    table
        A whole source, layout :data:`tallystick.store.TRANSFERS`.
    """
    payments = Payments.from_arrow(table)
    graph = Graph(payments)
    rows = np.stack([column for family in _FAMILIES for column in family.columns(graph)], axis=1)
    low, high = (np.array([getattr(one, end) for one in SNAPSHOT.features]) for end in ("low", "high"))
    return SnapshotRows(payments.addresses, np.clip(rows, low, high), graph.all.size)


def reference_rows(table: pa.Table) -> list[list[int]]:
    """Meaning of :func:`snapshot_rows`, in plain Python: one list an account."""
    payments = Payments.from_arrow(table)
    graph = PlainGraph(payments)
    rows = [
        [value for family in _FAMILIES for value in family.reference(graph, account)]
        for account in range(len(payments.addresses))
    ]
    return [
        [min(max(value, one.low), one.high) for value, one in zip(row, SNAPSHOT.features, strict=True)] for row in rows
    ]
