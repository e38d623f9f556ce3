"""Universal Binary JSON, as XGBoost writes it, as the values that JSON would give.

Source: ubjson.org, draft 12. Counted and typed containers are read; high-precision numbers are not.
"""

from __future__ import annotations

import struct
from typing import Any, Final

__all__ = ["parse_ubjson"]

_NUMBERS: Final = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_WHOLE: Final = (b"i", b"U", b"I", b"l", b"L")
_CONSTANTS: Final = {b"Z": None, b"T": True, b"F": False}
_DEEPEST: Final = 64


def parse_ubjson(data: bytes) -> Any:
    """Read one value that fills the data.

    Raises
    ------
    ValueError
        Cut short, an unknown mark, nested too deep, or bytes left over.

    Examples
    --------
    >>> parse_ubjson(b"{U\\x01a[$U#U\\x02\\x05\\x07}")
    {'a': [5, 7]}
    """
    reader = _Reader(data)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(data):
        raise ValueError(f"bytes left over at {reader.at}")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at = data, 0

    def take(self, count: int) -> bytes:
        if not 0 <= count <= len(self._data) - self.at:
            raise ValueError(f"cut short at {self.at}")
        self.at += count
        return self._data[self.at - count : self.at]

    def _peek(self, mark: bytes) -> bool:
        """Whether the mark comes next; then it is taken."""
        found = self._data.startswith(mark, self.at)
        self.at += len(mark) * found
        return found

    def value(self, mark: bytes, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("nested too deep")
        if mark in _NUMBERS:
            return self._number(mark)
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark == b"S":
            return self._text()
        if mark == b"C":
            return self.take(1).decode("ascii")
        if mark == b"[":
            return self._array(depth)
        if mark == b"{":
            return self._object(depth)
        raise ValueError(f"unknown mark {mark!r} at {self.at}")

    def _number(self, mark: bytes) -> int | float:
        form = _NUMBERS[mark]
        (number,) = struct.unpack(form, self.take(struct.calcsize(form)))
        assert isinstance(number, int | float)
        return number

    def _length(self) -> int:
        mark = self.take(1)
        if mark not in _WHOLE:
            raise ValueError(f"not a length at {self.at}")
        return int(self._number(mark))

    def _text(self) -> str:
        return self.take(self._length()).decode("utf-8")

    def _head(self) -> tuple[bytes, int | None]:
        """Type of all items and their count, where the container says."""
        kind = self.take(1) if self._peek(b"$") else b""
        count = self._length() if self._peek(b"#") else None
        if kind and (kind in _CONSTANTS or count is None):
            raise ValueError(f"typed container without size at {self.at}")
        return kind, count

    def _array(self, depth: int) -> list[Any]:
        kind, count = self._head()
        if kind in _NUMBERS and count is not None:
            form = _NUMBERS[kind]
            packed = self.take(count * struct.calcsize(form))
            return [number for (number,) in struct.iter_unpack(form, packed)]
        items: list[Any] = []
        while (len(items) != count) if count is not None else not self._peek(b"]"):
            items.append(self.value(kind or self.take(1), depth + 1))
        return items

    def _object(self, depth: int) -> dict[str, Any]:
        kind, count = self._head()
        items: dict[str, Any] = {}
        done = 0
        while (done != count) if count is not None else not self._peek(b"}"):
            name = self._text()
            items[name] = self.value(kind or self.take(1), depth + 1)
            done += 1
        return items
