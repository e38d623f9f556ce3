"""``tally verify``: lay the halves together, whole or for one prediction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._register import LEDGER_SETTINGS
from tallystick.cli._session import Output, rows_text, safe_source, with_settings
from tallystick.errors import InputError, TransactionFailed, VerificationFailed, WrongChain
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
    committer's is needed.

    Example: tally verify
    Example: tally verify xblock:data -m model --model-id 0x… --rpc-url URL --registry 0x… --prediction-log 0x…
    """
    if proof is not None:
        _check_proof(proof, settings, out)
    elif prove is not None:
        _write_proof(_record(settings, None, None, None), prove, transfer, output, settings, out)
    else:
        _verify_all(_record(settings, source, model, model_id), source is None, skip_bad_rows, settings, out)


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


def _verify_all(record: RunRecord, with_stored: bool, skip_bad_rows: bool, settings: Settings, out: Output) -> None:
    from tallystick.apps.fraud import find_model, open_ledger, open_project_source, stored_half, verify_model
    from tallystick.store import Project
    from tallystick.units import parse_hash

    found = find_model(record.model)
    settings = _located(record, settings)
    with open_ledger(settings.project / "chain", settings) as session:
        _check_chain(record.chain_id, session.chain_id)
        registry, log = session.contracts()
        stored = None
        if with_stored and record.run:
            with Project.open(settings.project, readonly=True) as project:
                stored = stored_half(project, record.run)
        source = open_project_source(record.source, session.url, settings, skip_bad_rows=skip_bad_rows)
        where = safe_source(record.source)
        out.say(f"verify model {record.model_id[:18]}… on {where}, chain {session.chain_id}")
        with out.progress() as progress:
            report = verify_model(registry, log, parse_hash(record.model_id), found.program, source, stored, progress)
    show_verification(report, out)


def _check_chain(expected: int, chain_id: int) -> None:
    if expected not in (0, chain_id):
        cause = f"the commitments are on chain {expected}, this is chain {chain_id}"
        raise WrongChain(cause, next_step="Give its endpoint with --rpc-url.", chain_id=chain_id, expected=expected)


def show_verification(report: VerifyReport, out: Output) -> None:
    """Print MATCH, or raise with the place of the first difference.

    Raises
    ------
    VerificationFailed
        The halves differ.
    """
    if report.matches:
        count = f"{report.ranges:,} block range" + ("" if report.ranges == 1 else "s")
        text = f"MATCH  {count}, {report.transfers:,} transfers, blocks {report.blocks}, every bit"
        if report.pending:
            text += f"\n       {report.pending:,} later transfers are not committed yet"
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


def _write_proof(
    record: RunRecord, tx_hash: str, transfer: int, output: Path | None, settings: Settings, out: Output
) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    from tallystick.apps.fraud import open_ledger, stored_half
    from tallystick.ledger import prove_inclusion
    from tallystick.store import Project, write_bytes
    from tallystick.units import parse_hash

    if output is None:
        raise InputError("a proof needs a file", next_step="tally verify --prove TX_HASH -o proof.json")
    wanted, model_id = parse_hash(tx_hash), parse_hash(record.model_id)
    with Project.open(settings.project, readonly=True) as project:
        stored = stored_half(project, record.run)
    assert stored.transfers is not None
    assert stored.predictions is not None
    row = pc.index(stored.transfers["transaction_hash"], pa.scalar(wanted, pa.binary())).as_py()
    if row < 0:
        raise InputError("the project has no such transaction", value=tx_hash)
    block = stored.transfers["block_number"][row].as_py()
    settings = _located(record, settings)
    with open_ledger(settings.project / "chain", settings) as session:
        _check_chain(record.chain_id, session.chain_id)
        _, log = session.contracts()
        holding = [item for item in log.commitments(model_id) if block in item.range]
        if not holding:
            raise InputError("the transaction's block is not committed yet", block=block)
        place = log.place(model_id)
    proof = prove_inclusion(place, holding[0], stored.transfers, stored.predictions, wanted, transfer)
    write_bytes(output, proof.to_json().encode())
    facts = {"file": str(output), "block": block, "leaf_index": proof.leaf_index, "path": len(proof.path)}
    out.result(facts, f"proof of transfer {transfer} of {tx_hash} in {output}: {len(proof.path)} hashes")


def _check_proof(path: Path, settings: Settings, out: Output) -> None:
    from tallystick.apps.fraud import open_ledger
    from tallystick.ledger import PredictionLog, check_inclusion, parse_inclusion
    from tallystick.units import format_address, format_hash

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("proof file cannot be read", file=str(path)) from error
    proof = parse_inclusion(text, path)
    with open_ledger(settings.project / "chain", settings) as session:
        _check_chain(proof.chain_id, session.chain_id)
        # The address is the checker's own where given: a proof must not choose its judge unseen.
        log = PredictionLog(session.w3, settings.prediction_log or format_address(proof.prediction_log))
        try:
            commitment = log.commitment(proof.model_id, proof.index)
        except TransactionFailed as error:
            cause = f"the ledger has no commitment {proof.index} of the model"
            raise VerificationFailed(cause, model=format_hash(proof.model_id), address=log.address) from error
        leaf = check_inclusion(proof, commitment)
        on_chain = log.verify_inclusion(proof)
    if not on_chain:
        raise VerificationFailed("the contract refuses the proof", model=format_hash(proof.model_id))
    facts = {
        "result": "MATCH",
        "model_id": format_hash(proof.model_id),
        "prediction_log": log.address,
        "block": leaf.block_number,
        "transaction_hash": format_hash(leaf.transaction_hash),
        "sender_ppm": leaf.sender_ppm,
        "receiver_ppm": leaf.receiver_ppm,
    }
    out.result(facts, rows_text(list(facts.items())))
