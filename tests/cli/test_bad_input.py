"""Bad input of every kind: its own error, its place, a next step, an exit code that is not 0."""

from __future__ import annotations

import gzip
import json
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.apps.fraud import find_model
from tallystick.exact import save_program
from tallystick.store import Project

from .calls import Done, call, good, refused, run_alone
from .conftest import Kept
from .streams import read_rows, write_rows

NOBODY = "http://127.0.0.1:1"
NO_CODE = "0x00000000000000000000000000000000000000aa"


@pytest.fixture
def own(stream: Path, tmp_path: Path) -> Path:
    """Copy of the stream to spoil."""
    return Path(shutil.copytree(stream, tmp_path / "own"))


def spoil(folder: Path, row: int, **cells: str) -> None:
    file = folder / "transactions.csv"
    rows = read_rows(file)
    rows[row].update(cells)
    write_rows(file, rows)


def test_invalid_endpoint_unreachable() -> None:
    refused(call("data", "show", f"rpc:{NOBODY}"), "T301", 1, f"url={NOBODY}")
    refused(call("chain", "status", "--rpc-url", NOBODY), "T301", 1, f"url={NOBODY}")
    refused(call("run", "xblock:x", "-m", "tsgn-v1", "--ledger", NOBODY), "T301", 1, f"url={NOBODY}")


def test_invalid_endpoint_hides_its_key() -> None:
    done = call("data", "show", "rpc:http://127.0.0.1:1/v3/0123456789abcdef", "--json")
    refused(done, "T301", 1)
    assert "0123456789abcdef" not in done.out + done.err
    done = call("run", "rpc:http://127.0.0.1:1/v3/s1", "-m", "tsgn-v1", "--ledger", "http://127.0.0.1:1/v3/s2")
    assert "v3" not in done.out + done.err


def test_invalid_ledger_is_not_a_url() -> None:
    done = call("run", "xblock:x", "-m", "tsgn-v1", "--ledger", "embeded")
    refused(done, "T101", 2, "'embeded' is not an http or https URL", "setting=rpc_url")
    refused(call("chain", "status", "--rpc-url", "localhost:8545"), "T101", 2, "'localhost:8545' is not")


@pytest.mark.chain
def test_invalid_chain_id(kept: Kept) -> None:
    place = ("--rpc-url", kept.url, "--chain-id", "1")
    refused(call("chain", "status", *place), "T305", 1, "expected=1", "chain_id=31337")
    refused(call("data", "show", f"rpc:{kept.url}", "--chain-id", "1"), "T305", 1, "expected=1")
    refused(call("verify", "--project", kept.project, *place), "T305", 1, "expected=1")


def test_invalid_gzip_is_cut_off(own: Path) -> None:
    file = own / "transactions.csv"
    packed = own / "transactions.csv.gz"
    packed.write_bytes(gzip.compress(file.read_bytes())[:-2000])
    file.unlink()
    refused(call("score", f"xblock:{own}"), "T203", 2, "cut off", f"file={packed}", "line=")


def test_invalid_csv_misses_a_column(own: Path) -> None:
    file = own / "transactions.csv"
    write_rows(file, [{name: row[name] for name in row if name != "value_eth"} for row in read_rows(file)])
    done = call("score", f"xblock:{own}")
    refused(done, "T203", 2, "column 'value_eth' is missing", f"file={file}", "line=1", "column=value_eth")


@pytest.mark.parametrize("value", ["-0.5", str(2**256), f"{2**256 // 10**18 + 1}.0"])
def test_invalid_value_names_its_cell(own: Path, value: str) -> None:
    spoil(own, 7, value_eth=value)
    done = call("score", f"xblock:{own}")
    refused(done, "T202", 2, f"file={own / 'transactions.csv'}", "line=9", "column=value_eth")
    assert "--skip-bad-rows" in done.err


