"""Fast readers of text cells: raw bytes in, columns out, one pass, no Python objects.

Every kernel *accepts* only cells whose value the plain-Python rule of the same cell gives
identically, and marks every other row in ``ok``: those go to the plain-Python rule,
which alone decides whether they are odd but right, or malformed and why.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import compiled

__all__ = [
    "count_lines",
    "decode_address",
    "decode_count",
    "decode_flag",
    "decode_hex_prefix",
    "split_lines",
]

_COMMA, _NEWLINE, _RETURN, _QUOTE = 44, 10, 13, 34
_ZERO, _ONE, _X = 48, 49, 120
_NULL = (110, 117, 108, 108)

Array = Any  # numpy array; numba sees the exact type


def _digit_table() -> Array:
    """Value of each byte as a hexadecimal digit; 255 where it is none."""
    table = np.full(256, 255, np.uint8)
    for value, digit in enumerate("0123456789abcdef"):
        table[ord(digit)] = table[ord(digit.upper())] = value
    return table


_DIGITS = _digit_table()


@compiled
def count_lines(buffer: Array) -> int:  # pragma: no cover - compiled
    """Newlines in a buffer."""
    lines = 0
    for byte in buffer:
        lines += byte == _NEWLINE
    return lines


@compiled
def split_lines(
    buffer: Array, slots: Array, starts: Array, ends: Array, places: Array
) -> tuple[int, int]:  # pragma: no cover - compiled; tested against csv.reader
    """Find the wanted cells of every line.

    Parameters
    ----------
    buffer
        Whole lines. (bytes,) uint8
    slots
        For each field of the header, the output row it goes to, or -1. (fields,) int64
    starts, ends
        Out: byte range of each wanted cell. (wanted, lines) int64
    places
        Out: begin, end, line number in the buffer (from 0) and whether the line
        is plain, with exactly the header's fields and no quote. (4, lines) int64

    Returns
    -------
    tuple of int
        Rows found (empty lines are none) and lines read.
    """
    fields = len(slots)
    row = 0
    line = 0
    begin = 0
    start = 0
    field = 0
    quoted = False
    for i in range(len(buffer)):
        byte = buffer[i]
        if byte > _COMMA:
            continue
        if byte == _COMMA:
            if field < fields and slots[field] >= 0:
                starts[slots[field], row] = start
                ends[slots[field], row] = i
            field += 1
            start = i + 1
        elif byte == _QUOTE:
            quoted = True
        elif byte == _NEWLINE:
            end = i
            if end > begin and buffer[end - 1] == _RETURN:
                end -= 1
            if end > begin:
                if field < fields and slots[field] >= 0:
                    starts[slots[field], row] = start
                    ends[slots[field], row] = end
                plain = field + 1 == fields and not quoted
                if not plain:
                    for slot in range(starts.shape[0]):
                        starts[slot, row] = begin
                        ends[slot, row] = begin
                places[0, row] = begin
                places[1, row] = end
                places[2, row] = line
                places[3, row] = plain
                row += 1
            line += 1
            begin = i + 1
            start = i + 1
            field = 0
            quoted = False
    return row, line


@compiled
def _is_null(buffer: Array, start: int, end: int) -> bool:  # pragma: no cover - compiled
    """True for ``null`` and ``NULL``."""
    if end - start != 4:
        return False
    small, large = True, True
    for k in range(4):
        small &= buffer[start + k] == _NULL[k]
        large &= buffer[start + k] == _NULL[k] - 32
    return small or large


@compiled
def decode_address(
    buffer: Array, starts: Array, ends: Array, values: Array, valid: Array, ok: Array
) -> None:  # pragma: no cover - compiled
    """``0x`` and exactly as many digits as the column is wide; ``null`` where ``valid`` has rows."""
    width = values.shape[1]
    for row in range(len(starts)):
        at = starts[row]
        size = ends[row] - at
        if len(valid) and _is_null(buffer, at, ends[row]):
            valid[row] = False
            continue
        if size != 2 * width + 2 or buffer[at] != _ZERO or buffer[at + 1] != _X:
            ok[row] = False
            continue
        worst = np.uint8(0)
        at += 2
        for k in range(width):
            high = _DIGITS[buffer[at]]
            low = _DIGITS[buffer[at + 1]]
            worst |= high | low
            values[row, k] = high << 4 | low
            at += 2
        if worst > 15:
            ok[row] = False


@compiled
def decode_hex_prefix(
    buffer: Array, starts: Array, ends: Array, values: Array, valid: Array, ok: Array
) -> None:  # pragma: no cover - compiled
    """First four bytes of hexadecimal data; no value where the data is shorter."""
    for row in range(len(starts)):
        at = starts[row]
        size = ends[row] - at
        if _is_null(buffer, at, ends[row]):
            valid[row] = False
            continue
        if size < 2 or size % 2 or buffer[at] != _ZERO or buffer[at + 1] != _X:
            ok[row] = False
            continue
        worst = np.uint8(0)
        for k in range(at + 2, ends[row]):
            worst |= _DIGITS[buffer[k]]
        if worst > 15:
            ok[row] = False
        elif size < 10:
            valid[row] = False
        else:
            for k in range(4):
                values[row, k] = _DIGITS[buffer[at + 2 + 2 * k]] << 4 | _DIGITS[buffer[at + 3 + 2 * k]]


@compiled
def decode_count(
    buffer: Array, starts: Array, ends: Array, values: Array, limit: int, ok: Array
) -> None:  # pragma: no cover - compiled
    """At most 18 digits, below ``limit``."""
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        number: Any = 0
        plain = 1 <= size <= 18
        if plain:
            for k in range(starts[row], ends[row]):
                digit = np.int64(buffer[k]) - _ZERO
                plain &= 0 <= digit <= 9
                number = number * 10 + digit
        if plain and number < limit:
            values[row] = number
        else:
            ok[row] = False


@compiled
def decode_flag(
    buffer: Array, starts: Array, ends: Array, values: Array, ok: Array
) -> None:  # pragma: no cover - compiled
    """One character, ``0`` or ``1``."""
    for row in range(len(starts)):
        byte = buffer[starts[row]] if ends[row] == starts[row] + 1 else 0
        values[row] = byte == _ONE
        ok[row] &= byte in (_ZERO, _ONE)
