"""Amounts as text: the plain-Python rules that the fast readers are held equal to."""

from __future__ import annotations

import re
from typing import Final

from tallystick.errors import RangeError
from tallystick.units import UINT256_MAX, Wei

__all__ = ["parse_count", "parse_ether_nearest", "parse_token_amount"]

_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?", re.ASCII)
_INTEGER = re.compile(r"([+-]?)([0-9]+)", re.ASCII)
_LONGEST: Final = 400  # characters; far above any amount that fits 256 bit


def parse_ether_nearest(text: str) -> Wei:
    """Read an amount in ether, rounded to the nearest wei, half a wei upward.

    ``floor(text * 10**18 + 1/2)``, computed on the exact decimal text. Publishers who passed
    their amounts through binary floats leave noise below one wei (``9.999999999999999e-16``); nearest
    is what undoes it. Use :func:`tallystick.units.parse_ether` where noise must be an error.

    Raises
    ------
    RangeError
        Not a decimal number, negative, or 2**256 wei or more.

    Examples
    --------
    >>> parse_ether_nearest("9.999999999999999e-16"), parse_ether_nearest("0.5e-18"), parse_ether_nearest("4.9e-19")
    (1000, 1, 0)
    """
    match = _DECIMAL.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None or not (match[2] or match[3]):
        raise RangeError("amount is not a decimal number", value=text[:80])
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", int(match[4] or 0)
    digits = int(whole + fraction)
    if sign == "-" and digits:
        raise RangeError("amount is negative", value=text[:80])
    scale = exponent - len(fraction) + 18  # wei = digits * 10**scale
    if scale >= 0:
        # Above 10**78 nothing but zero fits 256 bit, so the power never needs to be larger.
        return _checked(digits * 10 ** min(scale, 78), text)
    # Below 10**-(digits + 1) everything rounds to zero, so the power never needs to be larger.
    unit = 10 ** min(-scale, len(whole + fraction) + 1)
    return _checked((2 * digits + unit) // (2 * unit), text)


def parse_token_amount(text: str) -> Wei:
    """Read a whole decimal amount in [0, 2**256).

    Examples
    --------
    >>> parse_token_amount("1000")
    1000
    """
    return _checked(_parse_integer(text, "amount"), text)


def parse_count(text: str, name: str, bits: int) -> int:
    """Read a whole decimal number in [0, 2**bits).

    Examples
    --------
    >>> parse_count("46275", "block", 32)
    46275
    """
    number = _parse_integer(text, name)
    if number >> bits:
        raise RangeError(f"{name} is 2**{bits} or more", value=text[:80])
    return number


def _parse_integer(text: str, name: str) -> int:
    match = _INTEGER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise RangeError(f"{name} is not a whole number", value=text[:80])
    number = int(text)
    if number < 0:
        raise RangeError(f"{name} is negative", value=text[:80])
    return number


def _checked(wei: int, text: str) -> Wei:
    if wei > UINT256_MAX:
        raise RangeError("amount is 2**256 or more", value=text[:80])
    return Wei(wei)
