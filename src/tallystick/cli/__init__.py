"""The command line: one file for each verb; nothing heavy is imported before a verb runs."""

from __future__ import annotations

from tallystick.cli._main import main

__all__ = ["main"]
