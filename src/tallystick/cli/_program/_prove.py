"""``tally program prove`` and ``accept``: a proof that a program gives a row these scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from tallystick.cli._program._score import integer_rows
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError, RangeError
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.runtimes.zk import Srs

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    """Add the verbs."""
    program.command("prove", help=_prove.__doc__)(with_settings("project")(_prove))
    program.command("accept", help=_accept.__doc__)(with_settings("project")(_accept))


def _prove(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    rows: Path = typer.Argument(help="Rows: .csv or .parquet with a column for each feature."),
    row: int = typer.Option(0, "--row", help="Which row of the file, from 0."),
    output: Path = typer.Option(..., "-o", "--output", help="Proof file to write."),
    srs: Path | None = typer.Option(None, "--srs", help="A ceremony's string; a test string by default."),
    srs_sha256: str = typer.Option("", "--srs-sha256", help="Its hash, as the ceremony published it."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Prove what a program gives for one row. Needs the extra zk, whose package has no licence.

    Keys are made once for each program and kept in the project. Without --srs the proof is good for tests only: whoever
    made the string can forge.

    Example: tally program prove model.tally test.csv --row 3 -o row.proof.json
    """
    from tallystick.apps.fraud import find_model
    from tallystick.runtimes.zk import prove
    from tallystick.store import make_folder, write_bytes

    program = find_model(file).program
    values = integer_rows(program, rows)
    if not 0 <= row < len(values):
        raise RangeError(f"the file has rows 0 to {len(values) - 1}", value=row)
    out.say("  proving; the first time the program's keys are made")
    keys = make_folder(settings.project / "keys")
    proof = prove(program, values[row].tolist(), keys, _srs(srs, srs_sha256))
    write_bytes(output, proof.to_json().encode("ascii"))
    facts = {
        "program": "0x" + program.hash.hex(),
        "outputs": list(proof.outputs),
        "proof_bytes": len(proof.proof),
        "for_tests_only": proof.test_srs,
        "file": str(output),
    }
    out.result(facts, rows_text(list(facts.items())))


def _accept(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    proof: Path = typer.Argument(help="Proof file."),
    srs: Path | None = typer.Option(None, "--srs", help="The string it was made with; this machine's own by default."),
    srs_sha256: str = typer.Option("", "--srs-sha256", help="Its hash, as the ceremony published it."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Check a proof against a program; the verifying key is derived from the program.

    Exit code 3 where it does not hold.

    Example: tally program accept model.tally row.proof.json
    """
    from tallystick.apps.fraud import find_model
    from tallystick.runtimes.zk import Proof, verify
    from tallystick.store import make_folder

    program = find_model(file).program
    try:
        claim = Proof.from_json(proof.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        step = "Give the file that `tally program prove -o` wrote."
        raise InputError("the proof cannot be read", file=str(proof), next_step=step) from error
    verify(program, claim, make_folder(settings.project / "keys"), _srs(srs, srs_sha256))
    values = dict(zip((feature.name for feature in program.features), claim.row, strict=True))
    facts = {
        "proven": True,
        "program": "0x" + program.hash.hex(),
        "outputs": list(claim.outputs),
        "for_tests_only": claim.test_srs,
        "row": values,
    }
    out.result(facts, rows_text(list(facts.items())))


def _srs(path: Path | None, sha256: str) -> Srs | None:
    from tallystick.runtimes.zk import ceremony_srs

    if path is None:
        return None
    if not sha256:
        step = "Add --srs-sha256 with the hash that the ceremony's organisers published."
        raise InputError("a string is taken together with its hash only", file=str(path), next_step=step)
    return ceremony_srs(path, sha256)
