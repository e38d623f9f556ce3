"""Put a program on a chain, check that it runs there, and write down where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.chain import SendOptions, Signer, send_transaction
from tallystick.errors import LedgerError, NotBroadcast, VerificationFailed, WrongChain
from tallystick.exact import Program, score_outputs
from tallystick.runtimes._deploy_factory import check_factory, creation
from tallystick.runtimes._deploy_plan import DeploymentPlan, PlannedContract, check_code
from tallystick.runtimes._deploy_receipt import DeployedContract, DeploymentReceipt
from tallystick.runtimes._evm_batch import BatchCaller
from tallystick.runtimes._evm_node import ask, code_at
from tallystick.runtimes._limits import ChainLimits
from tallystick.runtimes._rows import probe_rows
from tallystick.targets.evm import RowCode

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["PROBE_ROWS", "check_deployment", "deploy"]

PROBE_ROWS: Final = 16  # that a deployment is checked with


def deploy(
    plan: DeploymentPlan, w3: Web3, signer: Signer, broadcast: bool = False, options: SendOptions | None = None
) -> DeploymentReceipt:
    """Make the contracts of a plan that are missing, check code and probe rows, and return the receipt.

    Run again after a failure, it goes on where it stopped: what is on the chain by then is not made again.

    Raises
    ------
    NotBroadcast
        Without ``broadcast`` nothing is sent; raised only where something would be.
    WrongChain
        The plan is for another chain.
    TransactionFailed
        The node refused, or a creation failed.
    LedgerError
        Other code than planned is at an address.
    VerificationFailed
        The contract does not give the reference's outputs.
    """
    chain_id = int(ask(w3, "eth_chainId"), 16)
    if chain_id != plan.limits.chain_id:
        raise WrongChain("the plan is for another chain", chain_id=chain_id, expected=plan.limits.chain_id)
    if plan.missing and not broadcast:
        cause = f"not sent: {len(plan.missing)} contracts, about {plan.gas:,} gas"
        raise NotBroadcast(cause, chain_id=chain_id, address=plan.address)
    check_factory(w3, plan.factory)
    made = tuple(_make(contract, plan.factory, w3, signer, options) for contract in plan.contracts)
    receipt = DeploymentReceipt(chain_id, plan.target, plan.program.hash, plan.factory, made)
    check_deployment(receipt, plan.program, w3, plan.limits)
    return receipt


def _make(
    contract: PlannedContract, factory: str, w3: Web3, signer: Signer, options: SendOptions | None
) -> DeployedContract:
    found = code_at(w3, contract.address)
    tx, block, gas = "", 0, 0
    if not found:
        sent = send_transaction(w3, signer, creation(contract.initcode, factory), options)
        tx, block, gas = "0x" + bytes(sent["transactionHash"]).hex(), sent["blockNumber"], sent["gasUsed"]
        found = code_at(w3, contract.address)
    check_code(found, contract.runtime, contract.address, contract.role)
    return DeployedContract.of(contract.role, contract.address, found, tx, block, gas)


def check_deployment(receipt: DeploymentReceipt, program: Program, w3: Web3, limits: ChainLimits) -> None:
    """Check that a deployment is there and gives the reference's outputs on probe rows; by calls only.

    Raises
    ------
    LedgerError
        Code is missing or other code than the receipt says, or the receipt is of another program.
    VerificationFailed
        An output differs; names the row.
    """
    if program.hash != receipt.program_hash:
        step = "Give the program that was deployed, or the receipt of this one."
        name = "0x" + receipt.program_hash.hex()
        raise LedgerError("the receipt is of another program", model=name, next_step=step)
    for contract in receipt.contracts:
        contract.check(code_at(w3, contract.address))
    rows = probe_rows(program, PROBE_ROWS, 0)
    code = RowCode(program)
    found = BatchCaller(w3, receipt.address, program.model.outputs, limits).run([code.encode(row) for row in rows])
    for row, outcome in zip(rows, found.rows, strict=True):
        expected = score_outputs(program, row)
        if outcome.outputs != expected:
            cause = f"the contract gives {outcome.outputs} where the program gives {expected}, for row {row}"
            raise VerificationFailed(cause, address=receipt.address, chain_id=receipt.chain_id)
