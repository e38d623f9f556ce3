"""Documented stand-ins for what a graph of numbered nodes does not have."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tallystick.sources._amounts import parse_count

__all__ = ["CHAIN_ID", "NETWORK", "edge_hashes", "node_address", "node_addresses"]

NETWORK: Final = "tedge"
CHAIN_ID: Final = 0  # no chain has it (EIP-155 ids start at 1): nothing here can be looked up on one
_NODE: Final = b"tedge node\0\0"  # 12 bytes
_EDGE: Final = b"tedge edge\0\0".ljust(24, b"\0")


def node_address(text: str) -> bytes:
    """Address of a node: ``tedge node``, two zero bytes, then the id as a 64-bit big-endian number.

    Examples
    --------
    >>> node_address("1")[-9:]
    b'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x01'
    """
    return _NODE + parse_count(text, "id", 63).to_bytes(8, "big")


def node_addresses(ids: Any) -> Any:
    """The same for an array of ids. (rows, 20) uint8"""
    return _stamped(_NODE, ids)


def edge_hashes(rows: Any) -> Any:
    """Transaction hash of each row: ``tedge edge``, zero bytes up to 24, the row in 64 bit. (rows, 32) uint8"""
    return _stamped(_EDGE, rows)


def _stamped(prefix: bytes, numbers: Any) -> Any:
    out = np.empty((len(numbers), len(prefix) + 8), np.uint8)
    out[:, : len(prefix)] = np.frombuffer(prefix, np.uint8)
    out[:, len(prefix) :] = np.asarray(numbers).astype(">u8").view(np.uint8).reshape(-1, 8)
    return out
