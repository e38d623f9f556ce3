"""The two engines under one shape: ours, and IBM's Graph Feature Preprocessor."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import numpy as np

from _features.streams import Piece
from tallystick.features import FAMILIES, Engine, EngineOptions

WINDOW_S = 3 * 86_400
CYCLE_LENGTH = 4
PEER_FAMILIES = ("vertex_stats", "fan", "degree", "scatter-gather", "temp-cycle", "lc-cycle")
PEER_BATCHES = (32, 128, 512, 2_048)
PAPER_BATCH = 128  # what the peer's authors use for streams

# What the peer has too. Its vertex statistics (distinct counterparties, transfers, their ratio, and mean, sum,
# variance, skew and kurtosis of amounts, in and out, of both ends) are our flow, size, activity and counterparties;
# its fan, degree, scatter-gather, temporal and length-constrained cycles are our motifs.
COMPARABLE = ("flow", "size", "activity", "counterparties", "motifs")


def make_engine(families: tuple[str, ...] | None = None, journal: bool = True) -> Engine:
    """Our engine with some families, or all of them."""
    options = EngineOptions(window_s=WINDOW_S) if families is None else EngineOptions(families, WINDOW_S)
    return Engine(options) if journal else Engine(options, journal_blocks=0)


class Ours:
    """Our engine; interning addresses is part of what is timed."""

    def __init__(self, families: tuple[str, ...] | None = None) -> None:
        # A history is read without a journal; its cost is a measure of its own.
        self.engine = make_engine(families, journal=False)

    def take(self, piece: Piece) -> None:
        """Advance over all batches; the rows are made and dropped, as they are for the peer."""
        for batch in piece.batches:
            self.engine.advance(batch)


class Peer:
    """The Graph Feature Preprocessor, as it comes but for its families, windows and the length of cycles.

    Every account is given to it as a number: it has no interning to do.
    """

    def __init__(self, batch: int, families: tuple[str, ...] = PEER_FAMILIES) -> None:
        from snapml import GraphFeaturePreprocessor

        self.batch = batch
        self.engine = GraphFeaturePreprocessor()
        self.engine.set_params(peer_parameters(families))

    def warm(self, edges: np.ndarray) -> None:
        """Enter edges without computing features of them."""
        if len(edges):
            self.engine.partial_fit(edges)

    def take(self, piece: Piece) -> None:
        """Transform all edges, in batches; the rows are made and dropped."""
        for first in range(0, len(piece.edges), self.batch):
            self.engine.transform(piece.edges[first : first + self.batch])

    def rows(self, edges: np.ndarray) -> np.ndarray:
        """(n, 2 + features) float64: amount and asset, then what the peer computes. No ids and no absolute time."""
        parts = [
            self.engine.transform(edges[first : first + self.batch])[:, 4:]
            for first in range(0, len(edges), self.batch)
        ]
        return np.concatenate(parts)


def peer_parameters(families: tuple[str, ...] = PEER_FAMILIES) -> dict[str, Any]:
    """What is set of the peer's parameters; its own defaults for all others."""
    return {
        "num_threads": 1,
        "time_window": WINDOW_S,
        "vertex_stats_cols": [4],
        "lc-cycle_len": CYCLE_LENGTH,
        **{family: family in families for family in PEER_FAMILIES},
        **{f"{family}_tw": WINDOW_S for family in PEER_FAMILIES},
    }


def peer_version() -> str | None:
    """Version of the peer; none where it is not installed."""
    try:
        return metadata.version("snapml")
    except metadata.PackageNotFoundError:
        return None


def families(names: tuple[str, ...] | None = None) -> list[str]:
    """Names of families, for the record."""
    return list(FAMILIES if names is None else names)
