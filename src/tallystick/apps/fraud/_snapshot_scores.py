"""Scoring accounts as a whole source leaves them."""

from __future__ import annotations

from tallystick.apps.fraud._accounts import AccountTable
from tallystick.errors import SpecMismatch
from tallystick.exact import FastProgram, Program
from tallystick.features.snapshot import SNAPSHOT, snapshot_rows
from tallystick.sources import Source
from tallystick.units import format_hash

__all__ = ["score_snapshot", "takes_snapshot"]


def takes_snapshot(program: Program) -> bool:
    """Whether a program was made for the snapshot view: its feature spec tells."""
    return program.feature_spec_hash == SNAPSHOT.hash


def score_snapshot(source: Source, program: Program) -> AccountTable:
    """Score every account of a source, whichever kind the source is.

    ``transfers_seen`` counts the account's payments.

    Raises
    ------
    SpecMismatch
        The program was made for other features.
    """
    if not takes_snapshot(program):
        want, have = format_hash(program.feature_spec_hash)[:18], format_hash(SNAPSHOT.hash)[:18]
        raise SpecMismatch(f"the model was made for feature spec {want}…, the snapshot view computes {have}…")
    found = snapshot_rows(source.read())
    _, ppm = FastProgram(program).score(found.rows)
    ppm = ppm.astype("int64")
    return AccountTable(found.addresses, ppm, ppm >= program.threshold_ppm, found.payments)
