"""``tally run`` and its parts on a chain: resume, stop, other chains, two at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tallystick.chain import AnvilApi, EmbeddedChain, find_running

from .calls import Done, call, finish, good, refused, start
from .conftest import COMMIT_TRANSFERS, Kept
from .streams import read_rows, write_rows

pytestmark = pytest.mark.chain
SHIPPED = ("-m", "tsgn-v1")


def height(url: str) -> int:
    with AnvilApi(url) as api:
        return api.block_number()


def untimed(report: dict[str, object]) -> dict[str, object]:
    """A report without what may differ between two equal runs."""
    ledger = dict(report["ledger"])
    ledger.pop("gas_used")
    return {**report, "seconds": None, "ledger": ledger}


def processes_of(folder: Path) -> list[str]:
    """Command lines of live processes that name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if entry.name.isdecimal() and str(folder) in words:
            found.append(words)
    return found


def test_rerun_sends_nothing_and_gives_the_same(kept: Kept) -> None:
    before = height(kept.url)
    flags = ("--project", kept.project, "--commit-transfers", COMMIT_TRANSFERS)
    done = good("run", kept.source, *SHIPPED, *flags, "--json")
    assert height(kept.url) == before
    assert done.json["ledger"]["gas_used"] == 0
    assert untimed(done.json) == untimed(kept.report)
    assert "plan:" not in done.err


def test_rerun_trains_no_second_time(stream: Path, tmp_path: Path) -> None:
    run = ("run", f"xblock:{stream}", "--commit-transfers", 100, "--json")
    first = good(*run)
    assert "train:" in first.err
    assert first.json["evaluation"]["models"]
    assert first.json["evaluation"]["protocol"]["test"]["accounts"] > 0
    [model] = (tmp_path / "tally-data" / "models").glob("*/program.tally")
    made = model.stat().st_mtime_ns
    second = good(*run)
    assert "train:" not in second.err
    assert model.stat().st_mtime_ns == made
    assert second.json["ledger"]["gas_used"] == 0
    assert untimed(second.json) == untimed(first.json)
    report = good("verify", "--json").json
    rows = len(read_rows(stream / "transactions.csv"))
    assert report == first.json["verification"]
    assert report["before"] > report["transfers"] > 0  # the model was trained on them
    assert report["before"] + report["transfers"] + report["pending"] == rows
    assert f"{report['before']:,} earlier transfers of the source were not committed" in good("verify").out
    text = good("run", f"xblock:{stream}", "--commit-transfers", 100)
    assert "AUC after 1" in text.out
    assert "verify            MATCH" in text.out
    assert "tally verify --project tally-data" in text.out
    assert find_running(tmp_path / "tally-data" / "chain") is None


