"""Hashes that name things: keccak-256 where a contract must agree, SHA-256 for files."""

from __future__ import annotations

import hashlib
from pathlib import Path

from eth_hash.auto import keccak

from tallystick.units import Hash

__all__ = ["keccak256", "sha256_file"]


def keccak256(data: bytes) -> Hash:
    """Hash bytes as the EVM does (Keccak-256, the padding before SHA-3).

    Examples
    --------
    >>> keccak256(b"").hex()[:16]
    'c5d2460186f7233c'
    """
    return Hash(bytes(keccak(data)))


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
