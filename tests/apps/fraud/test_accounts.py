"""Scores of accounts against a plain loop over the transfers."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from tallystick.apps.fraud import AccountScores, AccountTable, Scored, Scorer, score_stream, write_accounts
from tallystick.errors import RangeError
from tallystick.exact import FastProgram, Program

from .world import World

Line = tuple[bytes, int, bool, int]


def naive(scored: Scored, program: Program, after: int | None) -> list[Line]:
    """Every account's scores in a list, one a transfer; a transfer to oneself is one, seen as the receiver."""
    history: dict[bytes, list[int]] = defaultdict(list)
    for row in scored.predictions.to_pylist():
        if row["from_address"] != row["to_address"]:
            history[row["from_address"]].append(row["sender_ppm"])
        if row["to_address"] is not None:
            history[row["to_address"]].append(row["receiver_ppm"])
    lines = []
    for address, scores in history.items():
        at = len(scores) if after is None else after
        if len(scores) >= at:
            lines.append((address, scores[at - 1], scores[at - 1] >= program.threshold_ppm, at))
    return lines


def lines_of(table: AccountTable) -> list[Line]:
    columns = (table.address, table.score_ppm.tolist(), table.flag.tolist(), table.transfers_seen.tolist())
    return [(bytes(address), *rest) for address, *rest in zip(*columns, strict=True)]


@pytest.mark.parametrize("after", [None, 1, 2, 3, 7, 13, 1_000])
def test_scores_against_a_plain_loop(world: World, program: Program, scored: Scored, after: int | None) -> None:
    scorer = Scorer(program)
    accounts = AccountScores(scorer, after)
    for table in world.source().batches(100):
        accounts.add(scorer.score(table))
    assert sorted(lines_of(accounts.table())) == sorted(naive(scored, program, after))


def test_order_is_that_of_first_appearance(world: World, program: Program) -> None:
    scorer = Scorer(program)
    accounts = AccountScores(scorer)
    seen: dict[bytes, None] = {}
    for scored in score_stream(world.source(), scorer):
        accounts.add(scored)
        for row in scored.transfers.to_pylist():
            seen |= dict.fromkeys(name for name in (row["from_address"], row["to_address"]) if name is not None)
    assert [line[0] for line in lines_of(accounts.table())] == list(seen)


@pytest.mark.parametrize("after", [1, 3, 10])
def test_an_accounts_kth_transfer_is_the_one_it_is_judged_at(world: World, program: Program, after: int) -> None:
    """Scoring and judging count an account's transfers by one rule, tokens and transfers to itself too."""
    scorer = Scorer(program)
    accounts = AccountScores(scorer, after)
    for scored in score_stream(world.source(), scorer):
        accounts.add(scored)
    served = {address: (ppm, seen) for address, ppm, _, seen in lines_of(accounts.table()) if address in world.labels}
    rows = world.rows()
    at = np.flatnonzero(rows.transfer == after)
    _, ppm = FastProgram(program).score(rows.rows[at])
    judged = zip(rows.account[at].tolist(), ppm.tolist(), strict=True)
    assert served == {rows.addresses[account]: (score, after) for account, score in judged}


def test_the_world_has_transfers_to_oneself(world: World) -> None:
    assert any(row["from_address"] == row["to_address"] for row in world.table.to_pylist())


def test_no_transfers_no_accounts(scorer: Scorer) -> None:
    assert lines_of(AccountScores(scorer).table()) == []


@pytest.mark.parametrize("after", [0, -1])
def test_invalid_after(scorer: Scorer, after: int) -> None:
    with pytest.raises(RangeError, match="counts an account's transfers from 1"):
        AccountScores(scorer, after)


def test_write_accounts(scored: Scored, program: Program, world: World, tmp_path: Path) -> None:
    scorer = Scorer(program)
    accounts = AccountScores(scorer)
    for part in score_stream(world.source(), scorer):
        accounts.add(part)
    table = accounts.table()
    write_accounts(table, tmp_path / "scores.csv")
    text = (tmp_path / "scores.csv").read_text()
    assert text.startswith("account,score_ppm,flag,transfers_seen\n0x")
    assert text.endswith("\n")
    with (tmp_path / "scores.csv").open(newline="") as file:
        read = [
            (bytes.fromhex(row["account"][2:]), int(row["score_ppm"]), row["flag"] == "1", int(row["transfers_seen"]))
            for row in csv.DictReader(file)
        ]
    assert read == lines_of(table)
    assert {line.split(",")[2] for line in text.splitlines()[1:]} == {"0", "1"}
