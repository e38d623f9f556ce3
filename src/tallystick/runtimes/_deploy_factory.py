"""Where a contract will be before it is there: the address follows from its init code alone.

Contracts are made through the deterministic deployment proxy, 69 bytes that most chains have at one address and that
anyone can put on others. So the same program has the same address on every chain, whoever deploys it, and what is
there already is not deployed again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tallystick.chain import SendOptions, Signer, send_transaction
from tallystick.errors import ChainError, NoContract, NotBroadcast
from tallystick.runtimes._evm_node import code_at
from tallystick.targets.evm import NO_SALT, create2_address
from tallystick.units import format_address, parse_address

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["FACTORY", "FACTORY_CODE", "check_factory", "contract_address", "creation", "deploy_factory"]

FACTORY: Final = "0x4e59b44847b379578588920ca78fbf26c0b4956c"
FACTORY_CODE: Final = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b"
    "8082525050506014600cf3"
)


def contract_address(initcode: bytes, factory: str = FACTORY) -> str:
    """Address of a contract made through the factory, lower-case hexadecimal; the salt is zero.

    Source
    ------
    EIP-1014, with its first example.

    Examples
    --------
    >>> contract_address(bytes.fromhex("00"), "0x" + "00" * 20)
    '0x4d1a2e2bb4f88f0250f26ffff098b0b30b26bf38'
    """
    return format_address(create2_address(parse_address(factory), initcode, NO_SALT))


def creation(initcode: bytes, factory: str = FACTORY) -> dict[str, Any]:
    """Transaction that makes a contract through the factory."""
    return {"to": factory, "data": "0x" + (NO_SALT + initcode).hex()}


def check_factory(w3: Web3, factory: str = FACTORY) -> None:
    """Check that the factory is on the chain.

    Raises
    ------
    NoContract
        There is no code at its address.
    ChainError
        There is other code.
    """
    code = code_at(w3, factory)
    if not code:
        step = "Deploy a copy with deploy_factory(w3, signer, broadcast=True), and name its address."
        raise NoContract("the chain has no deployment factory", address=factory, next_step=step)
    if code != FACTORY_CODE:
        raise ChainError("the code at the address is no deployment factory", account=factory)


def deploy_factory(w3: Web3, signer: Signer, broadcast: bool = False, options: SendOptions | None = None) -> str:
    """Put a copy of the factory on a chain that has none; return its address.

    Raises
    ------
    NotBroadcast
        Without ``broadcast`` nothing is sent.
    TransactionFailed
        The node refused.
    """
    if not broadcast:
        raise NotBroadcast("not sent: a deployment factory of 69 bytes")
    initcode = bytes([0x60, len(FACTORY_CODE), 0x60, 12, 0x60, 0, 0x39, 0x60, len(FACTORY_CODE), 0x60, 0, 0xF3])
    receipt = send_transaction(w3, signer, {"data": "0x" + (initcode + FACTORY_CODE).hex()}, options)
    address = str(receipt["contractAddress"]).lower()
    check_factory(w3, address)
    return address
