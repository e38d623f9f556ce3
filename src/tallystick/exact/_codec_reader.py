"""Takes fields off the front of bytes and remembers where it is."""

from __future__ import annotations

import struct
from typing import Any

from tallystick.errors import ProgramError

__all__ = ["Reader", "sized"]


class Reader:
    """Reads big-endian fields one after the other; what is missing is an error with its offset."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def take(self, size: int, field: str) -> bytes:
        """Return the next so many bytes."""
        end = self.offset + size
        if end > len(self._data):
            raise ProgramError("the program is cut short", field=field, offset=self.offset)
        piece = self._data[self.offset : end]
        self.offset = end
        return piece

    def unpack(self, layout: struct.Struct, field: str) -> tuple[Any, ...]:
        """Return the next fields of a layout."""
        return layout.unpack(self.take(layout.size, field))

    def numbers(self, count: int, code: str, field: str) -> tuple[int, ...]:
        """Return so many numbers of one type."""
        size = struct.calcsize(f">{code}")
        return struct.unpack(f">{count}{code}", self.take(count * size, field))

    def number(self, code: str, field: str) -> int:
        """Return one number."""
        return int(self.unpack(struct.Struct(code), field)[0])

    def sized(self, code: str, field: str) -> bytes:
        """Return bytes that follow their own length."""
        return self.take(self.number(code, field), field)

    def ascii(self, code: str, field: str) -> str:
        """Return text that follows its own length."""
        text = self.sized(code, field)
        if not text.isascii():
            raise ProgramError(f"{field} is not ASCII", field=field)
        return text.decode("ascii")

    def finish(self) -> None:
        """Check that nothing is left."""
        if self.offset != len(self._data):
            raise ProgramError(f"{len(self._data) - self.offset} bytes after the end of the program", field="end")


def sized(code: str, data: bytes) -> bytes:
    """Bytes after their own length."""
    return struct.pack(code, len(data)) + data
