"""Deploy, call with every row, compare with the reference, count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from web3 import Web3

from tallystick.chain import Signer, send_transaction
from tallystick.exact import Program, score_outputs
from tallystick.runtimes import BatchCaller, ChainLimits, DeployedContract, deploy, plan_deployment
from tallystick.targets.evm import RowCode

from .solc import Settings, compile_contract
from .solidity import FORMS, Form, likely_sides, source_of

DEPOSIT_NOW, DEPOSIT_NEXT = 200, 1_530  # gas for a byte of code: today, and by EIP-8037
FLOOR_NEXT = 64  # gas for a byte of calldata, whatever runs: EIP-7976
TRANSACTION = 21_000
BEST_FORM = "uint256 array"


@dataclass(frozen=True)
class Chain:
    """The chain that everything runs on."""

    w3: Web3
    signer: Signer
    limits: ChainLimits


@dataclass(frozen=True)
class Task:
    """A program and what it is asked; the first ``data`` rows are the data set, the others edges and chance."""

    name: str
    program: Program
    rows: Sequence[Sequence[int]]
    data: int


def measure_target(chain: Chain, task: Task, target: str) -> list[dict[str, Any]]:
    """One of our targets, deployed as a user would, and checked; a table also by its interpreter."""
    plan = plan_deployment(chain.w3, task.program, target, chain.limits)
    receipt = deploy(plan, chain.w3, chain.signer, broadcast=True)
    code = RowCode(task.program)
    calls = [code.encode(row) for row in task.rows]
    own = [contract for contract in receipt.contracts if contract.role != "interpreter"]
    found = [_sizes(target, own) | count(chain, task, receipt.address, calls)]
    if target == "table":
        interpreter = receipt.contracts[0]
        direct = [bytes.fromhex(receipt.address[2:]) + call for call in calls]
        found.append(_sizes("table, interpreter called", own) | count(chain, task, interpreter.address, direct))
        for case in found:
            case |= {"shared_bytes": interpreter.code_bytes, "shared_deploy_gas": interpreter.gas_used}
    return found


def _sizes(layout: str, contracts: Sequence[DeployedContract]) -> dict[str, Any]:
    return {
        "layout": layout,
        "contracts": len(contracts),
        "bytes": sum(contract.code_bytes for contract in contracts),
        "deploy_gas": sum(contract.gas_used for contract in contracts),
        "shared_bytes": 0,
        "shared_deploy_gas": 0,
    }


def count(chain: Chain, task: Task, address: str, calls: Sequence[bytes], codes: Any = None) -> dict[str, Any]:
    """Call with every row; the outputs must be the reference's."""
    caller = BatchCaller(chain.w3, address, task.program.model.outputs, chain.limits, codes or {})
    result = caller.run(calls)
    for row, outcome in zip(task.rows, result.rows, strict=True):
        expected = score_outputs(task.program, row)
        if outcome.outputs != expected:
            raise SystemExit(f"{task.name}: {outcome.outputs} where the reference gives {expected}, row {row}")
    gas = [outcome.gas for outcome in result.rows]
    data = gas[: task.data]
    return {
        "model": task.name,
        "gas": round(fmean(data), 1),
        "gas_min": min(data),
        "gas_max": max(data),
        "gas_of_all_rows": round(fmean(gas), 1),
        "gas_max_of_all_rows": max(gas),
        "cold_gas": result.first_gas - result.rows[0].gas,
        "calldata_bytes": len(calls[0]),
        "rows_checked": len(gas),
    }


@dataclass(frozen=True)
class Peer:
    """One way to write and to compile the Solidity contract."""

    form: Form
    via_ir: bool
    likely_first: bool = False


def measure_peer(chain: Chain, task: Task, peer: Peer) -> dict[str, Any]:
    """The Solidity contract; where it is too large for the chain, it is put there for the calls only."""
    likely = likely_sides(task.program, task.rows[: task.data]) if peer.likely_first else None
    code = compile_contract(source_of(task.program, peer.form, likely), Settings(peer.via_ir))
    found: dict[str, Any] = {
        "layout": "solidity",
        "form": peer.form.name + (", likely side first" if peer.likely_first else ""),
        "via_ir": peer.via_ir,
        "contracts": 1,
        "bytes": len(code),
        "shared_bytes": 0,
        "deploy_gas": None,
        "shared_deploy_gas": 0,
    }
    calls = [peer.form.calldata(row) for row in task.rows]
    if len(code) > chain.limits.code_bytes:
        address = "0x" + b"solidity, too large!".hex()
        return found | count(chain, task, address, calls, {address: code})
    creation = bytes.fromhex("61") + len(code).to_bytes(2, "big") + bytes.fromhex("80600a5f395ff3") + code
    receipt = send_transaction(chain.w3, chain.signer, {"data": "0x" + creation.hex()})
    return found | {"deploy_gas": receipt["gasUsed"]} | count(chain, task, str(receipt["contractAddress"]), calls)


def peers(chain: Chain, task: Task, quick: bool) -> list[dict[str, Any]]:
    """Every form by both pipelines, and the best with its branches ordered by the data; quickly, only the best."""
    best = next(form for form in FORMS if form.name == BEST_FORM)
    tried = [Peer(best, via_ir=True)]
    if not quick:
        tried.append(Peer(best, via_ir=True, likely_first=True))
        tried += [Peer(form, via_ir) for form in FORMS for via_ir in (False, True) if (form, via_ir) != (best, True)]
    return [measure_peer(chain, task, peer) for peer in tried]


def outlook(case: dict[str, Any]) -> dict[str, Any]:
    """What a contract's bytes cost to keep, today and by EIP-8037, and what a call costs as a transaction."""
    data = case["calldata_bytes"]
    call = TRANSACTION + 16 * data + case["gas"] + case["cold_gas"]  # every byte of calldata taken for non-zero
    return {
        "layout": case["layout"],
        "model": case["model"],
        "bytes": case["bytes"],
        "deposit_now": DEPOSIT_NOW * case["bytes"],
        "deposit_eip8037": DEPOSIT_NEXT * case["bytes"],
        "call_now": round(call),
        "call_floor_eip7976": TRANSACTION + FLOOR_NEXT * data,
    }
