"""Exact programs as EVM bytecode, by our own assembler."""

from tallystick.targets.evm._assembler import Assembler
from tallystick.targets.evm._branch import BranchCode, BranchOptions, branch_code
from tallystick.targets.evm._dense import DenseCode, DenseOptions, dense_code
from tallystick.targets.evm._row import MAX_VALUE_BYTES, RowCode
from tallystick.targets.evm._split import SplitBranch, split_branch

__all__ = [
    "MAX_VALUE_BYTES",
    "Assembler",
    "BranchCode",
    "BranchOptions",
    "DenseCode",
    "DenseOptions",
    "RowCode",
    "SplitBranch",
    "branch_code",
    "dense_code",
    "split_branch",
]
