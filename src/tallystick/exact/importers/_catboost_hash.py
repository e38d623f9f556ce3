"""How CatBoost turns a category's text into a number: the low 32 bits of CityHash64, version 1.0.

Source: Pike and Alakuijala, CityHash 1.0 (``HashLen0to16``, ``HashLen17to32``); CatBoost ``CalcCatFeatureHash``.
"""

from __future__ import annotations

from typing import Final

__all__ = ["category_hash"]

_MASK: Final = (1 << 64) - 1
_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_K3: Final = 0xC949D7C7509E6557
_MULTIPLIER: Final = 0x9DDFEA08EB382D69


def category_hash(value: int) -> int:
    """The hash of an integer category, whose text is its decimal digits; int64.

    Examples
    --------
    >>> category_hash(1), category_hash(8)
    (1121341681, 4274974262)
    """
    text = str(value).encode("ascii")  # 1 to 20 bytes
    size = len(text)
    if size > 16:
        return _of_17_to_32(text) & 0xFFFFFFFF
    if size > 8:
        low, high = _word(text, 0), _word(text, size - 8)
        return (_mix(low, _rotate(high + size & _MASK, size)) ^ high) & 0xFFFFFFFF
    if size >= 4:
        low, high = int.from_bytes(text[:4], "little"), int.from_bytes(text[-4:], "little")
        return _mix(size + (low << 3), high) & 0xFFFFFFFF
    first = text[0] + (text[size >> 1] << 8)
    last = size + (text[-1] << 2)
    return _fold((first * _K2 ^ last * _K3) & _MASK) * _K2 & 0xFFFFFFFF


def _of_17_to_32(text: bytes) -> int:
    a, b = _word(text, 0) * _K1 & _MASK, _word(text, 8)
    c, d = _word(text, len(text) - 8) * _K2 & _MASK, _word(text, len(text) - 16) * _K0 & _MASK
    above = _rotate(a - b & _MASK, 43) + _rotate(c, 30) + d
    below = a + _rotate(b ^ _K3, 20) - c + len(text)
    return _mix(above & _MASK, below & _MASK)


def _word(text: bytes, at: int) -> int:
    return int.from_bytes(text[at : at + 8], "little")


def _rotate(word: int, by: int) -> int:
    return (word >> by | word << (64 - by)) & _MASK


def _fold(word: int) -> int:
    return word ^ word >> 47


def _mix(low: int, high: int) -> int:
    """``Hash128to64``."""
    first = _fold((low ^ high) * _MULTIPLIER & _MASK)
    second = _fold((high ^ first) * _MULTIPLIER & _MASK)
    return second * _MULTIPLIER & _MASK
