"""What is kept: Parquet tables, SQLite state, manifests, all inside one project directory."""

from __future__ import annotations

from tallystick.store._columns import LABELS, PREDICTIONS, TABLES, TRANSFERS, Column, TableLayout, check_table

__all__ = ["LABELS", "PREDICTIONS", "TABLES", "TRANSFERS", "Column", "TableLayout", "check_table"]
