"""Exact programs as EVM bytecode, by our own assembler."""

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._row import MAX_VALUE_BYTES, RowCode
from tallystick.targets.evm.branch import BranchCode, BranchOptions, SplitBranch, branch_code, split_branch
from tallystick.targets.evm.dense import DenseCode, DenseOptions, dense_code
from tallystick.targets.evm.table import (
    NO_SALT,
    TableContract,
    TableData,
    TableOptions,
    create2_address,
    front_code,
    interpreter_code,
    interpreter_initcode,
    table_contracts,
    table_data,
)

__all__ = [
    "MAX_VALUE_BYTES",
    "NO_SALT",
    "Assembler",
    "BranchCode",
    "BranchOptions",
    "DenseCode",
    "DenseOptions",
    "RowCode",
    "SplitBranch",
    "TableContract",
    "TableData",
    "TableOptions",
    "branch_code",
    "create2_address",
    "dense_code",
    "front_code",
    "interpreter_code",
    "interpreter_initcode",
    "split_branch",
    "table_contracts",
    "table_data",
]
