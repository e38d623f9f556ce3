"""What a chain lets a contract be: asked of the node, never assumed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from tallystick.errors import ChainError, TransactionFailed
from tallystick.runtimes._evm_node import HEAD, ask, call

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["MOST_BYTES", "MOST_GAS", "ChainLimits", "probe_limits"]

MOST_BYTES: Final = 1 << 18  # nothing larger is tried: a request of twice this size goes through everywhere
MOST_GAS: Final = 1 << 28
_USUAL_CODE: Final = (24_576, 32_768, 65_536, 131_072)  # EIP-170, EIP-7954 as drafted before and now, Monad
_USUAL_INITCODE: Final = (49_152, 65_536, 131_072)  # EIP-3860, EIP-7954
_USUAL_GAS: Final = 1 << 24  # EIP-7825
_COUNTS_ZEROS: Final = bytes.fromhex("60001e00")  # PUSH1 0, CLZ, STOP
_GAS_SLACK: Final = 1 << 14  # what a probe costs beside what it burns, at most
_INTRINSIC: Final = 53_000  # of a transaction that creates


@dataclass(frozen=True)
class ChainLimits:
    """Limits of one chain, as its node answered.

    Parameters
    ----------
    chain_id
        EIP-155 chain id.
    code_bytes
        Largest code of a contract, at most :data:`MOST_BYTES` (larger was not tried).
    initcode_bytes
        Largest init code, likewise.
    push0
        Whether ``PUSH0`` is known.
    transaction_gas
        Largest gas of one transaction.
    block_gas
        Gas of the last block's limit.
    """

    chain_id: int
    code_bytes: int
    initcode_bytes: int
    push0: bool
    transaction_gas: int
    block_gas: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        return asdict(self)


def probe_limits(w3: Web3) -> ChainLimits:
    """Find a chain's limits by calls and estimates; nothing is sent.

    Where what creating costs binds before a limit of size does, that size is what is reported: what can be deployed.

    Raises
    ------
    ChainError
        The node does not try creations out (``eth_call`` without ``to``), or does not answer.

    Source
    ------
    EIP-170, EIP-3855, EIP-3860, EIP-7825, EIP-7939, EIP-7954.
    """
    block_gas = int(ask(w3, "eth_getBlockByNumber", HEAD, False)["gasLimit"], 16)
    if not _creates(w3, _returning(1)):
        cause = "the node does not try contract creations out by eth_call"
        raise ChainError(cause, method="eth_call", next_step="Use a node that does, such as geth, reth or anvil.")
    return ChainLimits(
        chain_id=int(ask(w3, "eth_chainId"), 16),
        code_bytes=_largest(lambda size: _creates(w3, _returning(size)), _USUAL_CODE),
        initcode_bytes=_largest(lambda size: _creates(w3, bytes(size)), _USUAL_INITCODE),
        push0=_creates(w3, bytes.fromhex("5f5ff3")),
        transaction_gas=_transaction_gas(w3, block_gas),
        block_gas=block_gas,
    )


def _largest(fits: Callable[[int], bool], usual: tuple[int, ...]) -> int:
    """Largest size that fits; a usual limit takes two questions more than there are smaller ones."""
    low, high = 1, MOST_BYTES + 1  # low fits, high does not
    for limit in usual:
        if not fits(limit + 1):
            low, high = limit if fits(limit) else low, limit + 1
            break
        low = limit + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _creates(w3: Web3, initcode: bytes) -> bool:
    try:
        call(w3, None, initcode)
    except TransactionFailed:
        return False
    return True


def _returning(size: int) -> bytes:
    """Init code that leaves so many zero bytes as code."""
    return bytes([0x62, *size.to_bytes(3, "big"), 0x60, 0, 0xF3])


def _transaction_gas(w3: Web3, block_gas: int) -> int:
    """Largest gas that the node estimates for one transaction: a usual cap, the block's limit, or to one part in 64.

    A node may estimate more than it would take (anvil does, others lift the cap for calls). The cap came in one fork
    with the opcode ``CLZ``; where that runs, the cap is taken to hold.
    """
    most = min(block_gas, MOST_GAS, _USUAL_GAS if _creates(w3, _COUNTS_ZEROS) else MOST_GAS)
    usual = min(_USUAL_GAS, most)
    if not _estimates(w3, usual - _GAS_SLACK):
        most = usual
    elif usual == most or not _estimates(w3, usual + _GAS_SLACK):
        return usual
    elif _estimates(w3, most - _GAS_SLACK):
        return most
    low, high = 0, most
    while high - low > max(most // 64, 1):
        middle = (low + high) // 2
        low, high = (middle, high) if _estimates(w3, middle) else (low, middle)
    return low


def _estimates(w3: Web3, gas: int) -> bool:
    """Whether the node estimates a transaction that burns so much gas, at most :data:`_GAS_SLACK` less."""
    burn = gas - _INTRINSIC
    words = max(1, math.isqrt(max(768 * 768 + 512 * burn, 0)) - 768)  # memory costs 3 w + w * w / 512
    initcode = bytes([0x62, *(32 * words - 32).to_bytes(3, "big"), 0x51])  # PUSH3, MLOAD
    try:
        ask(w3, "eth_estimateGas", {"data": "0x" + initcode.hex()})
    except TransactionFailed:
        return False
    return True
