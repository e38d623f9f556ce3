"""The engine on a live chain: blocks come, and blocks are taken back."""

from __future__ import annotations

from tallystick.features.following._engine import FollowedBlock, FollowedEngine, RowsAdded, RowsWithdrawn

__all__ = ["FollowedBlock", "FollowedEngine", "RowsAdded", "RowsWithdrawn"]
