"""``tally verify``: lay the halves together, whole or for one prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._proof import check_chain, check_proof, write_proof
from tallystick.cli._register import LEDGER_SETTINGS
from tallystick.cli._session import Output, with_settings
from tallystick.errors import InputError, VerificationFailed
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.apps.fraud import RunRecord
    from tallystick.ledger import VerifyReport

__all__ = ["register", "show_verification"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("verify", help=_verify.__doc__)(with_settings(*LEDGER_SETTINGS)(_verify))


def _verify(
    source: str | None = typer.Argument(None, help="KIND:PATH_OR_URL\\[#FIRST:LAST]; the project's when omitted."),
    model: str | None = typer.Option(None, "-m", "--model", help="Model; the project's when omitted."),
    model_id: str | None = typer.Option(None, help="Its id in the registry; the project's when omitted."),
    prove: str | None = typer.Option(None, metavar="TX_HASH", help="Write the Merkle proof of one prediction to -o."),
    transfer: int = typer.Option(0, help="Which transfer of that transaction."),
    output: Path | None = typer.Option(None, "-o", "--output", help="File of the proof."),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    proof: Path | None = typer.Option(None, help="Check this proof of one prediction against the ledger."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Recompute everything from the source and compare it with the ledger and with what the project kept.

    Prints MATCH, or the block, transaction and field where the halves first differ, and exits with 3.
    From another machine, give source, model, model id, endpoint and contracts: nothing of the
    committer's is needed. With --proof, source and model are optional: with them the one prediction is
    also computed again, without them only its place under the committed root is checked.

    Example: tally verify
    Example: tally verify xblock:data -m model --model-id 0x… --rpc-url URL --registry 0x… --prediction-log 0x…
    """
    if proof is not None:
        check_proof(proof, source, model, skip_bad_rows, settings, out)
    elif prove is not None:
        record = _record(settings, None, None, None)
        write_proof(record, prove, transfer, output, _located(record, settings), out)
    else:
        _verify_all(_record(settings, source, model, model_id), skip_bad_rows, settings, out)


def _record(settings: Settings, source: str | None, model: str | None, model_id: str | None) -> RunRecord:
    """The project's last run, with what was given on the command line in its place."""
    from tallystick.apps.fraud import RunRecord, read_record

    given = {"source": source, "model": model, "model_id": model_id}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if len(changes) == len(given):
        return RunRecord(run="", **changes)
    record = replace(read_record(settings.project), **changes)
    if not record.model_id:
        raise InputError("the project's run is not committed yet", next_step="tally register MODEL, then tally commit")
    return record


def _located(record: RunRecord, settings: Settings) -> Settings:
    """Settings with the record's contracts where none are given."""
    return replace(
        settings,
        registry=settings.registry or record.registry,
        prediction_log=settings.prediction_log or record.prediction_log,
    )


def _verify_all(record: RunRecord, skip_bad_rows: bool, settings: Settings, out: Output) -> None:
    from tallystick.apps.fraud import find_model, open_ledger, open_project_source, stored_half, verify_model
    from tallystick.sources import safe_source
    from tallystick.store import Project
    from tallystick.units import parse_hash

    found = find_model(record.model)
    settings = _located(record, settings)
    with open_ledger(settings.project / "chain", settings, existing=True) as session:
        check_chain(record.chain_id, session.chain_id)
        registry, log = session.contracts()
        stored = None
        if record.run:
            with Project.open(settings.project, readonly=True) as project:
                stored = stored_half(project, record.run)
        source = open_project_source(
            record.source, session.url, settings, skip_bad_rows=skip_bad_rows or record.skip_bad_rows
        )
        where = safe_source(record.source)
        out.say(f"verify model {record.model_id[:18]}… on {where}, chain {session.chain_id}")
        with out.progress() as progress:
            report = verify_model(registry, log, parse_hash(record.model_id), found.program, source, stored, progress)
    show_verification(report, stored is not None, out)


def show_verification(report: VerifyReport, with_stored: bool, out: Output) -> None:
    """Print MATCH, or raise with the place of the first difference.

    Raises
    ------
    VerificationFailed
        The halves differ.
    """
    if report.matches:
        count = f"{report.ranges:,} block range" + ("" if report.ranges == 1 else "s")
        text = f"MATCH  {count}, {report.transfers:,} transfers, blocks {report.blocks}, every bit"
        if report.state.name == "REVOKED":
            text += "\n       but the model is revoked: its owner says not to rely on it"
        if report.before:
            text += f"\n       {report.before:,} earlier transfers of the source were not committed"
        if report.pending:
            text += f"\n       {report.pending:,} later transfers are not committed yet"
        text += "\n       " + ("compared with the rows the project kept" if with_stored else "no kept rows to compare")
        out.result(report.to_json(), text)
        return
    out.result(report.to_json(), _mismatch_text(report))
    assert report.mismatch is not None
    raise VerificationFailed(report.mismatch.cause, model="0x" + report.model_id.hex(), block=report.mismatch.block)


def _mismatch_text(report: VerifyReport) -> str:
    facts = report.to_json()["mismatch"]
    names = ("kind", "block", "transaction_hash", "transfer_index", "field", "stored", "recomputed", "range")
    lines = [f"  {name:<17} {facts[name]}" for name in (*names, "ledger_agrees_with") if name in facts]
    return "MISMATCH\n" + "\n".join(lines)
