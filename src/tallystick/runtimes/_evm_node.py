"""Questions to a node that web3.py has no function for, or only with formatting that large answers do not bear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tallystick.chain import translated

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["HEAD", "ask", "call", "code_at"]

HEAD: Final = "latest"


def ask(w3: Web3, method: str, *params: Any) -> Any:
    """Send one call and return its result as the node gives it.

    Raises
    ------
    TransactionFailed
        The node refuses; the cause is its own text.
    ChainError
        As the text says: no answer, too many requests, no such method.
    """
    name: Any = method
    with translated(w3):
        return w3.manager.request_blocking(name, list(params))


def call(w3: Web3, to: str | None, data: bytes, codes: Mapping[str, bytes] | None = None) -> bytes:
    """Run a call on the head, with the gas that the node gives it, without sending anything.

    Parameters
    ----------
    w3
        Connection.
    to
        Contract, hexadecimal; None for init code.
    data
        Calldata or init code.
    codes
        Code to put at addresses for this call only (a state override, which not every node knows).
    """
    transaction = {"data": "0x" + data.hex()}
    if to is not None:
        transaction["to"] = to
    overrides = [{where: {"code": "0x" + code.hex()} for where, code in codes.items()}] if codes else []
    return bytes.fromhex(ask(w3, "eth_call", transaction, HEAD, *overrides)[2:])


def code_at(w3: Web3, address: str) -> bytes:
    """Code at an address on the head; empty for none."""
    return bytes.fromhex(ask(w3, "eth_getCode", address, HEAD)[2:])
