"""Exact programs as EVM bytecode, by our own assembler."""

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._branch import BranchCode, BranchOptions, branch_code
from tallystick.targets.evm._dense import DenseCode, DenseOptions, dense_code
from tallystick.targets.evm._row import MAX_VALUE_BYTES, RowCode
from tallystick.targets.evm._split import SplitBranch, split_branch
from tallystick.targets.evm._table import TableContract, TableOptions, table_contracts
from tallystick.targets.evm._table_code import interpreter_code, interpreter_initcode
from tallystick.targets.evm._table_data import TableData, table_data
from tallystick.targets.evm._table_deploy import create2_address
from tallystick.targets.evm._table_front import front_code

__all__ = [
    "MAX_VALUE_BYTES",
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
