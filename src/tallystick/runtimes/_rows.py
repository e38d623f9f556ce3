"""Rows where two runtimes are most likely to differ."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from tallystick.exact import Program, TreeEnsemble

__all__ = ["outside_rows", "probe_rows"]

_INT64: Final = np.iinfo(np.int64)


def probe_rows(program: Program, count: int, seed: int = 0) -> npt.NDArray[np.int64]:
    """Rows at the corners of the domain, at thresholds and one either side, and anywhere.

    A row holds an edge of every feature at once, so a feature's edges are all met within as many rows as it has, and
    each meets many of the others'. A third of the rows, at most, is drawn from the whole domain.

    Parameters
    ----------
    program
        Whose domain and thresholds.
    count
        Number of rows, at least 2.
    seed
        Same seed, same rows.

    Returns
    -------
    numpy.ndarray
        (count, features) int64.
    """
    random = Random(seed)
    edges = [random.sample(values, len(values)) for values in _edges(program)]
    longest = max(map(len, edges))
    at_edges = min(longest, (count - 2) * 2 // 3)
    rows = [[feature.low for feature in program.features], [feature.high for feature in program.features]]
    for number in range(at_edges):
        rows.append([values[number % len(values)] for values in edges])
    while len(rows) < count:
        rows.append(list(_anywhere(program, random)))
    return np.array(rows, np.int64)


def outside_rows(program: Program) -> list[list[int]]:
    """Rows with one value just outside its feature's domain, for every side that int64 can express."""
    inside = [feature.low for feature in program.features]
    rows = []
    for index, feature in enumerate(program.features):
        for value in (feature.low - 1, feature.high + 1):
            if _INT64.min <= value <= _INT64.max:
                rows.append([*inside[:index], value, *inside[index + 1 :]])
    return rows


def _edges(program: Program) -> list[list[int]]:
    """For each feature the ends of its domain, and its thresholds and their neighbours."""
    edges = [{f.low, min(f.low + 1, f.high), max(f.high - 1, f.low), f.high} for f in program.features]
    if isinstance(program.model, TreeEnsemble):
        for tree in program.model.trees:
            for index, threshold in zip(tree.feature, tree.threshold, strict=True):
                low, high = program.features[index].low, program.features[index].high
                edges[index] |= {max(threshold - 1, low), threshold, min(threshold + 1, high)}
    return [sorted(values) for values in edges]


def _anywhere(program: Program, random: Random) -> Iterator[int]:
    """A value of each feature: half the time uniform, else uniform in its number of bits."""
    for feature in program.features:
        span = feature.high - feature.low
        if random.random() < 0.5:
            yield feature.low + random.randint(0, span)
        else:
            yield feature.low + (random.randint(0, span) >> random.randint(0, span.bit_length()))
