"""What deploying a program would put on a chain, before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tallystick.chain import translated
from tallystick.errors import LedgerError, ProgramError
from tallystick.exact import Program
from tallystick.hashing import keccak256
from tallystick.runtimes._deploy_factory import FACTORY, check_factory, contract_address, creation
from tallystick.runtimes._evm_node import code_at
from tallystick.runtimes._evm_targets import Part, evm_target
from tallystick.runtimes._limits import ChainLimits, probe_limits
from tallystick.units import parse_address

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["DeploymentPlan", "PlannedContract", "check_code", "plan_deployment"]

_OTHER_TARGET: Final = "Take another --target: branch or table for trees, dense for linear models and perceptrons."


@dataclass(frozen=True)
class PlannedContract:
    """One contract of a deployment.

    Parameters
    ----------
    role
        What it is for: "model", "router", "shard 1", "interpreter", "data"; one place in a deployment.
    address
        Where it is or will be, lower-case hexadecimal.
    runtime, initcode
        Its code, and the code that makes it.
    exists
        It is there already, with this code.
    gas
        What making it would use, by the node's estimate; 0 where it exists.
    """

    role: str
    address: str
    runtime: bytes = field(repr=False)
    initcode: bytes = field(repr=False)
    exists: bool
    gas: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        code_hash = "0x" + keccak256(self.runtime).hex()
        sizes = {"code_bytes": len(self.runtime), "initcode_bytes": len(self.initcode)}
        return {"role": self.role, "address": self.address, "code_hash": code_hash, **sizes} | {
            "exists": self.exists,
            "gas": self.gas,
        }


@dataclass(frozen=True)
class DeploymentPlan:
    """The contracts of one program on one chain, in the order in which they are made; the last is the one to call.

    Parameters
    ----------
    program
        What they run.
    target
        "branch", "table" or "dense".
    limits
        The chain's, as probed.
    factory
        Contract that makes them.
    contracts
        All of them, those that exist too.
    """

    program: Program = field(repr=False)
    target: str
    limits: ChainLimits
    factory: str
    contracts: tuple[PlannedContract, ...]

    @property
    def address(self) -> str:
        """Contract to call with rows."""
        return self.contracts[-1].address

    @property
    def missing(self) -> tuple[PlannedContract, ...]:
        """Contracts that would be made."""
        return tuple(contract for contract in self.contracts if not contract.exists)

    @property
    def gas(self) -> int:
        """What making those would use, by the node's estimates."""
        return sum(contract.gas for contract in self.missing)

    @property
    def is_split(self) -> bool:
        """Whether the program's code is in more than one contract because the chain's limit asks for it."""
        return any(contract.role == "router" for contract in self.contracts)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON report."""
        return {
            "program_hash": "0x" + self.program.hash.hex(),
            "target": self.target,
            "limits": self.limits.to_json(),
            "factory": self.factory,
            "address": self.address,
            "is_split": self.is_split,
            "gas": self.gas,
            "contracts": [contract.to_json() for contract in self.contracts],
        }


def plan_deployment(
    w3: Web3, program: Program, target: str, limits: ChainLimits | None = None, factory: str = FACTORY
) -> DeploymentPlan:
    """Say which contracts a program needs on a chain, which of them exist, and what the others would cost.

    Parameters
    ----------
    w3
        Connection, from ``chain.connect``.
    program
        Program to deploy.
    target
        "branch" (least gas for a call), "table" (least gas to deploy) or "dense" (linear models and perceptrons).
    limits
        The chain's; probed when omitted.
    factory
        Contract that makes contracts at addresses that follow from their code.

    Raises
    ------
    InputError
        No such target.
    ProgramError
        The target does not take this kind of program, or it does not fit the chain.
    NoContract
        The chain has no factory.
    """
    maker = evm_target(target)
    limits = limits or probe_limits(w3)
    why = maker.refuses(program)
    if why:
        raise ProgramError(f"not for {target}: {why}", next_step=_OTHER_TARGET)
    check_factory(w3, factory)
    parts = maker.parts(program, limits, lambda initcode: parse_address(contract_address(initcode, factory)))
    return DeploymentPlan(program, target, limits, factory, _planned(w3, parts, limits, factory))


def _planned(w3: Web3, parts: Sequence[Part], limits: ChainLimits, factory: str) -> tuple[PlannedContract, ...]:
    planned: dict[str, PlannedContract] = {}  # shards of the same code are one contract
    for part in parts:
        address = contract_address(part.initcode, factory)
        if address not in planned:
            planned[address] = _plan(w3, part, limits, factory)
    return tuple(planned.values())


def _plan(w3: Web3, part: Part, limits: ChainLimits, factory: str) -> PlannedContract:
    for what, size, most in (
        ("code", len(part.runtime), limits.code_bytes),
        ("init code", len(part.initcode), limits.initcode_bytes),
    ):
        if size > most:
            cause = f"{what} of {size:,} bytes does not fit: the chain takes {most:,}"
            raise ProgramError(cause, field=part.role, next_step="Use fewer trees, or the table target.")
    address = contract_address(part.initcode, factory)
    code = code_at(w3, address)
    if code:
        check_code(code, part.runtime, address, part.role)
    gas = 0 if code else _estimate(w3, part, factory)
    if gas > limits.transaction_gas:
        cause = f"making the contract takes {gas:,} gas, one transaction may use {limits.transaction_gas:,}"
        raise ProgramError(cause, field=part.role, next_step="Use fewer trees, or the table target.")
    return PlannedContract(part.role, address, part.runtime, part.initcode, bool(code), gas)


def check_code(found: bytes, expected: bytes, address: str, role: str) -> None:
    """Check what is at an address.

    Raises
    ------
    LedgerError
        It is other code.
    """
    if found != expected:
        cause = f"the code at the address is not the {role} that was planned"
        raise LedgerError(cause, address=address, next_step="Deploy with the version of tallystick that planned it.")


def _estimate(w3: Web3, part: Part, factory: str) -> int:
    with translated(w3):
        ready = creation(part.initcode, factory)
        return int(w3.eth.estimate_gas({"to": w3.to_checksum_address(ready["to"]), "data": ready["data"]}))
