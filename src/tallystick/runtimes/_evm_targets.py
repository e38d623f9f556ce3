"""The ways to write a program as contracts, and which contracts each one needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from tallystick.errors import InputError, did_you_mean
from tallystick.exact import Program, TreeEnsemble
from tallystick.runtimes._limits import ChainLimits
from tallystick.targets.evm import (
    BranchCode,
    BranchOptions,
    DenseOptions,
    TableOptions,
    branch_code,
    dense_code,
    split_branch,
    table_contracts,
)

__all__ = ["EVM_TARGETS", "AddressOf", "EvmTarget", "Part", "evm_target"]

_INITCODE_BYTES: Final = 32  # of init code beside the code it leaves, at most
AddressOf: TypeAlias = Callable[[bytes], bytes]  # init code to the address, 20 bytes, that its contract will have


@dataclass(frozen=True)
class Part:
    """One contract: what it is for, its code, and the code that makes it."""

    role: str
    runtime: bytes
    initcode: bytes


class EvmTarget(Protocol):
    """Turns programs into contracts."""

    def refuses(self, program: Program) -> str:
        """Why it cannot; empty where it can."""

    def parts(self, program: Program, limits: ChainLimits, address_of: AddressOf) -> tuple[Part, ...]:
        """Contracts in the order in which they can be made; the last is the one to call.

        Raises
        ------
        ProgramError
            The program does not fit the limits.
        """


class _Branch:
    def refuses(self, program: Program) -> str:
        return "" if isinstance(program.model, TreeEnsemble) else "branch code is for trees; use the dense target"

    def parts(self, program: Program, limits: ChainLimits, address_of: AddressOf) -> tuple[Part, ...]:
        most = _most_code(limits)
        options = BranchOptions(push0=limits.push0, code_limit=most)
        whole = branch_code(program, options)
        if len(whole.runtime) <= most:
            return (_part("model", whole),)
        split = split_branch(program, most, options)
        shards = tuple(_part(f"shard {number}", shard) for number, shard in enumerate(split.shards))
        router = split.router([address_of(shard.initcode) for shard in shards])
        return (*shards, _part("router", router))


class _Table:
    def refuses(self, program: Program) -> str:
        return "" if isinstance(program.model, TreeEnsemble) else "tables are for trees; use the dense target"

    def parts(self, program: Program, limits: ChainLimits, address_of: AddressOf) -> tuple[Part, ...]:
        options = TableOptions(_most_code(limits), limits.push0)
        found = table_contracts(program, address_of, options)
        return tuple(Part(one.role, one.runtime, one.initcode) for one in found)


class _Dense:
    def refuses(self, program: Program) -> str:
        if isinstance(program.model, TreeEnsemble):
            return "dense code is for linear models and perceptrons; use the branch or the table target"
        return ""

    def parts(self, program: Program, limits: ChainLimits, address_of: AddressOf) -> tuple[Part, ...]:
        code = dense_code(program, DenseOptions(_most_code(limits), limits.push0))
        pairs = zip(code.data, code.data_initcodes, strict=True)
        data = tuple(Part(f"data {number}", *pair) for number, pair in enumerate(pairs, 1))
        places = [address_of(part.initcode) for part in data]
        return (*data, Part("model", code.runtime(places), code.initcode(places)))


def _most_code(limits: ChainLimits) -> int:
    return min(limits.code_bytes, limits.initcode_bytes - _INITCODE_BYTES)


def _part(role: str, code: BranchCode) -> Part:
    return Part(role, code.runtime, code.initcode)


EVM_TARGETS: Final[Mapping[str, EvmTarget]] = MappingProxyType(
    {"branch": _Branch(), "table": _Table(), "dense": _Dense()}
)


def evm_target(name: str) -> EvmTarget:
    """One target.

    Raises
    ------
    InputError
        No target has this name.
    """
    if name not in EVM_TARGETS:
        raise InputError(f"no EVM target of this name{did_you_mean(name, EVM_TARGETS)}", value=name)
    return EVM_TARGETS[name]
