"""``tally commit``: what the project kept of its last run, onto the ledger."""

from __future__ import annotations

from dataclasses import replace

import typer

from tallystick.cli._register import LEDGER_SETTINGS
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("commit", help=_commit.__doc__)(with_settings(*LEDGER_SETTINGS, "commit_transfers")(_commit))


def _commit(
    broadcast: bool = typer.Option(False, "--broadcast", help="Send, on a chain that is not the embedded one."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Commit the project's kept predictions, block range by block range.

    Ranges that are on the ledger already are compared and not sent again.

    Example: tally commit
    """
    from tallystick.apps.fraud import find_model, open_ledger, read_record, register_model, write_record
    from tallystick.ledger import Committer, RangeCutter
    from tallystick.store import Project
    from tallystick.units import Hash, format_hash

    read_record(settings.project)  # where there is none, nothing is made
    with Project.open(settings.project, command="tally commit", state_url=settings.state_url) as project:
        record = read_record(project.path)
        model = find_model(record.model)
        folder = project.folder("chain")
        with open_ledger(folder, settings, broadcast=broadcast, announce=out.announce) as session:
            registry, log, registration, gas = register_model(session, model)
            committer = Committer(log, session.sender(), registration.model_id, Hash(model.program.feature_spec_hash))
            cutter = RangeCutter(settings.commit_transfers, committer.committed)
            done = []
            with out.progress() as progress:
                pairs = zip(
                    project.tables.iter_parts("transfers", record.run),
                    project.tables.iter_parts("predictions", record.run),
                    strict=True,
                )
                for transfers, predictions in pairs:
                    done += [committer.commit(rows) for rows in cutter.push(transfers, predictions)]
                    progress("commit", len(done), None)
                done += [committer.commit(rows) for rows in cutter.finish()]
            kept = replace(
                record,
                model_id=format_hash(registration.model_id),
                chain_id=session.chain_id,
                registry=registry.address,
                prediction_log=log.address,
            )
            write_record(project.path, kept)
    facts = {
        "model_id": kept.model_id,
        "ranges": len(done),
        "sent": sum(result.is_new for result in done),
        "gas_used": gas + registration.gas_used + sum(result.gas_used for result in done),
        "next": "tally verify",
    }
    out.result(facts, rows_text(list(facts.items())))
