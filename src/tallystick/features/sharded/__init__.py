"""The engine beyond one machine: shards by account, two passes, the same rows."""

from __future__ import annotations

from tallystick.features.sharded._engine import LocalShards, ShardedEngine, Shards, Shuffle
from tallystick.features.sharded._owners import owner_of
from tallystick.features.sharded._ray import RayShards
from tallystick.features.sharded._scopes import SCOPES, Placement, Scope
from tallystick.features.sharded._shard import Cells
from tallystick.features.sharded._split import Part, split

__all__ = [
    "SCOPES",
    "Cells",
    "LocalShards",
    "Part",
    "Placement",
    "RayShards",
    "Scope",
    "ShardedEngine",
    "Shards",
    "Shuffle",
    "owner_of",
    "split",
]