def test_summary_agrees_with_the_files(kept: Kept) -> None:
    report = json.loads((Path(kept.report["folder"]) / "report.json").read_text(encoding="utf-8"))
    assert {**report, "folder": kept.report["folder"]} == {
        **kept.report,
        "seconds": report["seconds"],
        "ledger": report["ledger"],
    }
    lines = (Path(kept.report["folder"]) / "alerts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == report["alerts"]
    rows = good("sql", "select count(*), sum(flag::int) from predictions", "--project", kept.project, "--json").json
    assert rows["rows"][0][0] == report["transfers"]
    scores = good("score", kept.source, "--json").json
    assert (scores["accounts"], scores["flagged"]) == (report["accounts"], report["flagged"])


@pytest.mark.parametrize("wanted", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_stop_in_the_middle_then_resume(kept: Kept, tmp_path: Path, wanted: signal.Signals) -> None:
    run = ("run", kept.source, *SHIPPED, "--commit-transfers", COMMIT_TRANSFERS, "--json")
    process = start(*run, folder=tmp_path)
    folder = tmp_path / "tally-data" / "chain"
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up and process.poll() is None:
        url = find_running(folder)
        # two deployments, two registrations; the rest are commits
        if url is not None and (folder / "deployments.json").is_file() and height(url) >= 10:
            break
        time.sleep(0.01)
    process.send_signal(wanted)
    stopped = finish(process)
    refused(stopped, "T103", 130, "stopped")
    assert stopped.json["error"] == "T103"
    assert find_running(folder) is None
    assert processes_of(tmp_path) == []

    resumed = good(*run)
    assert resumed.json["ledger"]["roots"] == kept.report["ledger"]["roots"]
    assert resumed.json["verification"] == kept.report["verification"]
    assert untimed(resumed.json)["alerts"] == kept.report["alerts"]
    assert 0 < resumed.json["ledger"]["gas_used"] < kept.report["ledger"]["gas_used"]
    assert good("verify", "--json").json["result"] == "MATCH"


def test_two_runs_in_one_directory(kept: Kept, tmp_path: Path) -> None:
    run = ("run", kept.source, *SHIPPED, "--commit-transfers", 500, "--json")
    first = start(*run, folder=tmp_path)
    project = tmp_path / "tally-data"
    give_up = time.monotonic() + 60
    while not (project / "tally-project.json").exists() and time.monotonic() < give_up:
        time.sleep(0.01)
    refused(call(*run), "T401", 1, f"in use by process {first.pid} (tally run)", f"path={project}")
    done = finish(first)
    assert done.code == 0, done.err
    assert done.json["verification"]["result"] == "MATCH"


def test_nothing_is_sent_to_another_chain_without_broadcast(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmbeddedChain(tmp_path / "other") as chain:
        flags = (kept.source, *SHIPPED, "--commit-transfers", 200)
        done = call("run", *flags, "--ledger", chain.url)
        refused(done, "T101", 2, "no account to send from")
        assert "TALLY_PRIVATE_KEY" in done.err
        key = chain.accounts[3].private_key
        monkeypatch.setenv("TALLY_PRIVATE_KEY", key)

        def secret(done: Done) -> Done:
            assert key.removeprefix("0x") not in done.out + done.err
            return done

        for arguments in (
            ("run", *flags, "--ledger", chain.url),
            ("run", *flags, "--rpc-url", chain.url),
            ("register", "--rpc-url", chain.url),
        ):
            done = secret(call(*arguments, "--json"))
            refused(done, "T802", 1, "not sent to chain 31337: deploy ModelRegistry")
            assert done.json["error"] == "T802"
            assert "--broadcast" in done.err
            assert "plan: deploy ModelRegistry on chain 31337, about " in done.err
        assert chain.api.block_number() == 0

        sent = secret(good("run", *flags, "--ledger", chain.url, "--broadcast", "--json")).json
        assert sent["ledger"]["gas_used"] > 0
        assert sent["verification"]["result"] == "MATCH"
        after = chain.api.block_number()
        assert after == 4 + sent["ledger"]["ranges"]
        # all is there already: nothing to send, nothing to ask
        again = secret(good("run", *flags, "--ledger", chain.url, "--json")).json
        assert again["ledger"]["gas_used"] == 0
        assert secret(good("verify", "--rpc-url", chain.url, "--json")).json["result"] == "MATCH"
        assert chain.api.block_number() == after
    for path in (tmp_path / "tally-data").rglob("*"):
        if path.is_file():
            assert key.removeprefix("0x").encode() not in path.read_bytes(), path


def test_score_register_commit_verify_step_by_step(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_COMMIT_TRANSFERS", str(COMMIT_TRANSFERS))
    scored = good("score", kept.source, "--keep", "--json").json
    assert scored["transfers"] == kept.report["transfers"]
    assert "tally register" in scored["next"]
    refused(call("verify"), "T200", 2, "not committed yet")
    registered = good("register", "tsgn-v1", "--json")
    assert registered.json["model_id"] == kept.report["ledger"]["model_id"]
    assert registered.json["gas_used"] > 0
    assert "plan: register model" in registered.err
    assert good("register", "tsgn-v1", "--json").json["gas_used"] == 0
    committed = good("commit", "--json").json
    assert committed["ranges"] == committed["sent"] == kept.report["ledger"]["ranges"]
    again = good("commit", "--json").json
    assert (again["ranges"], again["sent"], again["gas_used"]) == (committed["ranges"], 0, 0)
    report = good("verify", "--json").json
    assert report == kept.report["verification"]


def test_skipped_bad_rows_are_remembered(stream: Path, tmp_path: Path) -> None:
    own = Path(shutil.copytree(stream, tmp_path / "own"))
    rows = read_rows(own / "transactions.csv")
    rows[7]["value_eth"] = "much"
    write_rows(own / "transactions.csv", rows)
    run = ("run", f"xblock:{own}", *SHIPPED, "--commit-transfers", 500, "--json")
    refused(call(*run), "T202", 2, "value_eth")
    done = good(*run, "--skip-bad-rows")
    assert "left out 1 malformed rows" in done.err
    assert done.json["transfers"] == len(rows) - 1
    report = good("verify", "--json").json
    assert (report["result"], report["transfers"]) == ("MATCH", len(rows) - 1)
    kept_by_score = ("score", f"xblock:{own}", "--keep", "--skip-bad-rows", "--project", "other")
    good(*kept_by_score)
    record = json.loads((tmp_path / "other" / "reports" / "run.json").read_text(encoding="utf-8"))
    assert record["skip_bad_rows"] is True


def test_empty_source_registers_nothing(kept: Kept, tmp_path: Path) -> None:
    before = height(kept.url)
    for arguments in (("--project", kept.project), ("--project", "new")):
        done = call("run", f"{kept.source}#0:0", *SHIPPED, *arguments)
        refused(done, "T200", 2, "no transfers")
        assert "plan:" not in done.err
    assert height(kept.url) == before
    assert not (tmp_path / "new" / "chain" / "deployments.json").exists()
    assert not (tmp_path / "new" / "reports" / "run.json").exists()


def test_embedded_chain_takes_no_key_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedChain(tmp_path / "tally-data" / "chain") as chain:
        monkeypatch.setenv("TALLY_PRIVATE_KEY", chain.accounts[3].private_key)
        registered = good("register", "tsgn-v1", "--json").json
        assert registered["gas_used"] > 0
        with AnvilApi(chain.url) as api:
            nonces = [int(api.call("eth_getTransactionCount", item.address, "latest"), 16) for item in chain.accounts]
        assert nonces[0] > 0
        assert not any(nonces[1:])


@pytest.mark.parametrize("text", ["{", "[]", '{"31337": 5}', '{"31337": {"registry": "0x"}}', "\xff"])
def test_invalid_deployments_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "tally-data" / "chain" / "deployments.json"
    with EmbeddedChain(file.parent):
        file.write_text(text, encoding="latin-1")
        done = call("register", "tsgn-v1")
    refused(done, "T403", 1, "not a list of deployments", f"path={file}")


def test_chain_status_and_second_up(kept: Kept) -> None:
    facts = good("chain", "status", "--project", kept.project, "--json").json
    assert facts == {"url": kept.url, "chain_id": 31337, "block_number": height(kept.url)}
    assert "chain_id      31337" in good("chain", "status", "--rpc-url", kept.url).out
    refused(call("chain", "up", "--project", kept.project), "T401", 1, kept.url)
    refused(call("chain", "status"), "T301", 1, "no embedded chain is up in tally-data")
    assert "tally chain up" in call("chain", "status").err


def test_chain_up_for_people_and_stop_by_sigterm(tmp_path: Path) -> None:
    process = start("chain", "up", folder=tmp_path)
    assert process.stdout is not None
    lines = [process.stdout.readline().rstrip() for _ in range(5)]
    assert [line.partition("  ")[0] for line in lines[:3]] == ["url", "chain id", "state"]
    assert lines[3] == "accounts, play money:"
    os.kill(process.pid, signal.SIGTERM)
    done = finish(process)
    assert done.code == 0, done.err
    assert done.err.splitlines() == ["Ctrl-C stops it; the state is kept.", "stopped"]
    assert processes_of(tmp_path) == []