@pytest.mark.parametrize("verb", ["score", "show", "features"])
def test_bad_rows_are_counted_when_skipped(own: Path, verb: str) -> None:
    spoil(own, 7, value_eth="-1")
    verbs = {"show": ("data", "show"), "features": ("features", "-o", own / "f.parquet"), "score": ("score",)}
    done = good(*verbs[verb], f"xblock:{own}", "--skip-bad-rows", "--json")
    assert done.json["bad_rows"] == 1
    assert "transactions.csv line 9, column value_eth" in done.err
    assert "left out 1 malformed row" in done.err


def test_invalid_block_range_is_backwards(stream: Path) -> None:
    refused(call("score", f"xblock:{stream}#20:10"), "T201", 2, "backwards: 20 > 10")


def test_invalid_source_is_empty(stream: Path) -> None:
    refused(call("features", f"xblock:{stream}#0:0", "-o", "f.parquet"), "T200", 2, "no transfers")
    assert not Path("f.parquet").exists()


def test_invalid_source_is_not_there() -> None:
    refused(call("score", "xblock:nowhere"), "T203", 2, "nowhere")
    refused(call("data", "labels", "ofac:nowhere"), "T203", 2, "nowhere")


def test_invalid_model_has_other_features(stream: Path, tmp_path: Path) -> None:
    shipped = find_model("tsgn-v1").program
    other = tmp_path / "other.tally"
    save_program(replace(shipped, feature_spec_hash=bytes(32)), other)
    done = call("score", f"xblock:{stream}", "-m", other)
    refused(done, "T701", 1, "0x0000000000000000…", f"0x{shipped.feature_spec_hash.hex()[:16]}…")
    assert "train" in done.err


def test_invalid_model_is_guessed(stream: Path) -> None:
    refused(call("score", f"xblock:{stream}", "-m", "tsgn-v2"), "T203", 2, "did you mean 'tsgn-v1'", "file=tsgn-v2")


def test_invalid_model_is_damaged(stream: Path, tmp_path: Path) -> None:
    content = find_model("tsgn-v1").path.read_bytes()
    bad = tmp_path / "bad.tally"
    bad.write_bytes(content[:-5])
    refused(call("score", f"xblock:{stream}", "-m", bad), "T700", 1, f"file={bad}")


@pytest.mark.chain
def test_invalid_registry_has_no_code(kept: Kept) -> None:
    flags = ["--registry", NO_CODE, "--prediction-log", kept.record["prediction_log"]]
    arguments = (kept.source, "-m", "tsgn-v1", "--model-id", kept.record["model_id"], "--rpc-url", kept.url)
    refused(call("verify", *arguments, *flags), "T801", 1, f"address={NO_CODE}", "chain_id=31337")


@pytest.mark.chain
def test_invalid_registry_is_another_contract(kept: Kept) -> None:
    log = kept.record["prediction_log"]
    arguments = (kept.source, "-m", "tsgn-v1", "--model-id", kept.record["model_id"], "--rpc-url", kept.url)
    done = call("verify", *arguments, "--registry", log, "--prediction-log", log)
    refused(done, "T800", 1, "not ModelRegistry", f"address={log}")


@pytest.mark.chain
def test_invalid_model_id_is_unknown(kept: Kept) -> None:
    place = ["--rpc-url", kept.url, *kept.contracts[4:]]
    done = call("verify", kept.source, "-m", "tsgn-v1", "--model-id", "0x" + "11" * 32, *place)
    refused(done, "T800", 1, "0x" + "11" * 32)
    done = call("verify", kept.source, "-m", "tsgn-v1", "--model-id", "0x11", *place)
    refused(done, "T201", 2)


def limited(*arguments: object, folder: Path, bytes: int) -> Done:
    """Run in a process that can make no file longer than this: a disk that is full."""
    command = [sys.executable, "-m", "tallystick", *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, bytes)),
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_invalid_disk_is_full(stream: Path, tmp_path: Path) -> None:
    file = tmp_path / "features.parquet"
    done = limited("features", f"xblock:{stream}", "-o", file, folder=tmp_path, bytes=16_384)
    refused(done, "T402", 1, f"path={file}")
    assert list(tmp_path.iterdir()) == []


