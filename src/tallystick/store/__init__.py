"""What is kept: Parquet tables, SQLite state, manifests, all inside one project directory."""

from __future__ import annotations

from tallystick.store._atomic import atomic_file, make_folder, write_bytes
from tallystick.store._columns import LABELS, PREDICTIONS, TABLES, TRANSFERS, Column, TableLayout, check_table
from tallystick.store._lock import Lock
from tallystick.store._manifest import (
    MANIFEST_VERSION,
    Manifest,
    Manifests,
    Output,
    canonical_json,
    check_manifest,
    output_of,
)
from tallystick.store._project import PROJECT_VERSION, Project
from tallystick.store._sql import MACROS, TableInfo, query, query_frame, tables
from tallystick.store._state import Run, State, Step
from tallystick.store._tables import Appender, Part, Tables, part_key

__all__ = [
    "LABELS",
    "MACROS",
    "MANIFEST_VERSION",
    "PREDICTIONS",
    "PROJECT_VERSION",
    "TABLES",
    "TRANSFERS",
    "Appender",
    "Column",
    "Lock",
    "Manifest",
    "Manifests",
    "Output",
    "Part",
    "Project",
    "Run",
    "State",
    "Step",
    "TableInfo",
    "TableLayout",
    "Tables",
    "atomic_file",
    "canonical_json",
    "check_manifest",
    "check_table",
    "make_folder",
    "output_of",
    "part_key",
    "query",
    "query_frame",
    "tables",
    "write_bytes",
]
