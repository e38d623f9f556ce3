"""One prediction by Merkle proof: written from a project, checked anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tallystick.cli._session import Output, rows_text
from tallystick.errors import InputError, StoreError, TransactionFailed, VerificationFailed, WrongChain
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.apps.fraud import LedgerSession, RunRecord
    from tallystick.ledger import InclusionProof, Leaf, OurHalf, PredictionLog, Registry
    from tallystick.sources import Source
    from tallystick.units import Hash

__all__ = ["check_chain", "check_proof", "write_proof"]


def check_chain(expected: int, chain_id: int) -> None:
    """Refuse a ledger on another chain than the commitments are on."""
    if expected not in (0, chain_id):
        cause = f"the commitments are on chain {expected}, this is chain {chain_id}"
        raise WrongChain(cause, next_step="Give its endpoint with --rpc-url.", chain_id=chain_id, expected=expected)


def write_proof(
    record: RunRecord, tx_hash: str, transfer: int, output: Path | None, settings: Settings, out: Output
) -> None:
    """Write the Merkle proof of one kept prediction."""
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
    with open_ledger(settings.project / "chain", settings, existing=True) as session:
        check_chain(record.chain_id, session.chain_id)
        _, log = session.contracts()
        holding = [item for item in log.commitments(model_id) if block in item.range]
        if not holding:
            raise InputError("the transaction's block is not committed yet", block=block)
        place = log.place(model_id)
    proof = prove_inclusion(place, holding[0], stored.transfers, stored.predictions, wanted, transfer)
    write_bytes(output, proof.to_json().encode())
    facts = {"file": str(output), "block": block, "leaf_index": proof.leaf_index, "path": len(proof.path)}
    out.result(facts, f"proof of transfer {transfer} of {tx_hash} in {output}: {len(proof.path)} hashes")


def check_proof(
    path: Path, source: str | None, model: str | None, skip_bad_rows: bool, settings: Settings, out: Output
) -> None:
    """Check a proof against the ledger and, with source and model, against a fresh computation.

    Only the second is a MATCH: a committer can commit to a score that the program does not give.
    """
    from tallystick.apps.fraud import open_ledger, open_project_source
    from tallystick.ledger import check_inclusion
    from tallystick.units import format_hash

    if (source is None) != (model is None):
        raise InputError("computing a prediction again needs both source and model", next_step="Give SOURCE and -m.")
    proof = _read_proof(path)
    with open_ledger(settings.project / "chain", settings, existing=True) as session:
        check_chain(proof.chain_id, session.chain_id)
        log = _log(proof, session, settings)
        registered = _registry(log, session, settings).get(proof.model_id)
        try:
            commitment = log.commitment(proof.model_id, proof.index)
        except TransactionFailed as error:
            cause = f"the ledger has no commitment {proof.index} of the model"
            raise VerificationFailed(cause, model=format_hash(proof.model_id), address=log.address) from error
        again = None
        if source is not None and model is not None:
            opened = open_project_source(source, session.url, settings, skip_bad_rows=skip_bad_rows)
            again = _again(proof, _recompute(opened, model, out), registered.entry.program_hash)
        leaf = check_inclusion(proof, commitment, again)
        on_chain = log.verify_inclusion(proof)
    if not on_chain:
        raise VerificationFailed("the contract refuses the proof", model=format_hash(proof.model_id))
    facts = {
        "result": "INCLUDED" if again is None else "MATCH",
        "checked": "place under the committed root, " + ("not computed again" if again is None else "computed again"),
        "model_id": format_hash(proof.model_id),
        "state": registered.state.name.lower(),
        "owner": registered.owner,
        "prediction_log": log.address,
        "block": leaf.block_number,
        "transaction_hash": format_hash(leaf.transaction_hash),
        "sender_ppm": leaf.sender_ppm,
        "receiver_ppm": leaf.receiver_ppm,
    }
    text = rows_text(list(facts.items()))
    if again is None:
        text += "\nnext  give SOURCE and -m to compute the scores again: inclusion alone does not say they are right"
    out.result(facts, text)


def _read_proof(path: Path) -> InclusionProof:
    from tallystick.ledger import parse_inclusion

    try:
        return parse_inclusion(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("proof file cannot be read", file=str(path)) from error


def _log(proof: InclusionProof, session: LedgerSession, settings: Settings) -> PredictionLog:
    """Find the log to ask: the checker's own where it is known, for a proof must not choose its judge."""
    from tallystick.apps.fraud import read_record
    from tallystick.ledger import PredictionLog
    from tallystick.units import format_address

    try:
        kept = read_record(settings.project).prediction_log
    except StoreError:
        kept = ""
    return PredictionLog(session.w3, settings.prediction_log or kept or format_address(proof.prediction_log))


def _registry(log: PredictionLog, session: LedgerSession, settings: Settings) -> Registry:
    """Registry the log is bound to; it must be the one that was named, where one was."""
    from tallystick.ledger import Registry

    if settings.registry and settings.registry.lower() != log.registry_address:
        cause = f"the log is bound to registry {log.registry_address}, not to {settings.registry.lower()}"
        raise VerificationFailed(cause, address=log.address)
    return Registry(session.w3, log.registry_address)


def _recompute(source: Source, model: str, out: Output) -> OurHalf:
    from tallystick.apps.fraud import find_model, recompute

    with out.progress() as progress:
        return recompute(source, find_model(model).program, progress)


def _again(proof: InclusionProof, ours: OurHalf, registered: Hash) -> Leaf:
    """Find the proof's prediction in what was computed again."""
    import pyarrow.compute as pc

    from tallystick.ledger import build_leaves, decode_leaf
    from tallystick.units import format_hash

    if registered != ours.program_hash:
        mine = format_hash(ours.program_hash)
        cause = f"another program: the registry has {format_hash(registered)}, this one is {mine}"
        raise VerificationFailed(cause, model=format_hash(proof.model_id))
    claimed = decode_leaf(proof.leaf)
    same = pc.and_(
        pc.equal(ours.transfers["transaction_hash"], claimed.transaction_hash),
        pc.equal(ours.transfers["transfer_index"], claimed.transfer_index),
    )
    row = pc.index(same, True).as_py()
    if row < 0:
        raise VerificationFailed("the source has no such transfer", block=claimed.block_number)
    leaf = build_leaves(ours.transfers.slice(row, 1).combine_chunks(), ours.predictions.slice(row, 1).combine_chunks())
    return decode_leaf(leaf[0].tobytes())
