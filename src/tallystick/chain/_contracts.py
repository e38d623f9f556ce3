"""Contracts from shipped artefacts: deploy, find, read, write."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from tallystick.chain._signers import Signer
from tallystick.chain._transactions import SendOptions, send_transaction, simulate, translated
from tallystick.errors import ChainError, InputError, NoContract

if TYPE_CHECKING:
    from web3 import Web3
    from web3.types import TxReceipt

__all__ = ["Artefact", "Contract", "load_artefact"]


@dataclass(frozen=True)
class Artefact:
    """A compiled contract: name, ABI and creation code (hexadecimal)."""

    name: str
    abi: Sequence[Mapping[str, Any]] = field(repr=False)
    bytecode: str = field(repr=False)


class _Readable(Protocol):
    name: str

    def read_text(self, encoding: str) -> str: ...


def load_artefact(file: Path | _Readable) -> Artefact:
    """Read a compiled contract: JSON with ``abi`` and ``bytecode``.

    Raises
    ------
    InputError
        The file cannot be read or has another shape.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        abi, bytecode = content["abi"], content["bytecode"]
        bytes.fromhex(bytecode.removeprefix("0x"))
    except OSError as error:
        raise InputError(f"contract cannot be read: {error.strerror}", file=file) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not a compiled contract: {error}", file=file) from error
    return Artefact(file.name.rpartition(".")[0] or file.name, abi, bytecode)


class Contract:
    """One contract at one address; :meth:`at` and :meth:`deploy` make it.

    Names are checked when they are used: a function that the ABI does not have is an ``AttributeError`` of
    web3's, which is our mistake and not the user's.
    """

    def __init__(self, w3: Web3, artefact: Artefact, address: str) -> None:
        self.w3 = w3
        self.artefact = artefact
        self.address = w3.to_checksum_address(address)
        self._contract: Any = w3.eth.contract(address=self.address, abi=artefact.abi)

    def __repr__(self) -> str:
        return f"Contract({self.artefact.name} at {self.address})"

    @classmethod
    def at(cls, w3: Web3, artefact: Artefact, address: str) -> Contract:
        """Find a contract.

        Raises
        ------
        NoContract
            There is no code at the address.
        """
        contract = cls(w3, artefact, address)
        with translated(w3):
            code, chain_id = w3.eth.get_code(contract.address), w3.eth.chain_id
        if not code:
            raise NoContract(f"there is no {artefact.name} at the address", address=address, chain_id=chain_id)
        return contract

    @classmethod
    def deploy(
        cls, w3: Web3, signer: Signer, artefact: Artefact, *arguments: Any, options: SendOptions | None = None
    ) -> Contract:
        """Send the creation code; return the contract once it is mined.

        Raises
        ------
        TransactionFailed
            The constructor reverted, or the node refused.
        """
        factory: Any = w3.eth.contract(abi=artefact.abi, bytecode=artefact.bytecode)
        data = factory.constructor(*arguments).data_in_transaction
        receipt = send_transaction(w3, signer, {"data": data}, options)
        address = receipt["contractAddress"]
        if address is None:
            raise ChainError("the node gives no address for the contract", tx=receipt["transactionHash"].hex())
        return cls(w3, artefact, address)

    def call(self, function: str, *arguments: Any, block: int | str = "latest", sender: str | None = None) -> Any:
        """Run a function on a block's state without sending anything; return what it returns.

        Raises
        ------
        TransactionFailed
            It reverts.
        """
        options = {} if sender is None else {"from": self.w3.to_checksum_address(sender)}
        with translated(self.w3):
            return self._contract.get_function_by_name(function)(*arguments).call(options, block_identifier=block)

    def transaction(self, function: str, *arguments: Any, value: int = 0) -> dict[str, Any]:
        """Transaction that would call a function; ``value`` in wei."""
        return {"to": self.address, "data": self._contract.encode_abi(function, list(arguments)), "value": value}

    def simulate(self, sender: str, function: str, *arguments: Any, value: int = 0) -> bytes:
        """Try a write out without sending it; see :func:`~tallystick.chain.simulate`."""
        return simulate(self.w3, sender, self.transaction(function, *arguments, value=value))

    def send(
        self, signer: Signer, function: str, *arguments: Any, value: int = 0, options: SendOptions | None = None
    ) -> TxReceipt:
        """Call a function by a transaction, and wait; see :func:`~tallystick.chain.send_transaction`."""
        return send_transaction(self.w3, signer, self.transaction(function, *arguments, value=value), options)

    def events(self, event: str, start: int = 0, stop: int | None = None, **topics: Any) -> Iterator[Any]:
        """Events of the blocks of ``[start, stop)``, in order; ``topics`` chooses by indexed arguments."""
        last: int | str = "latest" if stop is None else stop - 1
        with translated(self.w3):
            found = self._contract.events[event]().get_logs(
                from_block=start, to_block=last, argument_filters=topics or None
            )
        yield from found

    def events_of(self, receipt: TxReceipt, event: str) -> list[Any]:
        """Events of this contract in one receipt."""
        from web3.logs import DISCARD

        found = self._contract.events[event]().process_receipt(receipt, errors=DISCARD)
        return [one for one in found if one["address"] == self.address]
