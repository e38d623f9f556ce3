"""Moving cells between rows of different widths, compiled: what shards send and the driver joins."""

from __future__ import annotations

import numpy as np

from tallystick.compiling import looped

__all__ = ["pick", "put"]


def pick(rows: np.ndarray, places: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``rows[np.ix_(places, columns)]``, several times as fast.

    Examples
    --------
    >>> pick(np.arange(6).reshape(2, 3), np.array([1]), np.array([0, 2])).tolist()
    [[3, 5]]
    """
    cells = np.empty((len(places), len(columns)), np.int64)
    _pick(rows, places, columns, cells)
    return cells


def put(rows: np.ndarray, places: np.ndarray, columns: np.ndarray, cells: np.ndarray) -> None:
    """``rows[np.ix_(places, columns)] = cells``, several times as fast."""
    _put(rows, places, columns, cells)


@looped
def _pick(rows: np.ndarray, places: np.ndarray, columns: np.ndarray, cells: np.ndarray) -> None:
    for i in range(len(places)):
        for k in range(len(columns)):
            cells[i, k] = rows[places[i], columns[k]]


@looped
def _put(rows: np.ndarray, places: np.ndarray, columns: np.ndarray, cells: np.ndarray) -> None:
    for i in range(len(places)):
        for k in range(len(columns)):
            rows[places[i], columns[k]] = cells[i, k]
