"""Typed units: the integers that travel between parts, and how people write them."""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact, InvalidOperation, Underflow
from operator import index
from typing import Final, NewType

from tallystick.errors import RangeError

__all__ = [
    "PPM_ONE",
    "UINT256_MAX",
    "WEI_PER_ETHER",
    "WEI_PER_GWEI",
    "Address",
    "BlockNumber",
    "Gas",
    "Gwei",
    "Hash",
    "Ppm",
    "UnixSeconds",
    "Wei",
    "format_address",
    "format_ether",
    "format_hash",
    "format_ppm",
    "parse_address",
    "parse_ether",
    "parse_hash",
    "parse_wei",
]

Wei = NewType("Wei", int)  # [0, 2**256)
Gwei = NewType("Gwei", int)  # 10**9 wei
Gas = NewType("Gas", int)
BlockNumber = NewType("BlockNumber", int)
UnixSeconds = NewType("UnixSeconds", int)  # UTC
Ppm = NewType("Ppm", int)  # parts per million, [0, 1_000_000]
Address = NewType("Address", bytes)  # 20 bytes
Hash = NewType("Hash", bytes)  # 32 bytes

UINT256_MAX: Final = (1 << 256) - 1
WEI_PER_ETHER: Final = 10**18
WEI_PER_GWEI: Final = 10**9
PPM_ONE: Final = Ppm(1_000_000)

# 2**256 wei has 78 digits: what does not fit 100 is finer than one wei, and is trapped instead of rounded.
_EXACT: Final = Context(prec=100, traps=[Inexact, Underflow])
_HEX: Final = re.compile(r"(?:0x)?([0-9a-fA-F]*)")


def parse_address(text: str) -> Address:
    """Read a 20-byte address from hexadecimal text; letter case is not checked.

    Raises
    ------
    RangeError
        Not 40 hexadecimal digits.

    Examples
    --------
    >>> parse_address("0x" + "ab" * 20).hex()[:6]
    'ababab'
    """
    return Address(_parse_fixed_hex(text, 20, "address"))


def parse_hash(text: str) -> Hash:
    """Read a 32-byte hash from hexadecimal text."""
    return Hash(_parse_fixed_hex(text, 32, "hash"))


def _parse_fixed_hex(text: str, size: int, what: str) -> bytes:
    match = _HEX.fullmatch(text.strip())
    if match is None or len(match[1]) != 2 * size:
        raise RangeError(f"{what} is not {2 * size} hexadecimal digits", value=text[:80])
    return bytes.fromhex(match[1])


def format_address(address: bytes) -> str:
    """Lower-case hexadecimal with prefix, as every table and file of ours shows it."""
    return "0x" + address.hex()


def format_hash(value: bytes) -> str:
    """Lower-case hexadecimal with prefix."""
    return "0x" + value.hex()


def parse_ether(text: str) -> Wei:
    """Read an amount written in ether, exactly.

    Digits below one wei are an error, not rounded away: a publisher's float
    noise stays visible, and a value never changes between source and table.

    Parameters
    ----------
    text
        Decimal or scientific notation, in [0, 2**256) wei.

    Raises
    ------
    RangeError
        Not a number, negative, 2**256 wei or more, or finer than one wei.

    Examples
    --------
    >>> parse_ether("0.01"), parse_ether("1e-18")
    (10000000000000000, 1)
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise RangeError("amount is not a decimal number", value=text[:80]) from None
    if not number.is_finite():
        raise RangeError("amount is not finite", value=text[:80])
    if not number:
        return Wei(0)
    if number.adjusted() > 77 - 18:
        raise RangeError(f"amount is {'negative' if number < 0 else '2**256 or more'}", value=text[:80])
    try:
        wei = number.scaleb(18, _EXACT)
    except Inexact:
        wei = None
    if wei is None or wei != wei.to_integral_value():
        raise RangeError("amount is finer than one wei", value=text[:80])
    return parse_wei(int(wei))


def parse_wei(value: int | str) -> Wei:
    """Check an amount in wei: an integer in [0, 2**256).

    Examples
    --------
    >>> parse_wei("0x10"), parse_wei(5)
    (16, 5)
    """
    try:
        number = int(value, 0) if isinstance(value, str) else index(value)
    except (ValueError, TypeError):
        raise RangeError("amount is not an integer", value=str(value)[:80]) from None
    if number < 0:
        raise RangeError("amount is negative", value=f"{number:#x}"[:80])
    if number > UINT256_MAX:
        raise RangeError("amount is 2**256 or more", value=f"{number:#x}"[:80])
    return Wei(number)


def format_ether(wei: int, digits: int = 6) -> str:
    """Write wei as ether for people, rounded toward zero to ``digits`` decimals.

    Examples
    --------
    >>> format_ether(1_234_567_890_000_000_000)
    '1.234567'
    """
    whole, rest = divmod(abs(wei), WEI_PER_ETHER)
    text = f"{'-' if wei < 0 else ''}{whole:,}"
    return f"{text}.{f'{rest:018d}'[:digits]}" if digits else text


def format_ppm(value: int) -> str:
    """Write parts per million as a percentage for people.

    Examples
    --------
    >>> format_ppm(973_100)
    '97.31 %'
    """
    return f"{value // 10_000}.{value % 10_000 // 100:02d} %"
