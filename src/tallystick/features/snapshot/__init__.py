"""Snapshot features: every account as a whole source leaves it, for graphs whose stream is lost."""

from __future__ import annotations

from tallystick.features.snapshot._rows import SNAPSHOT, SnapshotRows, reference_rows, snapshot_rows

__all__ = ["SNAPSHOT", "SnapshotRows", "reference_rows", "snapshot_rows"]
