"""Readers: whatever the publisher's format, one table of transfers and one of labels."""

from __future__ import annotations

from tallystick.sources._bad_rows import BadRowNote, BadRows
from tallystick.sources._follow import NewBlocks, follow
from tallystick.sources._open import open_source, parse_source
from tallystick.sources._registry import source_class, source_kinds
from tallystick.sources._source import FileSource, Source
from tallystick.sources._spec import BlockRange, SourceSpec, safe_source
from tallystick.sources.labels import label_kinds, read_labels

__all__ = [
    "BadRowNote",
    "BadRows",
    "BlockRange",
    "FileSource",
    "NewBlocks",
    "Source",
    "SourceSpec",
    "follow",
    "label_kinds",
    "open_source",
    "parse_source",
    "read_labels",
    "safe_source",
    "source_class",
    "source_kinds",
]
