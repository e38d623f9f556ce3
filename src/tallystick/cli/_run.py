"""``tally run``: the whole loop on one source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._register import LEDGER_SETTINGS
from tallystick.cli._session import Output, own_command, rows_text, with_endpoint, with_settings
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.apps.fraud import LoopResult

__all__ = ["register", "summary"]

_SETTINGS = (*LEDGER_SETTINGS, "commit_transfers", "alert_ppm", "alert_after", "review_budget_ppm", "seed", "threads")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("run", help=_run.__doc__)(with_settings(*_SETTINGS)(_run))


def _run(
    source: str = typer.Argument(help="KIND:PATH_OR_URL\\[#FIRST:LAST]"),
    ledger: str = typer.Option("embedded", help="Where to commit: embedded, or the URL of a chain's endpoint."),
    model: str | None = typer.Option(
        None, "-m", "--model", help="Score all with this model; without it, train on the first part by time."
    ),
    broadcast: bool = typer.Option(False, "--broadcast", help="Send, on a chain that is not the embedded one."),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Do the whole loop: read, train, register, score, commit, verify, report.

    Without --model the source must have labels: a model is trained on the accounts of the first
    70 % by time, and everything after that is scored as a stream. A rerun takes up what is there.

    Example: tally run xblock:../shared/data/tsgn --ledger embedded
    """
    from tallystick.apps.fraud import find_model, open_ledger, open_project_source, project_model, run_loop
    from tallystick.chain import safe_url
    from tallystick.cli._verify import show_verification
    from tallystick.sources import safe_source
    from tallystick.store import Project

    if ledger != "embedded":
        settings = with_endpoint(settings, ledger)
    where = safe_url(settings.rpc_url) if settings.rpc_url else "the embedded chain"
    how = f"score all with {model}" if model else "train on the first 70 % by time, score the rest"
    out.say(f"run {safe_source(source)}: {how}; commit to {where}; keep in {settings.project}")
    with Project.open(settings.project, command="tally run", state_url=settings.state_url) as project:
        folder = project.folder("chain")
        with open_ledger(folder, settings, broadcast=broadcast, announce=_quiet(out)) as session:
            opened = open_project_source(source, session.url, settings, skip_bad_rows=skip_bad_rows)
            with out.progress() as progress:
                found, start = (find_model(model), 0) if model else project_model(project, opened, settings, progress)
                result = run_loop(project, session, opened, source, found, start, settings, progress, out.say)
    out.left_out(opened.bad_rows)
    if not result.verification.matches:
        show_verification(result.verification, True, out)
    folder = settings.project / "reports" / result.job.run
    out.result({**result.report, "folder": str(folder)}, summary(result, str(folder)))


def _quiet(out: Output) -> Any:
    """Announce deployments and registrations; commits are told by the progress bar."""
    return lambda plan: None if plan.what.startswith("commit") else out.announce(plan)


def summary(result: LoopResult, folder: str) -> str:
    """Sum a run up for people."""
    report, job = result.report, result.job
    found = result.verification
    spent = sum(job.seconds.values())
    rows = [
        ("transfers scored", f"{job.transfers:,}  ({job.transfers / spent:,.0f} a second, commits included)"),
        ("accounts", f"{report['accounts']:,}, flagged {report['flagged']:,}"),
        ("alerts", f"{len(job.alerts):,}"),
        ("model id", report["ledger"]["model_id"]),
        ("committed", f"{len(job.commits)} block ranges, {report['ledger']['gas_used']:,} gas"),
        ("verify", f"MATCH, {found.ranges} ranges, {found.transfers:,} transfers"),
        ("report", f"{folder}/report.html"),
        ("next", f"{own_command()} verify --project {Path(folder).parents[1]}"),
    ]
    text = rows_text(rows)
    if report["evaluation"]:
        text = f"{_measures(report['evaluation'])}\n\n{text}"
    return text


def _measures(evaluation: dict[str, Any]) -> str:
    """AUC by checkpoint and F1 at the end, ours beside the baselines."""
    test = evaluation["protocol"]["test"]
    lines = [
        f"judged on {test['accounts']:,} accounts first seen after training ended, {test['positives']:,} positive",
        f"{'':<46}{'AUC after 1':>12}{'3':>8}{'5':>8}{'10':>8}{'end':>8}{'F1 end':>9}",
    ]
    for name, model in evaluation["models"].items():
        after = model["after"]
        aucs = [f"{after[key]['auc']:.3f}" for key in after]
        lines.append(
            f"{name[:45]:<46}{aucs[0]:>12}" + "".join(f"{auc:>8}" for auc in aucs[1:]) + f"{after['end']['f1']:>9.3f}"
        )
    return "\n".join(lines)
