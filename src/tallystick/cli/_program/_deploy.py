"""``tally program deploy``: a program as contracts on a chain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.exact import Program
    from tallystick.runtimes import DeploymentPlan

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    flags = ("project", "rpc_url", "chain_id", "keystore", "embedded_port")
    program.command("deploy", help=_deploy.__doc__)(with_settings(*flags)(_deploy))


def _deploy(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    target: str = typer.Option(
        "",
        help="branch (cheapest to call), table (cheapest to deploy), or dense (linear, perceptron). "
        "By kind when omitted: branch for trees, dense otherwise.",
    ),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Receipt; deployment-CHAIN-HASH-TARGET.json by default."
    ),
    factory: str = typer.Option(
        "", "--factory", help="Address of the deployment factory, where the chain has it elsewhere than most."
    ),
    broadcast: bool = typer.Option(False, "--broadcast", help="Send, on a chain that is not the embedded one."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Put a program on a chain as contracts that anybody can call, and check there that they give the program's bits.

    Asks the chain for its limits, says which contracts it would make, which exist already, and what they cost; splits a
    program that does not fit into one contract. Without --broadcast nothing is sent to a chain that is not the embedded
    one. Run again after a failure, it goes on where it stopped.

    Example: tally program deploy tsgn-v1 --target branch
    """
    from tallystick.apps.fraud import find_model, open_ledger
    from tallystick.runtimes import FACTORY, PROBE_ROWS, deploy, plan_deployment
    from tallystick.store import make_folder
    from tallystick.units import format_address, parse_address

    program = find_model(file).program
    maker = format_address(parse_address(factory)) if factory else FACTORY
    with open_ledger(make_folder(settings.project / "chain"), settings, broadcast=broadcast) as session:
        may_send = session.is_embedded or broadcast
        sender = session.sender() if may_send else None
        plan = plan_deployment(session.w3, program, target or _usual(program), factory=maker)
        out.say(_plan_text(plan))
        if sender is None:
            out.result({**plan.to_json(), "sent": False}, "nothing was sent; add --broadcast to send it")
            return
        receipt = deploy(plan, session.w3, sender.signer, may_send, sender.options)
    path = output or Path(f"deployment-{receipt.chain_id}-{program.hash.hex()[:8]}-{receipt.target}.json")
    receipt.save(path)
    facts: dict[str, Any] = {
        "program_hash": "0x" + program.hash.hex(),
        "chain_id": receipt.chain_id,
        "address": receipt.address,
        "contracts": len(receipt.contracts),
        "gas_used": receipt.gas_used,
        "probe_rows": PROBE_ROWS,
        "receipt": str(path),
        "sent": bool(plan.missing),
    }
    shown = {**facts, "probe_rows": f"{PROBE_ROWS} agree"}
    out.result(facts, rows_text(list(shown.items())))


def _usual(program: Program) -> str:
    from tallystick.exact import TreeEnsemble

    return "branch" if isinstance(program.model, TreeEnsemble) else "dense"


def _plan_text(plan: DeploymentPlan) -> str:
    lines = [f"plan for chain {plan.limits.chain_id}, which takes {plan.limits.code_bytes:,} bytes of code a contract:"]
    for contract in plan.contracts:
        state = "is there" if contract.exists else f"about {contract.gas:,} gas"
        lines.append(f"  {contract.role:<12} {contract.address}  {len(contract.runtime):>6,} bytes  {state}")
    return "\n".join(lines)
