"""``tally demo``: the loop on an economy that is made before the user's eyes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli._session import Output, own_command, rows_text, with_settings
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.apps.demo import DemoResult

__all__ = ["register"]

_FOLDER = Path("demo-data")  # of its own: a first look does not mix with a user's project
_COMMIT_TRANSFERS = 512  # small ranges, so that there is something to see
_QUESTION = "select to_address, max(receiver_ppm) as ppm from predictions group by 1 order by 2 desc limit 9"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    flags = with_settings("project", "seed", "alert_ppm", "alert_after", project=_FOLDER)
    app.command("demo", help=_demo.__doc__)(flags(_demo))


def _demo(
    accounts: int = typer.Option(600, min=60, max=20_000, help="Accounts of the economy."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """See the whole loop on one machine, offline, in two minutes.

    An economy makes real transactions on a local chain, fraud among them; they are read back, scored
    by the shipped model and committed; everything is verified; then one stored prediction is altered by
    one unit, and verification says where.

    Example: tally demo
    """
    from tallystick.apps.demo import run_demo

    settings = replace(settings, commit_transfers=_COMMIT_TRANSFERS, rpc_url="")
    with out.progress() as progress:
        result = run_demo(settings, accounts, progress, out.say)
    out.result(result.to_json(), _summary(result))


def _summary(result: DemoResult) -> str:
    report, found, job = result.loop.report, result.detection, result.loop.job
    caught = ", ".join(f"{name} {have} of {there}" for name, (have, there) in found.by_category.items())
    speed = result.economy_tx_per_s
    made = "made by an earlier run" if speed is None else f"{speed:,.0f} a second"
    kept = sum(job.seconds.values())
    folder = result.project / "reports" / job.run
    rows = [
        ("transactions", f"{result.truth.transactions:,} real ones, {made}; all took {result.seconds:.0f} s"),
        ("read to commit", f"{job.transfers:,} transfers, {job.transfers / kept:,.0f} a second"),
        ("alerts", f"{found.alerts}: {found.precision:.0%} are planted phishing, {found.wronged} on innocent accounts"),
        ("recall", f"{found.recall:.0%} of the planted phishing accounts"),
        ("by category", caught),
        ("gas", f"{report['ledger']['gas_used']:,} for the ledger, {result.truth.gas_used:,} by the economy"),
        ("model id", report["ledger"]["model_id"]),
        ("files", f"{result.project}; open {folder}/report.html"),
    ]
    project = f"--project {result.project}"
    tally = own_command()
    steps = (
        f"{tally} verify {project}",
        f'{tally} sql {project} "{_QUESTION}"',
        f"{tally} run xblock:FOLDER          # real transactions in XBlock's layout, a model trained on them",
        f"{tally} features --list",
    )
    return rows_text(rows) + "\n\nnext\n" + "\n".join(f"  {step}" for step in steps)
