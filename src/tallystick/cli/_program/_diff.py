"""``tally program diff``: what changed, and what that does to scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.exact import Change, Program

__all__ = ["register"]

_ROWS: Final = 2_000
_SHOWN: Final = 100  # characters of a value
_CHANGES: Final = 20  # shown to people


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("diff", help=_diff.__doc__)(with_settings()(_diff))


def _diff(
    old: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    new: str = typer.Argument(help="The one to compare it with."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Say what differs between two programs, field by field, and on how many rows their scores and flags differ.

    The rows stand at the thresholds of both, one either side, at the corners of the domain, and at random. Exit code 0
    where the programs are the same, 3 where they differ.

    Example: tally program diff tsgn-v1 model/
    """
    from tallystick.apps.fraud import find_model
    from tallystick.exact import diff_programs

    one, two = find_model(old).program, find_model(new).program
    changes = diff_programs(one, two)
    scores = _scores(one, two) if changes and one.features == two.features else {}
    facts: dict[str, Any] = {
        "old": "0x" + one.hash.hex(),
        "new": "0x" + two.hash.hex(),
        "same": not changes,
        "changes": [change._asdict() for change in changes],
        "scores": scores,
    }
    out.result(facts, _text(changes, scores) if changes else f"the same program, {facts['old']}")
    if changes:
        raise typer.Exit(3)


def _scores(one: Program, two: Program) -> dict[str, Any]:
    """How far two programs with the same inputs are apart on probe rows."""
    import numpy as np

    from tallystick.exact import FastProgram
    from tallystick.runtimes import probe_rows

    rows = np.concatenate([probe_rows(one, _ROWS // 2), probe_rows(two, _ROWS // 2)])
    (raw_one, ppm_one), (raw_two, ppm_two) = (FastProgram(program).score(rows) for program in (one, two))
    flags = (ppm_one >= one.threshold_ppm) != (ppm_two >= two.threshold_ppm)
    return {
        "rows": len(rows),
        "raw_differs": int((raw_one != raw_two).sum()),
        # Python integers: two raw scores may be further apart than int64 reaches
        "largest_raw_difference": max(abs(a - b) for a, b in zip(raw_one.tolist(), raw_two.tolist(), strict=True)),
        "largest_ppm_difference": int(np.abs(ppm_one.astype(np.int64) - ppm_two.astype(np.int64)).max()),
        "flag_differs": int(flags.sum()),
    }


def _text(changes: list[Change], scores: dict[str, Any]) -> str:
    lines = [f"{change.what}\n  - {_short(change.old)}\n  + {_short(change.new)}" for change in changes[:_CHANGES]]
    if len(changes) > _CHANGES:
        lines.append(f"and {len(changes) - _CHANGES:,} more changes; --json has all")
    if scores:
        lines += ["", "on rows at thresholds, corners and anywhere:", rows_text(list(scores.items()))]
    return "\n".join(lines)


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters)"
