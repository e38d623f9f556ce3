"""The integer feature engine: transfers in, two int64 rows for each out."""

from __future__ import annotations

from tallystick.features._batch import TransferBatch
from tallystick.features._engine import SPEC, Engine, FeatureRows
from tallystick.features._example import example
from tallystick.features._follow import FollowedBlock, FollowedEngine, RowsAdded, RowsWithdrawn
from tallystick.features._label_categories import CATEGORIES
from tallystick.features._label_news import relabel
from tallystick.features._labels import LabelFeed
from tallystick.features._options import EngineOptions
from tallystick.features._owners import owner_of
from tallystick.features._ray import RayShards
from tallystick.features._reference import ReferenceEngine
from tallystick.features._scopes import SCOPES, Placement, Scope
from tallystick.features._shard import Cells
from tallystick.features._sharded import LocalShards, ShardedEngine, Shards, Shuffle
from tallystick.features._spec import Feature, FeatureSpec
from tallystick.features._split import Part, split
from tallystick.features.families import FAMILIES

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
