"""Tree ensembles as code that branches; split where a chain asks for it."""

from tallystick.targets.evm.branch._code import BranchCode, BranchOptions, branch_code
from tallystick.targets.evm.branch._split import SplitBranch, split_branch

__all__ = ["BranchCode", "BranchOptions", "SplitBranch", "branch_code", "split_branch"]
