"""The ``tally`` command: verbs, exit codes, and how errors reach people."""

from __future__ import annotations

import signal
import sys
import traceback
from typing import Any, NoReturn

import typer

from tallystick import __version__
from tallystick.cli import (
    _chain,
    _commit,
    _config,
    _data,
    _demo,
    _features,
    _program,
    _register,
    _run,
    _score,
    _sql,
    _train,
    _verify,
)
from tallystick.cli._session import Session
from tallystick.errors import TallyError
from tallystick.settings import Settings, load_settings, redact

__all__ = ["app", "main"]

app = typer.Typer(
    name="tally",
    help="Machine learning on blockchains that anyone can check.",
    epilog="Start with: tally demo",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tally {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    debug: bool = typer.Option(False, "--debug", help="Show the trace of an error."),
    version: bool = typer.Option(
        False, "--version", help="Show the version and stop.", is_eager=True, callback=_show_version
    ),
) -> None:
    context.obj = Session(debug=debug)


for _verb in (
    _demo,
    _run,
    _features,
    _train,
    _score,
    _program,
    _register,
    _commit,
    _verify,
    _sql,
    _chain,
    _config,
    _data,
):
    _verb.register(app)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong input, 3 halves differ, 130 stopped."""
    arguments = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        app(arguments, prog_name="tally")
    except TallyError as error:
        sys.exit(_report(error, arguments))
    sys.exit(0)


def _on_sigterm(number: int, frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def _report(error: TallyError, arguments: list[str]) -> int:
    """Say cause, place and next step on standard error; return the exit code."""
    try:
        settings = load_settings().settings
    except TallyError:
        settings = Settings()  # the settings themselves are the error; they hold no secret yet
    if "--debug" in arguments:
        sys.stderr.write(redact("".join(traceback.format_exception(error)), settings))
    sys.stderr.write(redact(f"error {error}\n  next: {error.advice}\n", settings))
    return error.exit_code
