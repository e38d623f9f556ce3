"""``tally program``: exact programs, looked into, compared, checked, signed, brought in, put elsewhere and called."""

from __future__ import annotations

import typer

from tallystick.cli._program import _call, _check, _deploy, _diff, _export, _import, _inspect, _prove, _score, _sign

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    program = typer.Typer(
        help="Exact programs: frozen models. FILE is a program, a model's folder, or a shipped model's name.",
        no_args_is_help=True,
    )
    for verb in (_import, _inspect, _diff, _check, _score, _sign, _export, _deploy, _call, _prove):
        verb.register(program)
    app.add_typer(program, name="program")
