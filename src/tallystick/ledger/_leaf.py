"""The leaf: one transfer and its prediction as 198 bytes, the unit that the ledger commits to.

Layout, integers big-endian; ``docs/formats/prediction-log-v1.md`` is the specification:

====== ==== ==================== ==========================================
offset size field                null is written as
====== ==== ==================== ==========================================
0      1    0x00, leaf prefix
1      8    block_number
9      8    timestamp
17     4    transaction_index
21     4    transfer_index
25     32   transaction_hash
57     20   from_address
77     20   to_address           zero, with bit 2 clear
97     20   erc20                zero
117    32   value_binary
149    8    gas_used             2**64 - 1
157    8    gas_price            2**64 - 1
165    4    method               zero, with bit 4 clear
169    1    bits                 1 success, 2 to, 4 method, 8 flag
170    8    sender_raw, signed
178    8    receiver_raw, signed -2**63
186    4    sender_ppm
190    4    receiver_ppm         2**32 - 1
194    4    zero, reserved
====== ==== ==================== ==========================================

The encoding is one to one: a present value that equals its column's null form is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from tallystick.errors import InputError, RangeError
from tallystick.hashing import keccak256
from tallystick.units import Hash

__all__ = [
    "LEAF_BYTES",
    "LEAF_PREFIX",
    "NO_GAS",
    "NO_PPM",
    "NO_RAW",
    "Leaf",
    "decode_leaf",
    "encode_leaf",
    "leaf_hash",
]

LEAF_BYTES: Final = 198
LEAF_PREFIX: Final = 0x00
NO_GAS: Final = (1 << 64) - 1
NO_RAW: Final = -(1 << 63)
NO_PPM: Final = (1 << 32) - 1

_LAYOUT: Final = struct.Struct(">BQQII32s20s20s20s32sQQ4sBqqII4x")
_SUCCESS, _TO, _METHOD, _FLAG = 1, 2, 4, 8
_WIDTHS: Final = {
    "transaction_hash": 32,
    "from_address": 20,
    "to_address": 20,
    "erc20": 20,
    "value_binary": 32,
    "method": 4,
}


@dataclass(frozen=True)
class Leaf:
    """What one leaf says; names, units and nulls as in the transfers and predictions tables."""

    block_number: int
    timestamp: int
    transaction_index: int
    transfer_index: int
    transaction_hash: bytes
    from_address: bytes
    to_address: bytes | None
    erc20: bytes | None
    value_binary: bytes
    gas_used: int | None
    gas_price: int | None
    method: bytes | None
    success: bool
    sender_raw: int
    receiver_raw: int | None
    sender_ppm: int
    receiver_ppm: int | None
    flag: bool

    @classmethod
    def of(cls, transfer: Mapping[str, object], prediction: Mapping[str, object]) -> Leaf:
        """Build the leaf from one row of each table, as ``Table.to_pylist`` gives them."""
        merged = {**transfer, **prediction}
        # Rows of tables are untyped; encoding checks every field's range.
        return cls(**{field.name: merged[field.name] for field in fields(cls)})  # type: ignore[arg-type]


def encode_leaf(leaf: Leaf) -> bytes:
    """Write a leaf as its 198 bytes; the reference that faster code must equal.

    Raises
    ------
    RangeError
        A number or a width is outside its field, or a present value equals the null form.
    """
    for name, width in _WIDTHS.items():
        cell = getattr(leaf, name)
        if cell is not None and len(cell) != width:
            raise RangeError(f"{name} is not {width} bytes", name=name, block=leaf.block_number)
    for name, null in (("gas_used", NO_GAS), ("gas_price", NO_GAS), ("receiver_raw", NO_RAW), ("receiver_ppm", NO_PPM)):
        if getattr(leaf, name) == null:
            raise RangeError(f"{name} is the value that stands for null", name=name, block=leaf.block_number)
    if leaf.erc20 == bytes(20):
        raise RangeError("erc20 is the zero address, which stands for null", name="erc20", block=leaf.block_number)
    bits = _SUCCESS * leaf.success | _TO * (leaf.to_address is not None)
    bits |= _METHOD * (leaf.method is not None) | _FLAG * leaf.flag
    try:
        return _LAYOUT.pack(
            LEAF_PREFIX,
            leaf.block_number,
            leaf.timestamp,
            leaf.transaction_index,
            leaf.transfer_index,
            leaf.transaction_hash,
            leaf.from_address,
            leaf.to_address or bytes(20),
            leaf.erc20 or bytes(20),
            leaf.value_binary,
            NO_GAS if leaf.gas_used is None else leaf.gas_used,
            NO_GAS if leaf.gas_price is None else leaf.gas_price,
            leaf.method or bytes(4),
            bits,
            leaf.sender_raw,
            NO_RAW if leaf.receiver_raw is None else leaf.receiver_raw,
            leaf.sender_ppm,
            NO_PPM if leaf.receiver_ppm is None else leaf.receiver_ppm,
        )
    except struct.error as error:
        raise RangeError(f"a number does not fit its field: {error}", block=leaf.block_number) from error


def decode_leaf(data: bytes) -> Leaf:
    """Read a leaf back from its bytes; ``encode_leaf(decode_leaf(data)) == data`` or it is refused.

    Raises
    ------
    InputError
        The bytes are not a leaf that :func:`encode_leaf` writes.
    """
    if len(data) != LEAF_BYTES:
        raise InputError(f"a leaf has {LEAF_BYTES} bytes, not {len(data)}")
    (
        _,
        block,
        time,
        tx_index,
        index,
        tx_hash,
        source,
        to,
        erc20,
        value,
        used,
        price,
        method,
        bits,
        raw_s,
        raw_r,
        s,
        r,
    ) = _LAYOUT.unpack(data)
    leaf = Leaf(
        block_number=block,
        timestamp=time,
        transaction_index=tx_index,
        transfer_index=index,
        transaction_hash=tx_hash,
        from_address=source,
        to_address=to if bits & _TO else None,
        erc20=erc20 if any(erc20) else None,
        value_binary=value,
        gas_used=None if used == NO_GAS else used,
        gas_price=None if price == NO_GAS else price,
        method=method if bits & _METHOD else None,
        success=bool(bits & _SUCCESS),
        sender_raw=raw_s,
        receiver_raw=None if raw_r == NO_RAW else raw_r,
        sender_ppm=s,
        receiver_ppm=None if r == NO_PPM else r,
        flag=bool(bits & _FLAG),
    )
    if encode_leaf(leaf) != data:
        raise InputError("leaf has a wrong prefix, unknown bits or bytes where zeros belong", block=block)
    return leaf


def leaf_hash(data: bytes) -> Hash:
    """Hash a leaf; its prefix 0x00 is the first of its 198 bytes, so this is RFC 6962's leaf hash."""
    return keccak256(data)
