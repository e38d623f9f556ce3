"""Send to a ledger, never without a plan: planned, announced, and refused unless it may be sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from tallystick.chain import SendOptions, Signer, send_transaction, simulate
from tallystick.errors import ChainError, NotBroadcast
from tallystick.units import Gas

if TYPE_CHECKING:
    from web3 import Web3
    from web3.types import TxReceipt

__all__ = ["SendPlan", "Sender"]

_GAS_MARGIN_PERCENT: Final = 20  # the state may change between plan and block


@dataclass(frozen=True)
class SendPlan:
    """One transaction before it is sent, tried out on the head of the chain.

    Parameters
    ----------
    what
        What it does, for people.
    to
        Contract it goes to; ``None`` where it makes one.
    chain_id
        Chain it goes to.
    sender
        Account it comes from.
    estimated_gas
        What the node expects it to use.
    """

    what: str
    to: str | None
    chain_id: int
    sender: str
    estimated_gas: Gas
    transaction: Mapping[str, Any] = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        return {name: value for name, value in vars(self).items() if name != "transaction"}


def _say_nothing(plan: SendPlan) -> None:
    """Announce to nobody."""


@dataclass(frozen=True)
class Sender:
    """An account on a chain, and whether it may send.

    Parameters
    ----------
    w3
        Connection, from ``chain.connect``.
    signer
        Account.
    is_embedded
        The chain is our own embedded one, whose money is play money.
    broadcast
        Sending to any other chain is allowed.
    announce
        Told each plan before it is sent or refused.
    options
        How to send and how long to wait.
    """

    w3: Web3
    signer: Signer
    is_embedded: bool = False
    broadcast: bool = False
    announce: Callable[[SendPlan], None] = _say_nothing
    options: SendOptions = SendOptions()

    def plan(self, what: str, transaction: Mapping[str, Any]) -> SendPlan:
        """Try a transaction out and say what it would do.

        Raises
        ------
        TransactionFailed
            It would revert; the cause is the contract's own reason.
        """
        estimate = self._estimate_gas(transaction)
        ready = {**transaction, "gas": estimate + estimate * _GAS_MARGIN_PERCENT // 100}
        return SendPlan(what, transaction.get("to"), self.chain_id, self.signer.address, Gas(estimate), ready)

    @cached_property
    def chain_id(self) -> int:
        """Chain that the node is on."""
        return self.w3.eth.chain_id

    def _estimate_gas(self, transaction: Mapping[str, Any]) -> int:
        from web3.exceptions import Web3Exception

        call: Any = {**transaction, "from": self.signer.address}
        try:
            return self.w3.eth.estimate_gas(call)
        except (Web3Exception, OSError) as error:
            simulate(self.w3, self.signer.address, transaction)  # says why, where it would revert
            raise ChainError(f"the node does not estimate the gas: {error}", account=self.signer.address) from error

    def send(self, plan: SendPlan) -> TxReceipt:
        """Announce a plan, then send it and wait until it is mined.

        Raises
        ------
        NotBroadcast
            The chain is not the embedded one and ``broadcast`` is not set.
        """
        self.announce(plan)
        if not (self.is_embedded or self.broadcast):
            cause = f"not sent to chain {plan.chain_id}: {plan.what}"
            raise NotBroadcast(cause, chain_id=plan.chain_id, address=plan.to)
        return send_transaction(self.w3, self.signer, plan.transaction, self.options)

    def run(self, what: str, transaction: Mapping[str, Any]) -> TxReceipt:
        """Plan and send."""
        return self.send(self.plan(what, transaction))
