"""Labels of addresses, by what was known when: a feed of events, and what of it counts at a moment."""

from __future__ import annotations

from tallystick.features.labels._categories import CATEGORIES
from tallystick.features.labels._feed import LabelFeed
from tallystick.features.labels._news import relabel
from tallystick.features.labels._state import LabelState

__all__ = ["CATEGORIES", "LabelFeed", "LabelState", "relabel"]
