"""Put the contracts on a ledger, and make sure that what is at an address is one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tallystick.chain import Artefact, Contract, load_artefact
from tallystick.errors import LedgerError
from tallystick.ledger._sender import Sender
from tallystick.units import Gas, format_address, parse_address

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["Deployment", "check_contract", "deploy_contracts", "load_contract"]


@dataclass(frozen=True)
class Deployment:
    """Where the contracts are, in lower-case hexadecimal, and what it cost to put them there."""

    registry: str
    prediction_log: str
    chain_id: int
    gas_used: Gas


def load_contract(name: str) -> Artefact:
    """Read a compiled contract that ships with the package: ``ModelRegistry`` or ``PredictionLog``.

    Examples
    --------
    >>> load_contract("ModelRegistry").name
    'ModelRegistry'
    """
    return load_artefact(_file(name))


def _file(name: str) -> Any:
    return files("tallystick.ledger") / "artifacts" / f"{name}.json"


def check_contract(w3: Web3, address: str, name: str) -> Contract:
    """Find one of our contracts at an address.

    The code on the chain is compared with the one in the package, so an answer never comes from a
    contract that only looks like ours.

    Raises
    ------
    RangeError
        Not an address.
    NoContract
        No code at the address.
    LedgerError
        Other code than ours.
    """
    where = format_address(parse_address(address))
    contract = Contract.at(w3, load_contract(name), where)
    runtime = bytes.fromhex(json.loads(_file(name).read_text(encoding="utf-8"))["runtime"].removeprefix("0x"))
    # values that a contract is made with stand after its code
    if not bytes(w3.eth.get_code(contract.address)).startswith(runtime):
        raise LedgerError(
            f"the code at the address is not {name}",
            next_step=f"Give the address of a {name} of this version, or deploy one with `tally register`.",
            address=where,
            chain_id=w3.eth.chain_id,
        )
    return contract


def deploy_contracts(sender: Sender) -> Deployment:
    """Deploy a registry and the prediction log that is bound to it.

    Raises
    ------
    NotBroadcast
        Not the embedded chain, and not told to broadcast.
    """
    registry, registry_gas = _create(sender, "ModelRegistry")
    log, log_gas = _create(sender, "PredictionLog", sender.w3.to_checksum_address(registry))
    return Deployment(registry, log, sender.chain_id, Gas(registry_gas + log_gas))


def _create(sender: Sender, name: str, *arguments: Any) -> tuple[str, int]:
    artefact = load_contract(name)
    factory: Any = sender.w3.eth.contract(abi=artefact.abi, bytecode=artefact.bytecode)
    receipt = sender.run(f"deploy {name}", {"data": factory.constructor(*arguments).data_in_transaction})
    address = receipt["contractAddress"]
    if address is None:
        raise LedgerError(f"the node gives no address for {name}", chain_id=sender.chain_id)
    return address.lower(), receipt["gasUsed"]
