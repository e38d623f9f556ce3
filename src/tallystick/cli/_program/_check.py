"""``tally program check``: does every runtime agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tallystick.cli._session import Output, with_settings
from tallystick.errors import InputError, RangeError, RuntimesDiffer
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.runtimes import Check, RuntimeCheck

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("check", help=_check.__doc__)(with_settings()(_check))


def _check(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    runtime: list[str] = typer.Option([], "--runtime", help="Check this runtime only; may be repeated."),
    rows: int | None = typer.Option(None, help="Rows to run; each runtime's own number by default."),
    seed: int = typer.Option(0, help="Of the rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Run a program in every runtime and compare with the reference, bit for bit.

    Rows stand at every threshold and one either side, at the corners of the domain, and at random; rows outside the
    domain must be refused. Contracts run on an embedded chain, circuits prove what they say. Exit code 3 where one
    differs, 2 where a runtime that --runtime names cannot run the program.

    Example: tally program check tsgn-v1 --runtime fast --runtime evm-branch
    """
    from tallystick.apps.fraud import find_model
    from tallystick.runtimes import check_program

    if rows is not None and rows < 2:
        raise RangeError("--rows must be at least 2", value=rows)
    program = find_model(file).program
    with out.progress() as progress:
        check = check_program(program, runtime, rows, seed, progress)
    out.result(check.as_json(), _text(check))
    for item in check.runtimes:
        if item.difference:
            raise _error(item)
    for item in check.runtimes:
        if runtime and not item.rows:
            cause = f"{item.name} was asked for and did not run the program: {item.why}"
            raise InputError(cause, value=item.state, next_step="Leave it out, or give it what it needs.")


def _text(check: Check) -> str:
    width = max(len(item.name) for item in check.runtimes)
    lines = [f"program 0x{check.program_hash.hex()}"]
    for item in check.runtimes:
        done = f"{item.rows:,} rows in {item.seconds:.1f} s" if item.rows else item.why
        lines.append(f"  {item.name:<{width}}  {item.state:<8}  {done}")
    return "\n".join(lines)


def _error(item: RuntimeCheck) -> RuntimesDiffer:
    assert item.difference
    cause = f"{item.name} differs from the reference"
    if item.difference.expected is None:
        cause = f"{item.name} scores a row outside the domain"
    return RuntimesDiffer(
        cause,
        runtime=item.name,
        row=list(item.difference.row),
        output=item.difference.output,
        expected=item.difference.expected,
        got=item.difference.got,
    )
