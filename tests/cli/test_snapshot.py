"""A graph of accounts from the command line: train on it, score every account, refuse what a graph cannot tell."""

from __future__ import annotations

import csv
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tallystick.apps.fraud import _training
from tallystick.apps.fraud._snapshot_model import SnapshotRecipe

from .calls import call, good, refused


@pytest.fixture(autouse=True)
def small_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_training, "SnapshotRecipe", partial(SnapshotRecipe, 10, 1, 2, 1))


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty labelled accounts: collectors are paid by many within hours, others by few within months."""
    folder, draw = tmp_path_factory.mktemp("graph"), Random(1)
    edges, payer = [], 1_000
    for account in range(40):
        collects = account % 2
        for _ in range(12 if collects else 3):
            payer += 1
            time = 1_500_000_000 + account * 86_400 + draw.randrange(7_200 if collects else 10**7)
            edges.append((payer, account, round(draw.uniform(0.1, 5), 3), 1, time))
    lines = [",from,to,amount,n_transactions,timestamp"]
    lines += [f"{k},{','.join(map(str, edge))}" for k, edge in enumerate(edges)]
    (folder / "edges.csv").write_text("\n".join(lines) + "\n")
    labels = [f"{account},{account},{account % 2}.0,True,True,False" for account in range(40)]
    (folder / "nodes.csv").write_text("\n".join([",id,label,has_label,is_train,is_test", *labels]) + "\n")
    return folder


def test_train_and_score_every_account(graph: Path) -> None:
    trained = good("train", f"tedge:{graph}", "-o", "model", "--json").json
    assert trained["evaluation"]["protocol"]["kind"] == "cross-validation"
    assert (trained["data"]["accounts"], trained["data"]["positives"]) == (40, 20)
    assert {path.name for path in Path("model").iterdir()} == {"card.json", "card.md", "dataset.json", "program.tally"}
    score = ("score", f"tedge:{graph}", "--model", "model", "--per", "account")
    facts = good(*score, "-o", "scores.csv", "--json").json
    with Path("scores.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[:3] == ["account", "score_ppm", "flag"]
    assert facts["accounts"] == len(rows) == len({row["account"] for row in rows}) == 340
    assert (facts["transfers"], facts["flagged"]) == (300, sum(row["flag"] == "1" for row in rows))
    flags = {int(row["account"][-16:], 16): row["flag"] == "1" for row in rows}
    assert sum(flags[account] == bool(account % 2) for account in range(40)) >= 38
    assert "none written" in good(*score).out


def test_invalid_stream_model_on_a_graph(graph: Path) -> None:
    refused(call("score", f"tedge:{graph}", "--per", "account"), "T200", 2, "graph of accounts")


def test_invalid_questions_about_moments(graph: Path) -> None:
    good("train", f"tedge:{graph}", "-o", "model")
    for flags in (("--per", "transfer"), ("--keep",), ("--after", 3)):
        refused(call("score", f"tedge:{graph}", "--model", "model", *flags), "T200", 2, "as a whole source leaves")
    refused(call("train", f"tedge:{graph}", "-o", "other", "--early-part"), "T600", 1, "no earlier part")
