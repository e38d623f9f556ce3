"""``tally register``: a model into the registry."""

from __future__ import annotations

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["LEDGER_SETTINGS", "register"]

LEDGER_SETTINGS = ("project", "rpc_url", "chain_id", "registry", "prediction_log", "keystore", "embedded_port")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("register", help=_register.__doc__)(with_settings(*LEDGER_SETTINGS)(_register))


def _register(
    model: str = typer.Argument("tsgn-v1", help="Model folder, program file, or a shipped model's name."),
    broadcast: bool = typer.Option(False, "--broadcast", help="Send, on a chain that is not the embedded one."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Register a model and activate it; deploys the contracts where there are none.

    Prints each transaction before it is sent. Without --broadcast nothing is sent to a chain
    that is not the embedded one.

    Example: tally register my-model
    """
    from tallystick.apps.fraud import find_model, open_ledger, register_model
    from tallystick.store import Project
    from tallystick.units import format_hash

    found = find_model(model)
    with Project.open(settings.project, command="tally register", state_url=settings.state_url) as project:
        folder = project.folder("chain")
        with open_ledger(folder, settings, broadcast=broadcast, announce=out.announce) as session:
            registry, log, registration, deploy_gas = register_model(session, found)
            facts = {
                "model_id": format_hash(registration.model_id),
                "program_hash": format_hash(found.program.hash),
                "chain_id": session.chain_id,
                "registry": registry.address,
                "prediction_log": log.address,
                "gas_used": deploy_gas + registration.gas_used,
                "next": "tally commit, after tally score SOURCE --keep or tally run SOURCE",
            }
    out.result(facts, rows_text(list(facts.items())))
