"""``tally program import``: a trained model of another library as a program, and what that cost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from tallystick.cli._program._rows import columns_of, read_rows
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError, did_you_mean
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.exact.importers import QuantisationReport

__all__ = ["register"]

_PICKLES: Final = (".pkl", ".pickle", ".joblib")


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("import", help=_import.__doc__)(with_settings()(_import))


def _import(
    model: Path = typer.Argument(
        help="Model file: LightGBM text, XGBoost JSON or UBJSON, CatBoost JSON, ONNX, or a pickle."
    ),
    rows: Path = typer.Option(
        ..., "--rows", help="Training rows, .csv or .parquet: a column for each feature, in order."
    ),
    output: Path = typer.Option(..., "-o", "--output", help="Program file to write."),
    label: str = typer.Option("", "--label", help="Column of the rows that holds the label."),
    test_rows: Path | None = typer.Option(None, "--test-rows", help="Report on these rows as well."),
    bits: int = typer.Option(
        16, "--bits", min=1, max=32, help="Integers of a feature with fractions are in [0, 2^bits)."
    ),
    range_: list[str] = typer.Option(
        [], "--range", help="NAME=LOW:HIGH; the rows' own range by default.", metavar="RANGE"
    ),
    clip: bool = typer.Option(False, "--clip", help="Values outside a range become its end; by default an error."),
    scale_bits: int = typer.Option(24, "--scale-bits", min=0, max=62, help="Raw scores are in units of 2^-scale_bits."),
    iterations: int | None = typer.Option(None, help="Boosting rounds to use; the best round by default.", metavar="N"),
    decision: int = typer.Option(
        0, help="Output that is calibrated and flagged, of a model with several.", metavar="K"
    ),
    unpickle: bool = typer.Option(False, "--unpickle", help="Load a pickle. It can run any code: trust who made it."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Turn a trained model into an exact program, and say on your own rows what that cost.

    Features that are whole numbers are kept. Others are put on a grid of 2^bits steps over their range; the program
    holds the grid, so `tally program score` takes the same rows. The report compares the float model with the program:
    AUC and accuracy where there are labels, the largest difference of scores, the decisions that changed.

    Example: tally program import model.txt --rows train.csv --label y -o model.tally
    """
    from tallystick.exact import save_program
    from tallystick.exact.importers import ImportOptions, QuantiserOptions, import_quantised
    from tallystick.hashing import keccak256

    source = _load(model, unpickle)
    table = read_rows(rows)
    names = [name for name in table.columns if name != label]
    made = import_quantised(
        source,
        _frame(rows, names),
        bytes(32),
        QuantiserOptions(bits, _ranges(range_), clip),
        ImportOptions(scale_bits, decision=decision, iterations=iterations),
        _labels(rows, label),
    )
    used = [feature.name for feature in made.program.features]
    program = replace(made.program, feature_spec_hash=keccak256("\n".join(used).encode("utf-8")))
    save_program(program, output)
    reports = {"rows": made.report}
    if test_rows is not None:
        reports["test_rows"] = made.measure(_frame(test_rows, names), _labels(test_rows, label))
    facts: dict[str, Any] = {"program": str(output), "hash": "0x" + program.hash.hex()}
    facts |= {"outputs": program.model.outputs, "features": len(used), "bytes": len(program.to_bytes())}
    text = rows_text(list(facts.items())) + "".join(_text(name, report) for name, report in reports.items())
    out.result({**facts, "reports": {name: report.as_json() for name, report in reports.items()}}, text)


def _load(path: Path, unpickle: bool) -> Any:
    """What the importers take: a path, or the object in a pickle."""
    if path.suffix not in _PICKLES:
        return path
    if not unpickle:
        step = "Add --unpickle if you trust who made it, or export the model to ONNX."
        raise InputError("a pickle can run any code when it is loaded", file=str(path), next_step=step)
    import pickle

    try:
        if path.suffix == ".joblib":
            import joblib

            return joblib.load(path)
        return pickle.loads(path.read_bytes())
    except Exception as error:
        # Whatever a pickle raises is about the pickle.
        step = "Load it with the versions it was saved with, or export the model to ONNX."
        raise InputError(
            "the pickle cannot be loaded", file=str(path), value=repr(error)[:80], next_step=step
        ) from error


def _frame(path: Path, names: list[str]) -> Any:
    """Rows with their names, as float64."""
    import numpy as np
    import polars as pl

    return pl.DataFrame(columns_of(read_rows(path), names, path).astype(np.float64), schema=names, orient="row")


def _labels(path: Path, label: str) -> Any:
    if not label:
        return None
    table = read_rows(path)
    if label not in table.columns:
        cause = "there is no column of the label" + did_you_mean(label, table.columns)
        raise InputError(cause, file=str(path), name=label, next_step="Name the column with --label.")
    return table[label].to_numpy()


def _ranges(texts: list[str]) -> dict[str, tuple[object, object]]:
    found: dict[str, tuple[object, object]] = {}
    for text in texts:
        name, equals, ends = text.rpartition("=")
        low, colon, high = ends.partition(":")
        if not (name and equals and colon):
            raise InputError("a range is written NAME=LOW:HIGH", value=text, next_step="As in --range price=0:100.")
        found[name] = (low, high)
    return found


def _text(name: str, report: QuantisationReport) -> str:
    return f"\n\non {name}\n  " + report.text.rstrip("\n").replace("\n", "\n  ")
