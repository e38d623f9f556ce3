"""``tally program inspect``: what is inside."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["register"]

_SHOWN_FEATURES: Final = 12


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("inspect", help=_inspect.__doc__)(with_settings()(_inspect))


def _inspect(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    whole: bool = typer.Option(False, "--text", help="Write every node, leaf and weight, one a line."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Say what is inside a program: its hash, kind, inputs, size, decision and error bound.

    Example: tally program inspect tsgn-v1
    """
    from tallystick.apps.fraud import find_model
    from tallystick.exact import describe, program_text
    from tallystick.exact.importers import QUANTISERS, quantisers_of

    program = find_model(file).program
    facts = describe(program)
    if whole:
        out.result({**facts, "text": program_text(program)}, program_text(program).rstrip("\n"))
        return
    rows: list[tuple[str, object]] = [(name, facts[name]) for name in facts if name not in ("features", "metadata")]
    rows += [(f"metadata {name}", value) for name, value in facts["metadata"].items() if name != QUANTISERS]
    maps = quantisers_of(program) if QUANTISERS in program.metadata else ()
    units = {one.name: f"  offset {_number(one.offset)}, step {_number(one.step)}" for one in maps}
    out.result(facts, rows_text(rows) + "\n\n" + _features_text(facts["features"], units))


def _number(value: Fraction) -> str:
    """For people; the metadata of --json hold the exact fraction."""
    return f"{float(value):.6g}"


def _features_text(features: list[dict[str, Any]], units: Mapping[str, str]) -> str:
    """The features that the model looks at most, with their quantisers."""
    (use,) = set(features[0]) - {"name", "low", "high"}
    order = sorted(features, key=lambda feature: -abs(feature[use]))
    shown = [feature for feature in order if feature[use]][:_SHOWN_FEATURES]
    width = max((len(feature["name"]) for feature in shown), default=0)
    lines = [f"{len(features)} features, those with the most {use}:"]
    lines += [
        f"  {f['name']:<{width}}  {f[use]:>12,}  in [{f['low']:,}, {f['high']:,}]{units.get(f['name'], '')}"
        for f in shown
    ]
    return "\n".join(lines)
