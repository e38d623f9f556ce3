"""Where contracts of a table are: deployed by a factory, their address follows from their content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from tallystick.hashing import keccak256
from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._contract import initcode

__all__ = [
    "NO_SALT",
    "AddressOf",
    "create2_address",
    "data_address",
    "data_initcode",
    "factory_code",
    "factory_initcode",
]

NO_SALT: Final = bytes(32)
AddressOf: TypeAlias = Callable[[bytes], bytes]  # init code to the address, 20 bytes, that its contract will have


def factory_code() -> bytes:
    """Runtime code of a contract that deploys init code to the address that follows from it.

    Calldata is a salt of 32 bytes and the init code; the answer is the address, 20 bytes. It reverts where nothing was
    deployed, as when the address has code already. It needs no ``PUSH0``, so it is the same on every chain.

    Source
    ------
    EIP-1014; the calldata of the widely deployed deterministic deployment proxy.
    """
    code = Assembler(push0=False)
    code.push(0).op("CALLDATALOAD").push(32).op("CALLDATASIZE", "SUB")
    code.op("DUP1").push(32).push(0).op("CALLDATACOPY").push(0).push(0).op("CREATE2")
    code.op("DUP1").push_label("made").op("JUMPI").push(0).push(0).op("REVERT")
    return code.label("made").push(0).op("MSTORE").push(20).push(12).op("RETURN").assemble()


def factory_initcode() -> bytes:
    """Init code of the factory."""
    return initcode(factory_code(), push0=False)


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


def data_address(factory: bytes, data: bytes, salt: bytes = NO_SALT) -> bytes:
    """Address, 20 bytes, of a data contract: the same data, the same address.

    Where it has code already, that is this data, and need not be deployed again.
    """
    return create2_address(factory, data_initcode(data), salt)
