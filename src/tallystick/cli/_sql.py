"""``tally sql``: questions over the project's tables."""

from __future__ import annotations

import typer

from tallystick.cli._session import Output, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("sql", help=_sql.__doc__)(with_settings("project")(_sql))


def _sql(
    question: str | None = typer.Argument(None, help="One SELECT; without it, the tables are listed."),
    limit: int = typer.Option(50, help="Most rows shown as text; --json gives all."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Ask the project's tables in SQL: transfers, predictions and whatever else is there.

    Binary cells are shown as hexadecimal text; ether(value_binary) is an amount, address('0x…') a cell to compare with.

    Example: tally sql "select to_address, max(receiver_ppm) from predictions group by 1"
    """
    from tallystick.store import Project, query_frame, tables

    with Project.open(settings.project, readonly=True) as project:
        if question is None:
            known = tables(project)
            lines = [f"{info.name}  {info.rows:,} rows\n  {', '.join(info.columns)}" for info in known]
            found = {info.name: {"rows": info.rows, "columns": list(info.columns)} for info in known}
            out.result(found, "\n".join(lines) or "no tables yet")
            return
        import polars as pl

        frame = query_frame(project, question)
        binary = [name for name, kind in frame.schema.items() if kind == pl.Binary]
        frame = frame.with_columns(("0x" + pl.col(name).bin.encode("hex")).alias(name) for name in binary)
        with pl.Config(
            tbl_rows=limit, tbl_cols=-1, tbl_width_chars=-1, fmt_str_lengths=80, tbl_hide_dataframe_shape=True
        ):
            shown = str(frame)
        out.result({"columns": frame.columns, "rows": frame.rows()}, f"{shown}\n{_count(frame.height, limit)}")


def _count(rows: int, limit: int) -> str:
    text = f"{rows:,} row" + ("" if rows == 1 else "s")
    return f"{text}, {limit:,} shown" if rows > limit else text
