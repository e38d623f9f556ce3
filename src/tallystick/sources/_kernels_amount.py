"""Fast readers of amounts: 256-bit results from two 64-bit words; see :mod:`tallystick.sources._kernels`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import compiled

__all__ = ["decode_amount", "decode_ether"]

_ZERO, _NINE, _DOT, _E, _PLUS, _MINUS = 48, 57, 46, 101, 43, 45
_SHIFT = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_TEN = np.uint64(10)
_ETHER = np.uint64(10**18)
_TEN_19 = np.uint64(10**19)

Array = Any  # numpy array; numba sees the exact type
Word = Any  # unsigned 64 bit


@compiled
def _store(values: Array, row: int, left: Word, right: Word, extra: Word) -> None:  # pragma: no cover - compiled
    """Write ``left * right + extra`` (64 bit each) as a 256-bit big-endian number."""
    a, b = left >> _SHIFT, left & _LOW
    c, d = right >> _SHIFT, right & _LOW
    low = b * d
    middle = a * d + (low >> _SHIFT)  # below 2**64: (2**32 - 1)**2 + 2**32 - 1
    cross = b * c + (middle & _LOW)
    high = a * c + (middle >> _SHIFT) + (cross >> _SHIFT)
    bottom = (cross << _SHIFT) | (low & _LOW)
    total = bottom + extra
    if total < bottom:
        high += np.uint64(1)
    for k in range(8):
        shift = np.uint64(8 * k)
        values[row, 31 - k] = (total >> shift) & np.uint64(255)
        values[row, 23 - k] = (high >> shift) & np.uint64(255)


@compiled
def decode_amount(
    buffer: Array, starts: Array, ends: Array, values: Array, ok: Array
) -> None:  # pragma: no cover - compiled
    """At most 38 digits: high ones and the last 19, each within 64 bit."""
    for row in range(len(starts)):
        size = ends[row] - starts[row]
        plain = 1 <= size <= 38
        high = np.uint64(0)
        low = np.uint64(0)
        if plain:
            split = ends[row] - 19
            for k in range(starts[row], ends[row]):
                digit = np.int64(buffer[k]) - _ZERO
                plain &= 0 <= digit <= 9
                if k < split:
                    high = high * _TEN + np.uint64(digit & 15)
                else:
                    low = low * _TEN + np.uint64(digit & 15)
        if plain:
            _store(values, row, high, _TEN_19, low)
        else:
            ok[row] = False


@compiled
def _exponent(buffer: Array, start: int, end: int) -> Any:  # pragma: no cover - compiled
    """Signed exponent of one to three digits, or 9999 for anything else."""
    sign = 1
    if start < end and (buffer[start] == _MINUS or buffer[start] == _PLUS):
        sign = -1 if buffer[start] == _MINUS else 1
        start += 1
    if not 1 <= end - start <= 3:
        return 9999
    number: Any = 0
    for k in range(start, end):
        digit = np.int64(buffer[k]) - _ZERO
        if not 0 <= digit <= 9:
            return 9999
        number = number * 10 + digit
    return sign * number


@compiled
def _store_scaled(values: Array, row: int, digits: Word, scale: int) -> bool:  # pragma: no cover - compiled
    """Write ``digits * 10**scale`` to the nearest wei; digits are below 10**18."""
    power = np.uint64(1)
    for _ in range(min(abs(scale), 19)):
        power *= _TEN
    if scale >= 0:
        if scale > 19 and digits != np.uint64(0):
            return False
        _store(values, row, digits, power, np.uint64(0))
    elif scale >= -18:
        _store(values, row, (digits + power // np.uint64(2)) // power, np.uint64(1), np.uint64(0))
    else:
        _store(values, row, np.uint64(0), np.uint64(0), np.uint64(0))  # below one tenth of a wei
    return True


@compiled
def decode_ether(
    buffer: Array, starts: Array, ends: Array, values: Array, ok: Array
) -> None:  # pragma: no cover - compiled
    """Decimal or scientific notation in ether; nearest wei, half upward.

    Without an exponent: at most 18 digits before the point and any number after it. The fraction's
    first 18 digits are wei; the 19th alone decides the rounding, for what follows cannot
    carry it across one half. With an exponent: at most 18 digits.
    """
    for row in range(len(starts)):
        whole = np.uint64(0)
        fraction = np.uint64(0)
        mantissa = np.uint64(0)
        plain = True
        scientific = False
        point = -1  # digits after the point, or -1 before it
        digits = 0
        k = starts[row]
        while k < ends[row]:
            byte = np.int64(buffer[k])
            k += 1
            if byte == _DOT:
                plain &= point < 0
                point = 0
                continue
            if byte | 32 == _E:
                scientific = True
                break
            if byte < _ZERO or byte > _NINE:
                plain = False
                break
            digit = np.uint64(byte - _ZERO)
            digits += 1
            mantissa = mantissa * _TEN + digit
            if point < 0:
                whole = mantissa
                plain &= digits <= 18
                continue
            if point < 18:
                fraction = fraction * _TEN + digit
            elif point == 18 and digit >= np.uint64(5):
                fraction += np.uint64(1)
            point += 1
        plain &= digits > 0
        if plain and scientific:
            exponent = _exponent(buffer, k, ends[row])
            scale = exponent - max(point, 0) + 18
            plain = digits <= 18 and exponent != 9999 and _store_scaled(values, row, mantissa, scale)
        elif plain:
            for _ in range(max(point, 0), 18):
                fraction *= _TEN
            _store(values, row, whole, _ETHER, fraction)
        ok[row] &= plain
