"""How long jobs tell what they do."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Progress", "silent"]


class Progress(Protocol):
    """Called with a stage's name, what is done and what there is in all (``None`` where unknown)."""

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Note progress; called often, so it must be cheap."""


def silent(stage: str, done: int, total: int | None) -> None:
    """Tell nobody."""
