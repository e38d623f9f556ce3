"""The loop on an economy: real transactions, scores, commitments, verification, and a forgery found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.apps.demo._forge import Forgery, forge
from tallystick.apps.demo._truth import Detection, detect
from tallystick.apps.economy import EconomySize, Plan, Truth, plan_economy, read_truth, run_economy, write_truth
from tallystick.apps.fraud import (
    PRETRAINED,
    JobResult,
    LedgerSession,
    LoopResult,
    Progress,
    find_model,
    open_ledger,
    open_project_source,
    run_loop,
    silent,
    stored_half,
    verify_model,
)
from tallystick.chain import AnvilApi, EmbeddedOptions
from tallystick.errors import StoreError, VerificationFailed
from tallystick.ledger import StoredHalf, VerifyReport
from tallystick.settings import Settings
from tallystick.store import Project
from tallystick.units import format_hash, format_ppm, parse_hash

__all__ = ["DemoResult", "run_demo"]

_SHOWN = 5


@dataclass(frozen=True)
class DemoResult:
    """Everything the demo did.

    Parameters
    ----------
    truth
        The economy as it happened.
    loop
        The loop on it.
    detection
        Alerts against the truth.
    forgery, found
        What was altered, and the verification that looked at it.
    seconds
        Time of the whole.
    economy_tx_per_s
        Speed of making the economy; ``None`` where an earlier run had made it.
    """

    project: Path
    truth: Truth
    loop: LoopResult
    detection: Detection
    forgery: Forgery
    found: VerifyReport
    seconds: float
    economy_tx_per_s: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        mismatch = self.found.mismatch
        return {
            "project": str(self.project),
            "transactions": self.truth.transactions,
            "economy_tx_per_s": None if self.economy_tx_per_s is None else round(self.economy_tx_per_s, 1),
            "transfers": self.loop.job.transfers,
            "detection": self.detection.to_json(),
            "gas_economy": self.truth.gas_used,
            "gas_ledger": self.loop.report["ledger"]["gas_used"],
            "model_id": self.loop.report["ledger"]["model_id"],
            "verification": self.loop.verification.to_json(),
            "forgery": {**vars(self.forgery), "file": str(self.forgery.file)},
            "forgery_found": None if mismatch is None else mismatch.to_json(),
            "seconds": round(self.seconds, 1),
        }


def run_demo(
    settings: Settings,
    accounts: int,
    progress: Progress = silent,
    say: Callable[[str], None] = lambda text: None,
) -> DemoResult:
    """Run the demo in the settings' project directory; a rerun takes up what is there.

    Raises
    ------
    VerificationFailed
        The untouched run does not match, or the forgery is not found: it must be.
    """
    start = time.perf_counter()
    plan = plan_economy(settings.seed, EconomySize(accounts=accounts))
    model = find_model(PRETRAINED)
    with Project.open(settings.project, command="tally demo", state_url=settings.state_url) as project:
        say(f"1  a local chain, and an economy of {len(plan.accounts):,} accounts on it")
        options = EmbeddedOptions(genesis_timestamp=plan.start)
        with open_ledger(project.folder("chain"), settings, options=options) as session:
            meter = _Meter(progress)
            _refuse_another(project, plan)
            truth = _economy(session, plan, project, meter)
            text = f"rpc:embedded#{truth.first_block}:{truth.last_block + 1}"
            say(f"2  read back over JSON-RPC, scored by {PRETRAINED}, committed range by range")
            source = open_project_source(text, session.url, settings)
            loop = run_loop(project, session, source, text, model, 0, settings, progress, say)
            _show_alerts(loop.job, say)
            loop.verification.check()
            say(f"3  verify: {_match_text(loop.verification)}")
            forgery, found = _forge_and_verify(project, session, loop, text, settings, progress)
            say(f"4  altered {forgery.field} of one kept prediction from {forgery.was:,} to {forgery.now:,}")
            say(f"   verify: {_found(found)}")
    detection = detect((alert.account for alert in loop.job.alerts), truth)
    seconds = time.perf_counter() - start
    return DemoResult(settings.project, truth, loop, detection, forgery, found, seconds, meter.per_s)


class _Meter:
    """Passes the progress of the economy on, and takes its speed."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._notes: list[tuple[float, int]] = []  # (time, transactions done), first and last

    def note(self, done: int, total: int) -> None:
        self._notes[1:] = [(time.perf_counter(), done)]
        self._progress("transact", done, total)

    @property
    def per_s(self) -> float | None:
        if len(self._notes) < 2:
            return None
        (start, before), (end, done) = self._notes
        return (done - before) / (end - start)


def _economy(session: LedgerSession, plan: Plan, project: Project, meter: _Meter) -> Truth:
    if session.chain is not None:
        truth = run_economy(session.chain, plan, meter.note)
    else:
        with AnvilApi(session.url) as api:
            truth = run_economy(api, plan, meter.note)
    write_truth(truth, project.folder("reports") / "truth")
    return truth


def _refuse_another(project: Project, plan: Plan) -> None:
    """A folder holds one economy: another seed or size needs a folder of its own."""
    record = project.folder("reports") / "truth" / "truth.json"
    if record.is_file() and read_truth(record).plan_digest != plan.digest():
        raise StoreError(
            "this folder holds the demo of another seed or size",
            path=project.path,
            next_step="Choose another with --project, or remove this one.",
        )


def _forge_and_verify(
    project: Project, session: LedgerSession, loop: LoopResult, text: str, settings: Settings, progress: Progress
) -> tuple[Forgery, VerifyReport]:
    kept = stored_half(project, loop.job.run)
    forgery, altered = forge(kept.predictions, project.folder("reports") / "forged-predictions.parquet")
    registry, log = session.contracts()
    source = open_project_source(text, session.url, settings)
    model_id = parse_hash(loop.report["ledger"]["model_id"])
    stored = StoredHalf(altered, kept.transfers)
    found = verify_model(registry, log, model_id, find_model(PRETRAINED).program, source, stored, progress)
    if found.matches:
        raise VerificationFailed("an altered prediction was not found", model=format_hash(model_id))
    return forgery, found


def _match_text(report: VerifyReport) -> str:
    return f"MATCH, {report.ranges} block ranges, {report.transfers:,} transfers, every bit"


def _found(report: VerifyReport) -> str:
    """Say where the halves differ."""
    mismatch = report.mismatch
    if mismatch is None:
        return "not found"
    transaction = "" if mismatch.transaction_hash is None else f" transaction 0x{mismatch.transaction_hash.hex()}"
    return f"MISMATCH in block {mismatch.block},{transaction}, field {mismatch.field}"


def _show_alerts(job: JobResult, say: Callable[[str], None]) -> None:
    for alert in job.alerts[:_SHOWN]:
        reasons = "; ".join(reason.words for reason in alert.reasons[:3])
        say(f"   alert  {format_ppm(alert.score_ppm)}  {alert.account} in block {alert.block_number:,}")
        say(f"          {reasons}")
    if len(job.alerts) > _SHOWN:
        say(f"   and {len(job.alerts) - _SHOWN} more, in reports/{job.run}/alerts.jsonl")
