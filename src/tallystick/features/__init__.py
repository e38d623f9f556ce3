"""The integer feature engine: transfers in, two int64 rows for each out."""

from __future__ import annotations

from tallystick.features._batch import TransferBatch
from tallystick.features._engine import SPEC, Engine, FeatureRows
from tallystick.features._example import example
from tallystick.features._options import EngineOptions
from tallystick.features._reference import ReferenceEngine
from tallystick.features._spec import Feature, FeatureSpec
from tallystick.features.families import FAMILIES
from tallystick.features.following import FollowedBlock, FollowedEngine, RowsAdded, RowsWithdrawn
from tallystick.features.labels import CATEGORIES, LabelFeed, relabel
from tallystick.features.sharded import (
    SCOPES,
    Cells,
    LocalShards,
    Part,
    Placement,
    RayShards,
    Scope,
    ShardedEngine,
    Shards,
    Shuffle,
    owner_of,
    split,
)

__all__ = [
    "CATEGORIES",
    "FAMILIES",
    "SCOPES",
    "SPEC",
    "Cells",
    "Engine",
    "EngineOptions",
    "Feature",
    "FeatureRows",
    "FeatureSpec",
    "FollowedBlock",
    "FollowedEngine",
    "LabelFeed",
    "LocalShards",
    "Part",
    "Placement",
    "RayShards",
    "ReferenceEngine",
    "RowsAdded",
    "RowsWithdrawn",
    "Scope",
    "ShardedEngine",
    "Shards",
    "Shuffle",
    "TransferBatch",
    "example",
    "owner_of",
    "relabel",
    "split",
]
