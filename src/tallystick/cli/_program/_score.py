"""``tally program score``: rows of a file, in a program's own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from tallystick.cli._program._rows import columns_of, read_rows
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError
from tallystick.settings import Settings

if TYPE_CHECKING:
    import polars as pl

    from tallystick.exact import FastProgram, Program

__all__ = ["integer_rows", "register", "scores_frame"]

_SHOWN: Final = 10  # scores


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("score", help=_score.__doc__)(with_settings()(_score))


def _score(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    rows: Path = typer.Argument(help="Rows: .csv or .parquet with a column for each feature."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Write every score as .csv."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Score the rows of a table. A program that was imported with quantisers takes the table's floats.

    Each row gets the raw score of every output; of several outputs the winner and, where the program names them, its
    class; ppm and flag where the program has a table from raw score to ppm. Without -o the first 10 are shown.

    Example: tally program score model.tally rows.csv -o scores.csv
    """
    from tallystick.apps.fraud import find_model
    from tallystick.exact import FastProgram
    from tallystick.store import write_bytes

    program = find_model(file).program
    scores = scores_frame(FastProgram(program), integer_rows(program, rows))
    facts: dict[str, Any] = {"program": "0x" + program.hash.hex(), "rows": len(scores)}
    if _calibrated(program):
        facts["flagged"] = int(scores["flag"].sum())
    facts["file"] = str(output) if output else None
    if output is not None:
        write_bytes(output, scores.write_csv().encode("utf-8"))
    first = scores.head(_SHOWN).rows(named=True)
    out.result({**facts, "scores": first}, _text(program, facts, first))


def scores_frame(fast: FastProgram, values: Any) -> pl.DataFrame:
    """A line for each row: raw score of each output, who wins among several, ppm and flag where there is a table."""
    import polars as pl

    program = fast.program
    outputs = fast.outputs(values)
    columns: dict[str, Any] = {"row": range(len(values))}
    columns |= {f"raw_{index}": outputs[:, index] for index in range(program.model.outputs)}
    if program.model.outputs > 1:
        winner = outputs.argmax(axis=1)
        columns["winner"] = winner
        if names := _classes(program):
            columns["class"] = [names[index] for index in winner]
    if _calibrated(program):
        _, ppm = fast.score(values)
        columns |= {"ppm": ppm, "flag": ppm >= program.threshold_ppm}
    return pl.DataFrame(columns)


def _calibrated(program: Program) -> bool:
    """Whether ppm say anything: a table of one step gives every row the same."""
    return len(program.calibration.raw) > 1


def _classes(program: Program) -> list[str]:
    """Names of the outputs' classes, as importers keep them; none where the metadata say something else."""
    try:
        names = json.loads(str(program.metadata.get("classes")))
    except (ValueError, RecursionError):
        return []
    fits = isinstance(names, list) and len(names) == program.model.outputs
    return [str(name) for name in names] if fits else []


def _text(program: Program, facts: dict[str, Any], first: list[dict[str, Any]]) -> str:
    lines = [rows_text([(name, value) for name, value in facts.items() if value is not None])]
    if not _calibrated(program):
        lines.append("The program has no table from raw score to ppm, so there are no ppm and no flags.")
    if facts["file"] is None and first:
        head = "the scores:" if len(first) == facts["rows"] else f"the first {len(first)}; -o FILE.csv writes all:"
        lines += ["", head, _table(first)]
    return "\n".join(lines)


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(f"{cell:>{w}}" for cell, w in zip(line, widths, strict=True)) for line in cells)


def integer_rows(program: Program, file: Path) -> Any:
    """Rows of a file as a program takes them, (rows, features) int64.

    Raises
    ------
    InputError
        The file cannot be read, or holds fractions and the program has no quantisers.
    RangeError
        A value is outside its feature's domain.
    """
    import numpy as np

    from tallystick.exact.importers import QUANTISERS, quantise

    names = [feature.name for feature in program.features]
    values = columns_of(read_rows(file), names, file)
    if QUANTISERS in program.metadata:
        return quantise(program, values)
    if values.dtype != np.int64:
        step = "Give integers, or import the model with quantisers: tally program import MODEL --rows FILE."
        raise InputError("the program takes integers, the file holds fractions", file=str(file), next_step=step)
    return values
