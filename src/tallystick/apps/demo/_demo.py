"""The loop on an economy: real transactions, scores, commitments, verification, and a forgery found."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallystick.apps.demo._forge import Forgery, forge
from tallystick.apps.demo._truth import Detection, detect
from tallystick.apps.economy import EconomySize, Truth, plan_economy, run_economy, write_truth
from tallystick.apps.fraud import (
    PRETRAINED,
    Alert,
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
from tallystick.chain import EmbeddedOptions
from tallystick.ledger import StoredHalf, VerifyReport
from tallystick.settings import Settings
from tallystick.store import Project
from tallystick.units import format_ppm, parse_hash

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
        Time of the whole; of making the economy.
    """

    project: Path
    truth: Truth
    loop: LoopResult
    detection: Detection
    forgery: Forgery
    found: VerifyReport
    seconds: float
    economy_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        mismatch = self.found.mismatch
        return {
            "project": str(self.project),
            "transactions": self.truth.transactions,
            "economy_tx_per_s": round(self.truth.transactions / self.economy_seconds, 1),
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
        The untouched run does not match: it must.
    """
    start = time.perf_counter()
    plan = plan_economy(settings.seed, EconomySize(accounts=accounts))
    model = find_model(PRETRAINED)
    with Project.open(settings.project, command="tally demo") as project:
        say(f"1  a local chain, and an economy of {len(plan.accounts):,} accounts on it")
        options = EmbeddedOptions(genesis_timestamp=plan.start)
        with open_ledger(project.folder("chain"), settings, options=options) as session:
            began = time.perf_counter()
            truth = _economy(session, plan, project, progress)
            economy_seconds = time.perf_counter() - began
            text = f"rpc:embedded#{truth.first_block}:{truth.last_block + 1}"
            say(f"2  read back over JSON-RPC, scored by {PRETRAINED}, committed range by range")
            source = open_project_source(text, session.url, settings)
            loop = run_loop(project, session, source, text, model, 0, settings, progress, say)
            _show_alerts(loop.job.alerts, say)
            loop.verification.check()
            say(f"3  verify: {_match_text(loop.verification)}")
            forgery, found = _forge_and_verify(project, session, loop, text, settings, progress)
            say(f"4  altered {forgery.field} of one kept prediction from {forgery.was:,} to {forgery.now:,}")
            say(f"   verify: {_found(found)}")
    detection = detect((alert.account for alert in loop.job.alerts), truth)
    seconds = time.perf_counter() - start
    return DemoResult(project.path, truth, loop, detection, forgery, found, seconds, economy_seconds)


def _economy(session: LedgerSession, plan: Any, project: Project, progress: Progress) -> Truth:
    from tallystick.chain import AnvilApi

    chain = session.chain if session.chain is not None else AnvilApi(session.url)
    truth = run_economy(chain, plan, lambda done, total: progress("transact", done, total))
    write_truth(truth, project.folder("reports") / "truth")
    return truth


def _forge_and_verify(
    project: Project, session: LedgerSession, loop: LoopResult, text: str, settings: Settings, progress: Progress
) -> tuple[Forgery, VerifyReport]:
    kept = stored_half(project, loop.job.run)
    forgery, altered = forge(kept.predictions, project.folder("reports") / "forged-predictions.parquet")
    registry, log = session.contracts()
    source = open_project_source(text, session.url, settings)
    model_id = parse_hash(loop.report["ledger"]["model_id"])
    stored = StoredHalf(altered, kept.transfers)
    return forgery, verify_model(registry, log, model_id, find_model(PRETRAINED).program, source, stored, progress)


def _match_text(report: VerifyReport) -> str:
    return f"MATCH, {report.ranges} block ranges, {report.transfers:,} transfers, every bit"


def _found(report: VerifyReport) -> str:
    """Say where the halves differ."""
    mismatch = report.mismatch
    if mismatch is None:
        return "not found"
    transaction = "" if mismatch.transaction_hash is None else f" transaction 0x{mismatch.transaction_hash.hex()}"
    return f"MISMATCH in block {mismatch.block},{transaction}, field {mismatch.field}"


def _show_alerts(alerts: list[Alert], say: Callable[[str], None]) -> None:
    for alert in alerts[:_SHOWN]:
        reasons = "; ".join(reason.words for reason in alert.reasons[:3])
        say(f"   alert  {format_ppm(alert.score_ppm)}  {alert.account} in block {alert.block_number:,}")
        say(f"          {reasons}")
    if len(alerts) > _SHOWN:
        say(f"   and {len(alerts) - _SHOWN} more, in reports/…/alerts.jsonl")
