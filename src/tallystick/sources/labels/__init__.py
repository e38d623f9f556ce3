"""Lists of labelled addresses: whatever the publisher's format, one table of ``store.LABELS``."""

from __future__ import annotations

from tallystick.sources.labels._label import Label, label_table
from tallystick.sources.labels._read import label_kinds, read_labels

__all__ = ["Label", "label_kinds", "label_table", "read_labels"]
