"""The whole loop on one source: model, ledger, scores, commitments, verification, report."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tallystick import __version__
from tallystick.apps.fraud._job import JobResult, score_to_project
from tallystick.apps.fraud._ledger import LedgerSession
from tallystick.apps.fraud._models import Model, save_model
from tallystick.apps.fraud._page import report_page
from tallystick.apps.fraud._progress import Progress, silent
from tallystick.apps.fraud._record import RunRecord, write_record
from tallystick.apps.fraud._scorer import Scorer
from tallystick.apps.fraud._training import BATCH_ROWS, labels_hash, train
from tallystick.apps.fraud._verify import verify_model
from tallystick.errors import InputError
from tallystick.exact import Program
from tallystick.features import SPEC
from tallystick.hashing import keccak256
from tallystick.learn import Recipe, binary_labels
from tallystick.ledger import Committer, ModelEntry, PredictionLog, Registration, Registry, StoredHalf, VerifyReport
from tallystick.settings import Settings
from tallystick.sources import Source, open_source, safe_source
from tallystick.store import Project, canonical_json
from tallystick.units import Hash, format_hash

__all__ = [
    "LoopResult",
    "dataset_hash",
    "metrics_hash",
    "open_project_source",
    "project_model",
    "register_model",
    "run_loop",
]

EMBEDDED_SOURCE = "rpc:embedded"


@dataclass(frozen=True)
class LoopResult:
    """What a loop did: the job, its verification, the report as plain values, and the gas of everything."""

    job: JobResult
    verification: VerifyReport
    report: Mapping[str, Any]


def open_project_source(text: str, ledger_url: str, settings: Settings, *, skip_bad_rows: bool = False) -> Source:
    """Open a source; ``rpc:embedded`` stands for the ledger's own chain."""
    if "://" in text and "/…" in text:
        raise InputError("the path of the source's endpoint is not kept, as it may be secret", next_step="Give SOURCE.")
    if text.split("#")[0] == EMBEDDED_SOURCE:
        text = text.replace(EMBEDDED_SOURCE, f"rpc:{ledger_url}", 1)
    return open_source(text, settings=settings, skip_bad_rows=skip_bad_rows)


def project_model(
    project: Project, source: Source, settings: Settings, progress: Progress = silent
) -> tuple[Model, int]:
    """Train on the earlier part of a source, or take up the model that this project trained on it before.

    Returns
    -------
    tuple[Model, int]
        The model, and the time from which its source may be scored.
    """
    labels = source.labels()
    content = {
        "source": source.content_hash(),
        "blocks": str(source.spec.range),
        "labels": "" if labels is None else labels_hash(binary_labels(labels)),
        "recipe": json.dumps(Recipe(seed=settings.seed).as_json(), sort_keys=True),
        "feature_spec": SPEC.hash.hex(),
        "budget": settings.review_budget_ppm,
        "release": __version__,
    }
    key = keccak256(canonical_json(content)).hex()[:12]
    folder = project.folder("models") / key
    done = project.state.done(f"train/{key}", key)
    if done is not None and folder.is_dir():
        from tallystick.apps.fraud._models import find_model

        return find_model(str(folder)), int(done["cutoff"])
    training = train(source, None, settings, refit=False, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    model = save_model(folder, training.program, training.card, training.dataset)
    project.state.finish(f"train/{key}", key, {"cutoff": training.cutoff})
    return model, training.cutoff


def dataset_hash(program: Program) -> Hash:
    """Hash of the manifest of the data a program says it was trained on; zeros where it does not say."""
    text = str(program.metadata.get("dataset_manifest", ""))
    return Hash(bytes.fromhex(text)) if len(text) == 64 else Hash(bytes(32))


def metrics_hash(card: Mapping[str, Any]) -> Hash:
    """Hash of what a card says of how well the model does: its measures in whole ppm, without the review budget."""
    models = card.get("evaluation", {}).get("models", {})
    return keccak256(canonical_json({name: _whole(models[name]["after"]) for name in models}))


def _whole(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(item) for name, item in value.items()}
    return round(value * 1_000_000) if isinstance(value, float) else value


def register_model(session: LedgerSession, model: Model) -> tuple[Registry, PredictionLog, Registration, int]:
    """Find or deploy the contracts, register the model and activate it; also returns the gas of deploying."""
    registry, log, gas = session.deploy()
    entry = ModelEntry(
        program_hash=model.program.hash,
        feature_spec_hash=Hash(model.program.feature_spec_hash),
        dataset_hash=dataset_hash(model.program),
        metrics_hash=metrics_hash(model.card),
    )
    return registry, log, registry.register(session.sender(), entry), gas


def run_loop(
    project: Project,
    session: LedgerSession,
    source: Source,
    source_text: str,
    model: Model,
    from_time: int,
    settings: Settings,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> LoopResult:
    """Register, score, commit, verify, report; a rerun takes up what is there.

    Raises
    ------
    VerificationFailed
        What this run computes is not what the ledger has from an earlier one.
    """
    if next(source.batches(BATCH_ROWS), None) is None:  # before anything is sent, or gas is spent
        raise InputError("the source has no transfers", name=safe_source(source_text))
    registry, log, registration, deploy_gas = register_model(session, model)
    say(f"  model {format_hash(registration.model_id)} is active in registry {registry.address}")
    committer = Committer(log, session.sender(), registration.model_id, Hash(model.program.feature_spec_hash))
    job = score_to_project(project, source, Scorer(model.program), from_time, committer, settings, progress)
    record = RunRecord(
        source=safe_source(source_text),
        model=str(model.path.absolute()),
        run=job.run,
        from_time=from_time,
        skip_bad_rows=source.bad_rows.skip,
        model_id=format_hash(registration.model_id),
        chain_id=session.chain_id,
        registry=registry.address,
        prediction_log=log.address,
    )
    write_record(project.path, record)
    stored = stored_half(project, job.run)
    found = verify_model(registry, log, registration.model_id, model.program, source, stored, progress)
    gas = deploy_gas + registration.gas_used + job.gas_used
    report = _report(record, model, job, found, gas)
    text = json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False)
    project.write_file(f"reports/{job.run}/report.json", (text + "\n").encode())
    project.write_file(f"reports/{job.run}/report.html", report_page(report).encode())
    return LoopResult(job, found, report)


def stored_half(project: Project, run: str) -> StoredHalf:
    """What the project kept of a run."""
    return StoredHalf(project.tables.read_table("predictions", run), project.tables.read_table("transfers", run))


def _report(record: RunRecord, model: Model, job: JobResult, found: VerifyReport, gas: int) -> dict[str, Any]:
    assert job.accounts is not None
    trained_here = record.from_time > 0  # else the figures of the card are about other data
    return {
        "format": "tallystick run report",
        "version": 1,
        "source": record.source,
        "run": job.run,
        "transfers": job.transfers,
        "accounts": len(job.accounts.score_ppm),
        "flagged": int(job.accounts.flag.sum()),
        "alerts": [alert.to_json() for alert in job.alerts],
        "program_hash": format_hash(model.program.hash),
        "evaluation": model.card.get("evaluation") if trained_here else None,
        "ledger": {
            "chain_id": record.chain_id,
            "registry": record.registry,
            "prediction_log": record.prediction_log,
            "model_id": record.model_id,
            "ranges": len(job.commits),
            "roots": [format_hash(commit.committed.root) for commit in job.commits],
            "gas_used": gas,
        },
        "verification": found.to_json(),
        "seconds": {name: round(value, 3) for name, value in job.seconds.items()},
    }
