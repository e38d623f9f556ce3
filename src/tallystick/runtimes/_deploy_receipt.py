"""What was put where: the file that a deployment leaves behind (``docs/formats/evm-deployment-v1.md``)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.errors import InputError, LedgerError, TallyError
from tallystick.hashing import keccak256
from tallystick.parsing import parse_json
from tallystick.units import format_address, format_hash, parse_address, parse_hash

__all__ = ["DEPLOYMENT_FORMAT", "DeployedContract", "DeploymentReceipt"]

DEPLOYMENT_FORMAT: Final = "tallystick-evm-deployment"
_VERSION: Final = 1


@dataclass(frozen=True)
class DeployedContract:
    """One contract on a chain.

    ``transaction`` is empty, ``block`` and ``gas_used`` are 0 where the contract was there already.
    """

    role: str
    address: str
    code_hash: str
    code_bytes: int
    transaction: str = ""
    block: int = 0
    gas_used: int = 0

    @staticmethod
    def of(role: str, address: str, code: bytes, transaction: str, block: int, gas_used: int) -> DeployedContract:
        """Describe a contract by the code that was found."""
        return DeployedContract(role, address, format_hash(keccak256(code)), len(code), transaction, block, gas_used)

    def check(self, code: bytes) -> None:
        """Check code that was found at the address.

        Raises
        ------
        LedgerError
            It is not the code of the receipt, or there is none.
        """
        if format_hash(keccak256(code)) != self.code_hash:
            cause = f"the code at the address is not the receipt's {self.role}" if code else f"there is no {self.role}"
            raise LedgerError(cause, address=self.address, next_step="Deploy the program again: it resumes.")


@dataclass(frozen=True)
class DeploymentReceipt:
    """A program on a chain; the last contract is the one to call.

    Parameters
    ----------
    chain_id
        EIP-155 chain id.
    target
        "branch", "table" or "dense".
    program_hash
        32 bytes.
    factory
        Contract that made the others.
    contracts
        In the order in which they were made.
    """

    chain_id: int
    target: str
    program_hash: bytes
    factory: str
    contracts: tuple[DeployedContract, ...]

    @property
    def address(self) -> str:
        """Contract to call with rows."""
        return self.contracts[-1].address

    @property
    def gas_used(self) -> int:
        """Gas of all transactions that were sent."""
        return sum(contract.gas_used for contract in self.contracts)

    def to_json(self) -> dict[str, Any]:
        """Content of the file."""
        return {
            "format": DEPLOYMENT_FORMAT,
            "format_version": _VERSION,
            "chain_id": self.chain_id,
            "target": self.target,
            "program_hash": "0x" + self.program_hash.hex(),
            "factory": self.factory,
            "address": self.address,
            "contracts": [asdict(contract) for contract in self.contracts],
        }

    def save(self, path: Path) -> None:
        """Write the file, in one rename."""
        unfinished = path.with_name(f".{path.name}.new")
        unfinished.write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)

    @staticmethod
    def load(path: Path) -> DeploymentReceipt:
        """Read the file.

        Raises
        ------
        InputError
            It cannot be read, or is no receipt of this version.
        """
        try:
            return _read(parse_json(path.read_bytes()))
        except OSError as error:
            raise InputError(f"receipt cannot be read: {error.strerror}", file=path) from error
        except (ValueError, KeyError, TypeError) as error:
            cause = error.cause if isinstance(error, TallyError) else repr(error)
            raise InputError(f"not a deployment receipt: {cause}", file=path) from error


def _read(content: Any) -> DeploymentReceipt:
    found = (content["format"], content["format_version"])
    if found != (DEPLOYMENT_FORMAT, _VERSION):
        raise ValueError(f"format and version are {found}, expected {(DEPLOYMENT_FORMAT, _VERSION)}")
    contracts = tuple(_read_contract(item) for item in content["contracts"])
    receipt = DeploymentReceipt(
        _number(content["chain_id"]),
        str(content["target"]),
        parse_hash(content["program_hash"]),
        format_address(parse_address(content["factory"])),
        contracts,
    )
    if not contracts or receipt.address != content["address"]:
        raise ValueError("address is not the last contract's")
    return receipt


def _read_contract(item: Any) -> DeployedContract:
    transaction = format_hash(parse_hash(item["transaction"])) if item["transaction"] else ""
    return DeployedContract(
        str(item["role"]),
        format_address(parse_address(item["address"])),
        format_hash(parse_hash(item["code_hash"])),
        _number(item["code_bytes"]),
        transaction,
        _number(item["block"]),
        _number(item["gas_used"]),
    )


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is not a count")
    return value
