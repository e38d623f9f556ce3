"""Verbs that need no chain: data, features, score, sql, train."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tallystick.apps.fraud import find_model
from tallystick.features import SPEC
from tallystick.sources import label_kinds, source_kinds
from tallystick.store import PREDICTIONS, TRANSFERS

from .calls import call, good, refused
from .streams import read_rows, write_rows


def rows_of(stream: Path) -> int:
    return len(read_rows(stream / "transactions.csv"))


def test_data_kinds() -> None:
    content = good("data", "kinds", "--json").json
    assert list(content["sources"]) == list(source_kinds())
    assert content["labels"] == list(label_kinds())
    text = good("data", "kinds").out
    assert "lacks gas; tokens" in text
    assert ", ".join(label_kinds()) in text


def test_data_show(stream: Path) -> None:
    rows = read_rows(stream / "transactions.csv")
    facts = good("data", "show", f"xblock:{stream}", "--json").json
    assert facts["rows"] == len(rows)
    assert (facts["first_block"], facts["last_block"]) == (int(rows[0]["block"]), int(rows[-1]["block"]))
    assert facts["labels"] == len(read_rows(stream / "labels.csv"))
    assert facts["bad_rows"] == 0
    text = good("data", "show", f"xblock:{stream}").out
    assert f"rows          {len(rows):,}\n" in text
    assert "range         all blocks" in text
    assert "2017-07-" in text
    part = good("data", "show", f"xblock:{stream}#5:5").out
    assert "blocks 5:5" in part
    assert "first block" not in part


def test_data_labels(stream: Path, tmp_path: Path) -> None:
    facts = good("data", "labels", f"xblock:{stream}", "--json").json
    assert sum(facts["categories"].values()) == facts["labels"] == len(read_rows(stream / "labels.csv"))
    assert "phishing" in good("data", "labels", f"xblock:{stream}").out
    assert (facts["dated"], "first_known_time" in facts) == (0, False)
    dated = good("data", "labels", f"xblock:{stream}#2024-09-27", "--json").json
    assert (dated["dated"], dated["first_known_time"]) == (facts["labels"], 1_727_481_600)
    assert "2024-09-28 00:00:00 UTC" in good("data", "labels", f"xblock:{stream}#2024-09-27").out
    rows = read_rows(stream / "labels.csv")
    rows[3]["address"] = "0x12"
    (tmp_path / "own").mkdir()
    write_rows(tmp_path / "own" / "labels.csv", rows)
    refused(call("data", "labels", f"xblock:{tmp_path / 'own'}"), "T202", 2, "line=5", "column=address")
    skipped = good("data", "labels", f"xblock:{tmp_path / 'own'}", "--skip-bad-rows", "--json")
    assert (skipped.json["bad_rows"], skipped.json["labels"]) == (1, facts["labels"] - 1)
    assert "line 5" in skipped.err


def test_features_list() -> None:
    content = good("features", "--list", "--json").json
    assert content["hash"] == f"0x{SPEC.hash.hex()}"
    assert [feature["name"] for feature in content["features"]] == list(SPEC.names)
    text = good("features", "--list").out
    for feature in SPEC.features:
        assert feature.name in text


def test_features_of_a_source(stream: Path) -> None:
    facts = good("features", f"xblock:{stream}", "-o", "f/features.parquet", "--json").json
    table = pq.read_table("f/features.parquet")
    assert facts["rows"] == table.num_rows == 2 * rows_of(stream) == 2 * facts["transfers"]
    assert table.column_names[-len(SPEC.names) :] == list(SPEC.names)
    assert table["side"].to_pylist()[:3] == ["sender", "receiver", "sender"]
    again = good("features", f"xblock:{stream}", "-o", "f/features.parquet", "--json").json
    assert again == facts


def scores(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_score_per_account(stream: Path) -> None:
    facts = good("score", f"xblock:{stream}", "-o", "scores.csv", "--json").json
    last, third = scores("scores.csv"), None
    assert Path("scores.csv").read_text(encoding="utf-8").startswith("account,score_ppm,flag,transfers_seen\n")
    assert facts["accounts"] == len(last) == len({row["account"] for row in last})
    assert facts["flagged"] == sum(row["flag"] == "1" for row in last)
    assert all(0 <= int(row["score_ppm"]) <= 1_000_000 for row in last)
    good("score", f"xblock:{stream}", "--after", 3, "-o", "third.csv")
    third = scores("third.csv")
    enough = {row["account"] for row in last if int(row["transfers_seen"]) >= 3}
    assert {row["account"] for row in third} == enough
    assert {row["transfers_seen"] for row in third} == {"3"}


def test_score_per_transfer(stream: Path) -> None:
    flags = ("score", f"xblock:{stream}", "--per", "transfer")
    facts = good(*flags, "-o", "t.parquet", "--json").json
    table = pq.read_table("t.parquet")
    assert table.schema.equals(PREDICTIONS.schema)
    assert facts["transfers"] == table.num_rows == rows_of(stream)
    assert facts["flagged"] == sum(table["flag"].to_pylist())
    good(*flags, "-o", "t.csv")
    rows = scores("t.csv")
    assert [int(row["sender_ppm"]) for row in rows] == table["sender_ppm"].to_pylist()
    assert rows[0]["transaction_hash"] == "0x" + table["transaction_hash"][0].as_py().hex()
    assert "give -o FILE.csv" in good(*flags).out
    assert "give -o FILE.csv" in good("score", f"xblock:{stream}").out


def test_score_takes_a_model_by_folder_and_file(stream: Path) -> None:
    file = find_model("tsgn-v1").path
    by_name = good("score", f"xblock:{stream}", "--json").json
    assert good("score", f"xblock:{stream}", "-m", file, "--json").json == by_name
    assert good("score", f"xblock:{stream}", "-m", file.parent, "--json").json == by_name


def test_score_keep_twice_keeps_once(stream: Path) -> None:
    first = good("score", f"xblock:{stream}", "--keep", "--json").json
    assert good("score", f"xblock:{stream}", "--keep", "--json").json == first
    rows = good("sql", "select count(*) as n from transfers", "--json").json
    assert rows == {"columns": ["n"], "rows": [[rows_of(stream)]]}


def test_sql(stream: Path) -> None:
    good("score", f"xblock:{stream}", "--keep")
    listed = good("sql", "--json").json
    assert listed["transfers"]["rows"] == rows_of(stream)
    assert listed["transfers"]["columns"] == TRANSFERS.schema.names
    assert f"predictions  {rows_of(stream):,} rows" in good("sql").out
    question = "select from_address, ether(value_binary) as ether from transfers order by block_number"
    rows = good("sql", question, "--json").json["rows"]
    assert len(rows) == rows_of(stream)
    first = read_rows(stream / "transactions.csv")[0]
    assert rows[0][0] == first["from"]
    assert rows[0][1] == pytest.approx(float(first["value_eth"]))
    text = good("sql", question, "--limit", 3)
    assert f"{rows_of(stream):,} rows, 3 shown" in text.out
    assert first["from"] in text.out
    assert "1 row\n" in good("sql", "select 1").out


def test_sql_of_an_empty_project(stream: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.apps.fraud.score_to_project", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call("score", f"xblock:{stream}", "--keep")
    assert good("sql").out == "no tables yet\n"


def test_train_makes_a_model_that_scores(stream: Path) -> None:
    first = good("train", f"xblock:{stream}", "-o", "model", "--json").json
    assert {path.name for path in Path("model").iterdir()} >= {"card.json", "card.md", "program.tally"}
    card = json.loads(Path("model/card.json").read_text(encoding="utf-8"))
    assert {name: value for name, value in first.items() if name not in ("model", "cutoff")} == card
    content = Path("model/program.tally").read_bytes()
    text = good("train", f"xblock:{stream}", "-o", "model")
    assert Path("model/program.tally").read_bytes() == content
    assert first["program"]["hash"] in text.out
    assert "tally score --model model SOURCE" in text.out
    assert good("score", f"xblock:{stream}", "-m", "model", "--json").json["transfers"] == rows_of(stream)
    part = good("train", f"xblock:{stream}", "-o", "early", "--early-part", "--labels", f"xblock:{stream}", "--json")
    assert part.json["program"]["hash"] != first["program"]["hash"]


def test_show_counts_bad_labels_with_the_bad_rows(stream: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(stream, tmp_path / "own"))
    with (own / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("0xabc,normal\n")
    done = good("data", "show", f"xblock:{own}", "--skip-bad-rows", "--json")
    assert done.json["bad_rows"] == 1
    assert "left out 1 malformed rows" in done.err
