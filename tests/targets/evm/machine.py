"""Runs bytecode in py-evm, an interpreter that shares nothing with ours: the oracle of these tests."""

from __future__ import annotations

from typing import NamedTuple

from eth.chains.mainnet import MAINNET_GENESIS_HEADER
from eth.constants import BLANK_ROOT_HASH
from eth.db.atomic import AtomicDB
from eth.vm.forks.prague import PragueVM
from eth.vm.message import Message
from eth.vm.transaction_context import BaseTransactionContext

__all__ = ["Outcome", "deploy", "run"]

GAS = 1 << 30
CALLER = b"\x11" * 20
CONTRACT = b"\x22" * 20


class Outcome(NamedTuple):
    """What a call returned, what it cost without intrinsic gas and calldata, and whether it reverted."""

    output: bytes
    gas: int
    failed: bool

    def words(self) -> tuple[int, ...]:
        """The output as int256 numbers."""
        assert not self.failed, self.output
        assert len(self.output) % 32 == 0
        starts = range(0, len(self.output), 32)
        return tuple(int.from_bytes(self.output[at : at + 32], "big", signed=True) for at in starts)

    def reason(self) -> str:
        """The text of Error(string)."""
        assert self.failed
        assert self.output[:4].hex() == "08c379a0"
        size = int.from_bytes(self.output[36:68], "big")
        return self.output[68 : 68 + size].decode("ascii")


def _state(codes: dict[bytes, bytes]):
    header = MAINNET_GENESIS_HEADER.copy(gas_limit=GAS)
    context = PragueVM.create_execution_context(header, [], chain_context=_ChainContext(1))
    state = PragueVM.get_state_class()(AtomicDB(), context, BLANK_ROOT_HASH)
    for address, code in codes.items():
        state.set_code(address, code)
    return state


class _ChainContext(NamedTuple):
    chain_id: int


def run(code: bytes, data: bytes, others: dict[bytes, bytes] | None = None, at: bytes = CONTRACT) -> Outcome:
    """Call ``code``, which is ``at`` an address, with ``data``; ``others`` are contracts it may call, by address.

    The contract itself is warm, the others are cold, as in a transaction sent to it.
    """
    state = _state({**(others or {}), at: code})
    state.mark_address_warm(at)
    message = Message(gas=GAS, to=at, sender=CALLER, value=0, data=data, code=code)
    done = state.computation_class.apply_message(state, message, BaseTransactionContext(gas_price=0, origin=CALLER))
    return Outcome(done.output, GAS - done.get_gas_remaining(), done.is_error)


def deploy(initcode: bytes) -> bytes:
    """Run init code and return the code it leaves; fails as a chain would."""
    outcome = run(initcode, b"")
    assert not outcome.failed, outcome.output
    return outcome.output