def test_invalid_disk_is_full_and_the_project_stays_usable(stream: Path, tmp_path: Path) -> None:
    score = ("score", f"xblock:{stream}", "--keep")
    done = limited(*score, folder=tmp_path, bytes=16_384)
    refused(done, "T402", 1, "path=")
    assert not [path for path in (tmp_path / "tally-data").rglob("*") if path.suffix in (".parquet", ".tally-tmp")]
    assert good(*score, "--json").json["transfers"] == good("score", f"xblock:{stream}", "--json").json["transfers"]


def test_invalid_project_is_busy(stream: Path, tmp_path: Path) -> None:
    with Project.open(tmp_path / "tally-data", command="tally run"):
        done = call("score", f"xblock:{stream}", "--keep")
        refused(done, "T401", 1, "in use by process ", "(tally run)", f"path={tmp_path / 'tally-data'}")
        assert call("score", f"xblock:{stream}", "--keep", "--json").json["error"] == "T401"
        other = run_alone("score", f"xblock:{stream}", "--keep", folder=tmp_path)
        refused(other, "T401", 1, "(tally run)")
    good("score", f"xblock:{stream}", "--keep")


def test_invalid_project_is_another_folder(stream: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    refused(call("score", f"xblock:{stream}", "--keep", "--project", "."), "T400", 1, "thesis.tex")


def test_invalid_project_has_no_run(tmp_path: Path) -> None:
    for verb in (("verify",), ("commit",), ("verify", "--prove", "0x" + "00" * 32, "-o", "p.json")):
        refused(call(*verb), "T400", 1, "no run yet")
    refused(call("sql", "select 1"), "T400", 1, "no project")


def test_invalid_record_is_damaged(tmp_path: Path) -> None:
    record = tmp_path / "tally-data" / "reports" / "run.json"
    record.parent.mkdir(parents=True)
    record.write_text("{", encoding="utf-8")
    refused(call("verify"), "T403", 1, f"path={Path('tally-data/reports/run.json')}")


def test_output_into_a_missing_folder_makes_it(stream: Path, tmp_path: Path) -> None:
    good("score", f"xblock:{stream}", "-o", "a/b/scores.csv")
    assert (tmp_path / "a" / "b" / "scores.csv").is_file()


def test_invalid_output(stream: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    refused(call("score", f"xblock:{stream}", "-o", "file/scores.csv"), "T400", 1, f"path={tmp_path / 'file'}")
    for name in ("folder", "/dev/null"):
        refused(call("score", f"xblock:{stream}", "-o", name), "T400", 1, "not a regular file", f"{name})")
    assert Path("/dev/null").is_char_device()
    assert [path for path in tmp_path.rglob("*") if "tally-tmp" in path.name] == []


def test_invalid_after_0(stream: Path) -> None:
    refused(call("score", f"xblock:{stream}", "--after", "0"), "T201", 2, "from 1", "value=0")


@pytest.mark.parametrize(
    "flags",
    [("--keep", "-o", "s.csv"), ("--keep", "--after", "3"), ("--per", "transfer", "--after", "3"), ("-o", "s.parquet")],
    ids=" ".join,
)
def test_invalid_score_flags_that_do_nothing(stream: Path, flags: tuple[str, ...]) -> None:
    refused(call("score", f"xblock:{stream}", *flags), "T200", 2)
    assert not Path("s.csv").exists()


def test_invalid_train_without_labels(own: Path) -> None:
    (own / "labels.csv").unlink()
    refused(call("train", f"xblock:{own}", "-o", "m"), "T600", 1, "no labels")
    assert not Path("m").exists()


def test_invalid_features_without_output(stream: Path) -> None:
    refused(call("features", f"xblock:{stream}"), "T200", 2, "output file")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("selec 1", "syntax error"),
        ("select * from transfrs", "did you mean 'transfers'"),
        ("select * from read_csv('/etc/hostname')", "nothing else"),
        ("drop view transfers", "one SELECT"),
    ],
)
def test_invalid_question(stream: Path, question: str, words: str) -> None:
    good("score", f"xblock:{stream}", "--keep")
    done = call("sql", question, "--json")
    refused(done, "T200", 2, words)
    assert json.loads(done.out)["error"] == "T200"
