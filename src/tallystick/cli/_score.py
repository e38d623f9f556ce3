"""``tally score``: scores of accounts or transfers, from any source and any model."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError, RangeError
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.apps.fraud import Scorer
    from tallystick.exact import Program
    from tallystick.sources import Source

__all__ = ["register"]

_NO_FILE = "none written; give -o FILE.csv"


class Per(StrEnum):
    """What one line of the output is about."""

    ACCOUNT = "account"
    TRANSFER = "transfer"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    flags = ("project", "rpc_url", "chain_id", "alert_ppm", "alert_after")
    app.command("score", help=_score.__doc__)(with_settings(*flags)(_score))


def _score(
    source: str = typer.Argument(help="KIND:PATH_OR_URL\\[#FIRST:LAST]"),
    model: str = typer.Option(
        "tsgn-v1", "-m", "--model", help="Model folder, program file, or a shipped model's name."
    ),
    per: Per = typer.Option(Per.ACCOUNT, help="One line an account, or a transfer."),
    output: Path | None = typer.Option(None, "-o", "--output", help="File: .csv, or .parquet with --per transfer."),
    after: int | None = typer.Option(None, help="Take an account's score at its K-th transfer.", metavar="K"),
    keep: bool = typer.Option(
        False, "--keep", help="Keep transfers and predictions in the project, for `tally commit`."
    ),
    skip_bad_rows: bool = typer.Option(False, "--skip-bad-rows", help="Count and leave out malformed rows."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Score a source with a model.

    Accounts: account,score_ppm,flag,transfers_seen; the score is that of the account's last transfer, or of
    its K-th with --after K (accounts with fewer are left out). A model that was trained on a graph of accounts, such
    as T-EDGE, scores every account once, as the whole source leaves it.

    Example: tally score --model tsgn-v1 xblock:../shared/data/tsgn --per account -o scores.csv
    """
    from tallystick.apps.fraud import Scorer, find_model, takes_snapshot
    from tallystick.sources import open_source, safe_source

    _check_options(per, output, after, keep)
    found = find_model(model)
    opened = open_source(source, settings=settings, skip_bad_rows=skip_bad_rows)
    whole = takes_snapshot(found.program)
    if whole:
        _check_whole(per, after, keep)
    elif opened.is_graph:
        cause = f"{model} scores the transfers of a stream; {opened.kind} is a graph of accounts"
        step = f"Train a model of the graph: tally train {safe_source(source)} -o MODEL; then give --model MODEL."
        raise InputError(cause, name=model, next_step=step)
    out.say(f"score {safe_source(source)} with {model}, program 0x{found.program.hash.hex()[:16]}…")
    if whole:
        data = _whole(opened, found.program, output)
    elif keep:
        data = _keep(opened, Scorer(found.program), source, str(found.path), settings, out)
    elif per is Per.TRANSFER:
        data = _transfers(opened, Scorer(found.program), output, out)
    else:
        data = _accounts(opened, Scorer(found.program), after, output, out)
    if opened.bad_rows.count:
        data["bad_rows"] = opened.bad_rows.count
        out.left_out(opened.bad_rows)
    out.result(data, rows_text(list(data.items())))


def _check_options(per: Per, output: Path | None, after: int | None, keep: bool) -> None:
    """Refuse what would otherwise be silently left undone."""
    if after is not None and after < 1:
        raise RangeError("--after counts an account's transfers from 1", value=after)
    if keep and (output is not None or after is not None):
        raise InputError("--keep writes tables into the project, no file", next_step="Leave out -o and --after.")
    if after is not None and per is Per.TRANSFER:
        raise InputError("--after is about accounts", next_step="Leave out --after, or ask --per account.")
    if output is not None and output.suffix == ".parquet" and per is Per.ACCOUNT:
        raise InputError("scores per account are written as CSV", file=str(output), next_step="Name a .csv file.")


def _check_whole(per: Per, after: int | None, keep: bool) -> None:
    """Refuse to ask a model of whole sources about moments of a stream."""
    if per is Per.TRANSFER or keep or after is not None:
        cause = "this model scores accounts as a whole source leaves them, no single transfers"
        raise InputError(cause, next_step="Leave out --per transfer, --keep and --after, or name another --model.")


def _whole(source: Source, program: Program, output: Path | None) -> dict[str, Any]:
    from tallystick.apps.fraud import score_snapshot, write_accounts

    table = score_snapshot(source, program)
    if output is not None:
        write_accounts(table, output)
    return {
        "transfers": source.describe()["rows"],
        "accounts": len(table.flag),
        "flagged": int(table.flag.sum()),
        "file": str(output) if output else _NO_FILE,
    }


def _accounts(source: Source, scorer: Scorer, after: int | None, output: Path | None, out: Output) -> dict[str, Any]:
    from tallystick.apps.fraud import AccountScores, score_stream, write_accounts

    accounts = AccountScores(scorer, after)
    done = 0
    with out.progress() as progress:
        for scored in score_stream(source, scorer):
            accounts.add(scored)
            done += scored.transfers.num_rows
            progress("score", done, None)
    table = accounts.table()
    if output is not None:
        write_accounts(table, output)
    return {
        "transfers": done,
        "accounts": len(table.flag),
        "flagged": int(table.flag.sum()),
        "file": str(output) if output else _NO_FILE,
    }


def _transfers(source: Source, scorer: Scorer, output: Path | None, out: Output) -> dict[str, Any]:
    import pyarrow as pa

    from tallystick.apps.fraud import score_stream
    from tallystick.store import PREDICTIONS

    parts = [PREDICTIONS.schema.empty_table()]
    with out.progress() as progress:
        for scored in score_stream(source, scorer):
            parts.append(scored.predictions)
            progress("score", sum(part.num_rows for part in parts), None)
    table = pa.concat_tables(parts)
    if output is not None:
        _write_predictions(table, output)
    import pyarrow.compute as pc

    flagged = pc.sum(table["flag"]).as_py() or 0
    return {"transfers": table.num_rows, "flagged": flagged, "file": str(output) if output else _NO_FILE}


def _write_predictions(table: Any, output: Path) -> None:
    """Write predictions as Parquet, or as CSV with hexadecimal addresses and hashes."""
    import io

    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    from tallystick.store import write_bytes

    buffer = io.BytesIO()
    if output.suffix == ".parquet":
        pyarrow.parquet.write_table(table, buffer)
    else:
        for name in ("transaction_hash", "from_address", "to_address"):
            text = [None if cell is None else "0x" + cell.hex() for cell in table[name].to_pylist()]
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(text, pa.string()))
        pyarrow.csv.write_csv(table, buffer)
    write_bytes(output, buffer.getvalue())


def _keep(source: Source, scorer: Scorer, text: str, model: str, settings: Settings, out: Output) -> dict[str, Any]:
    from tallystick.apps.fraud import RunRecord, score_to_project, write_record
    from tallystick.sources import safe_source
    from tallystick.store import Project

    with (
        Project.open(settings.project, command="tally score --keep", state_url=settings.state_url) as project,
        out.progress() as progress,
    ):
        result = score_to_project(project, source, scorer, 0, None, settings, progress)
        write_record(
            project.path,
            RunRecord(safe_source(text), str(Path(model).absolute()), result.run, skip_bad_rows=source.bad_rows.skip),
        )
    return {
        "transfers": result.transfers,
        "alerts": len(result.alerts),
        "run": result.run,
        "project": str(settings.project),
        "next": "tally register MODEL, then tally commit",
    }
