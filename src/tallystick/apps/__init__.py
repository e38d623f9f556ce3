"""One folder per use; nothing here is general."""

from __future__ import annotations
