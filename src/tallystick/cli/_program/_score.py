"""``tally program score``: rows of a file, in a program's own words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._program._rows import columns_of, read_rows
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.exact import Program

__all__ = ["integer_rows", "register"]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("score", help=_score.__doc__)(with_settings()(_score))


def _score(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    rows: Path = typer.Argument(help="Rows: .csv or .parquet with a column for each feature."),
    output: Path | None = typer.Option(None, "-o", "--output", help="Write .csv: row, raw of each output, ppm, flag."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Score the rows of a table. A program that was imported with quantisers takes the table's floats.

    Example: tally program score model.tally rows.csv -o scores.csv
    """
    import polars as pl

    from tallystick.apps.fraud import find_model
    from tallystick.exact import FastProgram
    from tallystick.store import write_bytes

    program = find_model(file).program
    values = integer_rows(program, rows)
    fast = FastProgram(program)
    outputs, (_, ppm) = fast.outputs(values), fast.score(values)
    flags = ppm >= program.threshold_ppm
    table: dict[str, Any] = {f"raw_{index}": outputs[:, index] for index in range(program.model.outputs)}
    if program.model.outputs > 1:
        table["winner"] = outputs.argmax(axis=1)
    if output is not None:
        frame = pl.DataFrame({"row": range(len(values)), **table, "ppm": ppm, "flag": flags})
        write_bytes(output, frame.write_csv().encode("ascii"))
    facts = {
        "program": "0x" + program.hash.hex(),
        "rows": len(values),
        "flagged": int(flags.sum()),
        "file": str(output) if output else "none written; give -o FILE.csv",
    }
    out.result(facts, rows_text(list(facts.items())))


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
