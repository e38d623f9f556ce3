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
from tallystick.features._reference import ReferenceEngine
from tallystick.features._spec import Feature, FeatureSpec
from tallystick.features.families import FAMILIES

__all__ = [
    "CATEGORIES",
    "FAMILIES",
    "SPEC",
    "Engine",
    "EngineOptions",
    "Feature",
    "FeatureRows",
    "FeatureSpec",
    "FollowedBlock",
    "FollowedEngine",
    "LabelFeed",
    "ReferenceEngine",
    "RowsAdded",
    "RowsWithdrawn",
    "TransferBatch",
    "example",
    "relabel",
]
