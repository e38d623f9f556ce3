"""Everything that runs an exact program, found by entry point, and the check that they agree to the last bit."""

from tallystick.runtimes._check import Check, Difference, RuntimeCheck, check_program
from tallystick.runtimes._deploy import PROBE_ROWS, check_deployment, deploy
from tallystick.runtimes._deploy_factory import FACTORY, contract_address, deploy_factory
from tallystick.runtimes._deploy_plan import DeploymentPlan, PlannedContract, plan_deployment
from tallystick.runtimes._deploy_receipt import DeployedContract, DeploymentReceipt
from tallystick.runtimes._evm_batch import BatchCaller, BatchResult, Outcome
from tallystick.runtimes._evm_targets import EVM_TARGETS
from tallystick.runtimes._limits import ChainLimits, probe_limits
from tallystick.runtimes._registry import ENTRY_POINTS, runtime, runtimes
from tallystick.runtimes._rows import outside_rows, probe_rows
from tallystick.runtimes._runtime import Runner, Runtime

__all__ = [
    "ENTRY_POINTS",
    "EVM_TARGETS",
    "FACTORY",
    "PROBE_ROWS",
    "BatchCaller",
    "BatchResult",
    "ChainLimits",
    "Check",
    "DeployedContract",
    "DeploymentPlan",
    "DeploymentReceipt",
    "Difference",
    "Outcome",
    "PlannedContract",
    "Runner",
    "Runtime",
    "RuntimeCheck",
    "check_deployment",
    "check_program",
    "contract_address",
    "deploy",
    "deploy_factory",
    "outside_rows",
    "plan_deployment",
    "probe_limits",
    "probe_rows",
    "runtime",
    "runtimes",
]
