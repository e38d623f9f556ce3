"""``tally demo`` from one end to the other, and again."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tallystick.apps import demo
from tallystick.apps.demo import _demo as module
from tallystick.apps.economy import read_truth
from tallystick.chain import EmbeddedChain, find_running
from tallystick.cli._session import own_command

from .calls import Done, call, good, refused

pytestmark = pytest.mark.chain
DEMO = ("demo", "--accounts", "100")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "shown"


@pytest.fixture(scope="module")
def first(folder: Path) -> Done:
    return good(*DEMO, "--project", folder, "--json")


def test_demo_finds_the_forgery_where_it_is(first: Done, folder: Path) -> None:
    forgery, found = first.json["forgery"], first.json["forgery_found"]
    assert found["kind"] == "altered_value"
    assert found["block"] == forgery["block_number"]
    assert found["transaction_hash"] == forgery["transaction_hash"]
    assert found["field"] == forgery["field"] == "sender_ppm"
    assert (found["stored"], found["recomputed"]) == (forgery["now"], forgery["was"])
    assert abs(forgery["now"] - forgery["was"]) == 1
    assert found["ledger_agrees_with"] == "recomputed"
    [part] = (folder / "tables" / "predictions").glob("*/*.parquet")
    kept, altered = pq.read_table(part), pq.read_table(forgery["file"])
    assert kept["sender_ppm"][forgery["row"]].as_py() == forgery["was"]
    assert altered["sender_ppm"][forgery["row"]].as_py() == forgery["now"]


def test_demo_numbers_are_those_of_the_files(first: Done, folder: Path) -> None:
    result = first.json
    truth = read_truth(folder / "reports" / "truth" / "truth.json")
    assert result["transactions"] == truth.transactions > 0
    assert result["gas_economy"] == truth.gas_used
    assert truth.unexpected == ()
    [reports] = (path.parent for path in (folder / "reports").glob("*/report.json"))
    report = json.loads((reports / "report.json").read_text(encoding="utf-8"))
    assert result["verification"] == report["verification"]
    assert result["verification"]["result"] == "MATCH"
    assert result["transfers"] == report["transfers"] == result["verification"]["transfers"]
    assert result["gas_ledger"] == report["ledger"]["gas_used"] > 0
    assert result["model_id"] == report["ledger"]["model_id"]
    alerts = [json.loads(line) for line in (reports / "alerts.jsonl").read_text(encoding="utf-8").splitlines()]
    assert result["detection"]["alerts"] == len(alerts) == len({alert["account"] for alert in alerts})
    planted = {account["address"]: account["category"] for account in read_json(folder)["accounts"]}
    caught = sum(planted[alert["account"]] == "phishing" for alert in alerts)
    there = sum(category == "phishing" for category in planted.values())
    assert result["detection"]["by_category"]["phishing"] == [caught, there]
    assert result["detection"]["recall"] == pytest.approx(caught / there, abs=1e-4)
    assert result["economy_tx_per_s"] > 0
    assert (reports / "report.html").is_file()
    assert find_running(folder / "chain") is None


def run_of(folder: Path) -> str:
    [reports] = (path.parent for path in (folder / "reports").glob("*/report.json"))
    return reports.name


def read_json(folder: Path) -> dict[str, list[dict[str, str]]]:
    content: dict[str, list[dict[str, str]]] = json.loads((folder / "reports" / "truth" / "truth.json").read_bytes())
    return content


def test_demo_again_takes_up_what_is_there(first: Done, folder: Path) -> None:
    again = good(*DEMO, "--project", folder, "--json")
    assert again.json["economy_tx_per_s"] is None
    assert again.json["gas_ledger"] == 0
    changing = ("seconds", "economy_tx_per_s", "gas_ledger")
    assert {**again.json, **dict.fromkeys(changing)} == {**first.json, **dict.fromkeys(changing)}
    assert "transact:" in first.err
    assert "transact:" not in again.err
    assert "plan:" not in again.err
    for table in ("transfers", "predictions"):
        assert len(list((folder / "tables" / table).glob("*/*.parquet"))) == 1


def test_demo_on_a_chain_that_is_up(first: Done, folder: Path) -> None:
    with EmbeddedChain(folder / "chain") as chain:
        height = chain.api.block_number()
        again = good(*DEMO, "--project", folder, "--json").json
        assert chain.api.block_number() == height
    assert again["verification"] == first.json["verification"]


def test_demo_tells_the_story(first: Done, folder: Path) -> None:
    done = good(*DEMO, "--project", folder)
    steps = [line[0] for line in done.err.splitlines() if line[:1].isdigit()]
    assert steps == ["1", "2", "3", "4"]
    assert "3  verify: MATCH" in done.err
    assert "   alert  9" in done.err
    assert f"more, in reports/{run_of(folder)}/alerts.jsonl" in done.err
    found = first.json["forgery_found"]
    place = f"block {found['block']}, transaction {found['transaction_hash']}, field sender_ppm"
    assert f"   verify: MISMATCH in {place}" in done.err
    assert "made by an earlier run" in done.out
    assert f"model id        {first.json['model_id']}" in done.out
    commands = [line.strip() for line in done.out.split("\nnext\n")[1].splitlines()]
    assert [command.partition(" ")[0] for command in commands] == [own_command()] * 4


def test_next_commands_of_the_demo_work(first: Done, folder: Path) -> None:
    assert good("verify", "--project", folder, "--json").json == first.json["verification"]
    question = "select to_address, max(receiver_ppm) as ppm from predictions group by 1 order by 2 desc limit 9"
    text = good("sql", question, "--project", folder).out
    assert "9 rows" in text
    rows = good("sql", question, "--project", folder, "--json").json
    assert rows["columns"] == ["to_address", "ppm"]
    assert all(row[0].startswith("0x") and len(row[0]) == 42 for row in rows["rows"])
    assert good("features", "--list", "--json").json["features"]


def test_demo_keeps_to_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = []

    def look(settings: object, *_: object) -> object:
        seen.append(settings)
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run_demo", look)
    refused(call("demo"), "T103", 130)
    refused(call("demo", "--project", "tally-data"), "T103", 130)
    monkeypatch.setenv("TALLY_PROJECT", "mine")
    refused(call("demo"), "T103", 130)
    assert [str(settings.project) for settings in seen] == ["demo-data", "tally-data", "mine"]


def test_demo_fails_where_the_forgery_is_not_found(first: Done, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forge_nothing(predictions: object, file: Path) -> object:
        forgery, _ = demo.forge(predictions, file)
        return forgery, predictions

    monkeypatch.setattr(module, "forge", forge_nothing)
    done = call(*DEMO, "--project", folder, "--json")
    refused(done, "T803", 3, "an altered prediction was not found")
    assert done.json["error"] == "T803"
