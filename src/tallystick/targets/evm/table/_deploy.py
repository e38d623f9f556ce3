"""Where contracts of a table are: their address follows from their content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from tallystick.hashing import keccak256
from tallystick.targets.evm._contract import initcode

__all__ = [
    "NO_SALT",
    "AddressOf",
    "create2_address",
    "data_initcode",
]

NO_SALT: Final = bytes(32)  # the init code alone makes the address
AddressOf: TypeAlias = Callable[[bytes], bytes]  # init code to the address, 20 bytes, that its contract will have


def create2_address(factory: bytes, code: bytes, salt: bytes = NO_SALT) -> bytes:
    """Address, 20 bytes, at which a factory deploys init code.

    ``keccak256(0xff || factory || salt || keccak256(code))[12:]``

    Source
    ------
    EIP-1014, with its second example.

    Examples
    --------
    >>> create2_address(bytes.fromhex("deadbeef") + bytes(16), b"\\x00").hex()
    'b928f69bb1d91cd65274e3c79d8986362984fda3'
    """
    assert (len(factory), len(salt)) == (20, 32)
    return bytes(keccak256(b"\xff" + factory + salt + keccak256(code))[12:])


def data_initcode(data: bytes) -> bytes:
    """Init code that leaves a data contract; the same on every chain."""
    return initcode(data, push0=False)
