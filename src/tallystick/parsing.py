"""JSON from anywhere: a file that somebody else wrote must not bring the process down."""

from __future__ import annotations

import json
import re
from typing import Any, Final

__all__ = ["MOST_NESTED", "parse_json"]

MOST_NESTED: Final = 500
_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|[\[\]{}]', re.DOTALL)  # and texts, to skip what is in them


def parse_json(text: str | bytes) -> Any:
    """A JSON value.

    The parser recurses in C. Python stops it at the recursion limit, which some libraries raise on import so far that
    the stack ends first: a file of brackets alone would end the process.

    Raises
    ------
    ValueError
        No JSON, no UTF-8, or nested deeper than 500.

    Examples
    --------
    >>> parse_json(b'{"a": [1, "[["]}')
    {'a': [1, '[[']}
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    depth = 0
    for found in _BRACKETS.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > MOST_NESTED:
            raise ValueError(f"nested deeper than {MOST_NESTED}")
    return json.loads(text)
