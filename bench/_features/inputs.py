"""Which streams are measured, and how long each is in a full and in a quick run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from _features.speed import Plan
from _features.streams import Stream, open_stream
from tallystick.learn import binary_labels
from tallystick.settings import Settings
from tallystick.sources import open_source

# The peer cannot follow stream 3: its temporal cycles do not return there. So models are compared on a stream of the
# same generator at a pace that it can follow.
QUALITY_TEXT, QUICK_QUALITY_TEXT = "generated:400000,days=400", "generated:10000,days=30"
NAMES = ("tsgn", "xblock_phishing", "mainnet_blocks", "generated")
QUICK_TRANSFERS = {"tsgn": 30_000, "xblock_phishing": 20_000}
# The generated stream is measured in its second half, when tables and windows are full.
PLANS = {
    "tsgn": Plan(),
    "xblock_phishing": Plan(),
    "mainnet_blocks": Plan(passes=9, pieces=4, live=20_000),
    "generated": Plan(first_share=0.5, passes=1, budget_s=60.0, batch_s=4.0, probe_s=10.0),
}
QUICK_PLANS = {
    name: replace(plan, passes=1, pieces=4, budget_s=2.0, batch_s=0.2, probe_s=plan.probe_s / 20, live=10_000)
    for name, plan in PLANS.items()
}


class Inputs:
    """Opens streams by name.

    Parameters
    ----------
    transfers
        Length of the generated stream; a fifth as many accounts.
    quick
        Short plans, and only the beginning of the real streams.
    """

    def __init__(self, settings: Settings, transfers: int, quick: bool) -> None:
        texts = {name: f"xblock:{settings.data / name}" for name in NAMES}
        texts |= {
            "mainnet_blocks": f"blocks:{settings.data / 'mainnet_blocks'}",
            "generated": f"generated:{transfers}",
        }
        self._sources = {name: open_source(text, settings=settings) for name, text in texts.items()}
        self._quick = quick

    def plan(self, name: str) -> Plan:
        """How the stream is measured."""
        return (QUICK_PLANS if self._quick else PLANS)[name]

    def stream(self, name: str) -> Stream:
        """The stream, in quick runs its beginning."""
        return open_stream(name, self._sources[name], QUICK_TRANSFERS.get(name) if self._quick else None)

    def labels(self, name: str) -> Mapping[bytes, int]:
        """Labels of accounts that come with a source: 1 for phishing, 0 for normal."""
        table = self._sources[name].labels()
        assert table is not None
        return binary_labels(table)

    def planted(self) -> tuple[Stream, np.ndarray]:
        """A generated stream, and (n,) int32: which planted scheme each transfer belongs to, 0 for none."""
        text = QUICK_QUALITY_TEXT if self._quick else QUALITY_TEXT
        source: Any = open_source(text)
        return open_stream(text, source), source.motif_numbers()
