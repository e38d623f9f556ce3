"""``tally train``: a labelled source in, a model folder out."""

from __future__ import annotations

from pathlib import Path

import typer

from tallystick.cli._session import Output, own_command, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("train", help=_train.__doc__)(with_settings("seed", "threads", "review_budget_ppm")(_train))


def _train(
    source: str = typer.Argument(help="KIND:PATH_OR_URL\\[#FIRST:LAST] with labels"),
    output: Path = typer.Option(..., "-o", "--output", help="Folder of the model."),
    labels: str | None = typer.Option(None, help="Labels as KIND:PATH; the source's own when omitted."),
    early_part: bool = typer.Option(
        False, "--early-part", help="Keep the program that was trained on the earlier 70 % only."
    ),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Train a fraud model, judge it under a strict time split, and freeze it into an exact program.

    A graph of accounts, such as T-EDGE, has no stream to split: there, accounts are taken as the whole source leaves
    them, and judged by repeated cross-validation.

    The same data, seed and release give the same program, bit for bit, on the same platform.

    Example: tally train xblock:../shared/data/tsgn -o my-model
    """
    from tallystick.apps.fraud import measures_markdown, save_model, train
    from tallystick.sources import open_source, read_labels, safe_source
    from tallystick.store import make_folder

    opened = open_source(source, settings=settings, skip_bad_rows=skip_bad_rows)
    table = read_labels(labels) if labels else None
    out.say(f"train on {safe_source(source)} into {output}")
    with out.progress() as progress:
        training = train(opened, table, settings, refit=not early_part, progress=progress)
    out.left_out(opened.bad_rows)
    model = save_model(make_folder(output), training.program, training.card, training.dataset)
    facts = training.card["program"]
    text = (
        f"{measures_markdown(training.card['evaluation'])}\n"
        f"program  {facts['hash']}\n"
        f"         {facts['trees']} trees, {facts['bytes']:,} bytes, in {model.path}\n"
        f"next     {own_command()} score --model {output} SOURCE --per account -o scores.csv"
    )
    out.result({"model": str(output), "cutoff": training.cutoff, **training.card}, text)
