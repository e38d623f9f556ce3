"""``tally config``: the settings and where each comes from."""

from __future__ import annotations

from typing import Any

import typer

from tallystick.cli._session import Output, with_settings
from tallystick.settings import Settings, load_settings, redact, settings_table

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    config = typer.Typer(help="Settings and where they come from.", no_args_is_help=True)
    config.command("show", help=_show.__doc__)(with_settings()(_show))
    app.add_typer(config, name="config")


def _show(
    origin: bool = typer.Option(False, "--origin", help="Also show where each value comes from."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Show every setting.

    Example: tally config show --origin
    """
    resolved = load_settings()
    rows: dict[str, dict[str, Any]] = {}
    for name, row in settings_table().items():
        value = getattr(settings, name)
        shown = ("********" if value else "") if row.secret else redact(str(value), settings)
        rows[name] = {"value": shown, "unit": row.unit, "origin": resolved.origin[name]}
    width = max(len(name) for name in rows)
    lines = [
        f"{name:<{width}}  {_value(row)}" + (f"  ({row['origin']})" if origin else "") for name, row in rows.items()
    ]
    out.result(rows, "\n".join(lines))


def _value(row: dict[str, Any]) -> str:
    """Value with its unit; paths and the like say themselves what they are."""
    counted = row["value"].isdecimal()
    return f"{row['value']} {row['unit']}".rstrip() if counted else row["value"] or "not set"
