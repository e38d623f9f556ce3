"""Kinds of text cell: each a plain-Python rule and the fast reader held equal to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from tallystick.errors import RangeError
from tallystick.sources import _kernels, _kernels_amount
from tallystick.sources._amounts import parse_count, parse_ether_nearest, parse_token_amount
from tallystick.units import parse_address, parse_hash

__all__ = ["AmountCell", "BytesCell", "Cell", "CountCell", "EtherCell", "FlagCell", "PrefixCell", "Values"]

Array = Any

_NULLS: Final = ("null", "NULL")


@dataclass
class Values:
    """One column: values, and which rows have one (``None`` where all must)."""

    data: Array  # (rows,) or (rows, width)
    valid: Array | None = None  # (rows,) bool

    def take(self, rows: Array) -> Values:
        """Rows by position or mask, in the order given."""
        return Values(self.data[rows], None if self.valid is None else self.valid[rows])

    @classmethod
    def join(cls, parts: list[Values]) -> Values:
        """One column of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        valid = [part.valid for part in parts if part.valid is not None]
        return cls(np.concatenate([part.data for part in parts]), np.concatenate(valid) if valid else None)


class Cell(Protocol):
    """How one column's text becomes values."""

    def blank(self, rows: int) -> Values:
        """Make the output column."""

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill plain cells; clear ``ok`` for every row that the rule must decide."""

    def parse(self, text: str, name: str) -> Any:
        """Give one cell's value, ``None`` for none; the rule itself. Raises ``RangeError``."""

    def put(self, out: Values, row: int, value: Any) -> None:
        """Store what :meth:`parse` gave."""


@dataclass(frozen=True)
class CountCell:
    """Whole decimal number of 32 or 64 bit, optionally empty."""

    bits: int = 32
    nullable: bool = False

    def blank(self, rows: int) -> Values:
        """Make the output column."""
        kind = np.uint32 if self.bits == 32 else np.uint64
        return Values(np.zeros(rows, kind), np.ones(rows, bool) if self.nullable else None)

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells of at most 18 digits."""
        _kernels.decode_count(buffer, starts, ends, out.data, min(1 << self.bits, 10**18), ok)

    def parse(self, text: str, name: str) -> int | None:
        """Read one cell."""
        return None if self.nullable and not text else parse_count(text, name, self.bits)

    def put(self, out: Values, row: int, value: int | None) -> None:
        """Store one value."""
        out.data[row] = value or 0
        if out.valid is not None:
            out.valid[row] = value is not None


@dataclass(frozen=True)
class BytesCell:
    """Address (20) or hash (32) in hexadecimal; ``null``, and empty if so told, where there is none."""

    width: int
    nullable: bool = False
    empty_is_null: bool = False

    def blank(self, rows: int) -> Values:
        """Make the output column."""
        return Values(np.zeros((rows, self.width), np.uint8), np.ones(rows, bool) if self.nullable else None)

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells with prefix and the right number of digits."""
        valid = np.zeros(0, bool) if out.valid is None else out.valid
        _kernels.decode_address(buffer, starts, ends, out.data, valid, ok)

    def parse(self, text: str, name: str) -> bytes | None:
        """Read one cell."""
        if self.nullable and (text in _NULLS or (self.empty_is_null and not text)):
            return None
        return parse_address(text) if self.width == 20 else parse_hash(text)

    def put(self, out: Values, row: int, value: bytes | None) -> None:
        """Store one value."""
        out.data[row] = np.frombuffer(value or bytes(self.width), np.uint8)
        if out.valid is not None:
            out.valid[row] = value is not None


@dataclass(frozen=True)
class PrefixCell:
    """First four bytes of hexadecimal data; none where it is ``null``, shorter, or (``exact``) longer."""

    exact: bool = False

    def blank(self, rows: int) -> Values:
        """Make the output column."""
        return Values(np.zeros((rows, 4), np.uint8), np.ones(rows, bool))

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells with prefix and an even number of digits."""
        _kernels.decode_hex_prefix(buffer, starts, ends, out.data, out.valid, ok)
        if self.exact:
            assert out.valid is not None
            out.valid &= ends - starts <= 10

    def parse(self, text: str, name: str) -> bytes | None:
        """Read one cell."""
        if text in _NULLS:
            return None
        try:
            if not text.startswith("0x") or not text.isascii() or text.split() != [text]:
                raise ValueError
            data = bytes.fromhex(text[2:])
        except ValueError:
            raise RangeError(f"{name} is not hexadecimal bytes with 0x before them", value=text[:80]) from None
        return None if len(data) < 4 or (self.exact and len(data) > 4) else data[:4]

    def put(self, out: Values, row: int, value: bytes | None) -> None:
        """Store one value."""
        assert out.valid is not None
        out.data[row] = np.frombuffer(value or bytes(4), np.uint8)
        out.valid[row] = value is not None


@dataclass(frozen=True)
class _WeiCell:
    """256-bit amounts as 32 big-endian bytes."""

    def blank(self, rows: int) -> Values:
        """Make the output column."""
        return Values(np.zeros((rows, 32), np.uint8))

    def put(self, out: Values, row: int, value: int) -> None:
        """Store one value."""
        out.data[row] = np.frombuffer(value.to_bytes(32, "big"), np.uint8)


@dataclass(frozen=True)
class EtherCell(_WeiCell):
    """Amount in ether, to the nearest wei."""

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells of at most 18 whole digits, or 18 in all before an exponent."""
        _kernels_amount.decode_ether(buffer, starts, ends, out.data, ok)

    def parse(self, text: str, name: str) -> int:
        """Read one cell."""
        return parse_ether_nearest(text)


@dataclass(frozen=True)
class AmountCell(_WeiCell):
    """Whole decimal amount, or 32 bytes in hexadecimal."""

    hexadecimal: bool = False

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells of at most 38 decimal or exactly 64 hexadecimal digits."""
        if self.hexadecimal:
            _kernels.decode_address(buffer, starts, ends, out.data, np.zeros(0, bool), ok)
        else:
            _kernels_amount.decode_amount(buffer, starts, ends, out.data, ok)

    def parse(self, text: str, name: str) -> int:
        """Read one cell."""
        return int.from_bytes(parse_hash(text), "big") if self.hexadecimal else parse_token_amount(text)


@dataclass(frozen=True)
class FlagCell:
    """``0`` or ``1``, and ``false`` or ``true`` if so told; ``negate`` turns it round; empty is true if so told."""

    negate: bool = False
    empty_is_true: bool = False
    words: bool = False

    def blank(self, rows: int) -> Values:
        """Make the output column."""
        return Values(np.zeros(rows, bool))

    def decode(self, buffer: Array, starts: Array, ends: Array, out: Values, ok: Array) -> None:
        """Fill cells of one character."""
        _kernels.decode_flag(buffer, starts, ends, out.data, ok)
        if self.negate:
            np.logical_not(out.data, out=out.data)

    def parse(self, text: str, name: str) -> bool:
        """Read one cell."""
        if text in ("0", "1"):
            return (text == "1") != self.negate
        if self.words and text in ("false", "true"):
            return (text == "true") != self.negate
        if self.empty_is_true and not text:
            return True
        raise RangeError(f"{name} is neither 0 nor 1", value=text[:80])

    def put(self, out: Values, row: int, value: bool) -> None:
        """Store one value."""
        out.data[row] = value
