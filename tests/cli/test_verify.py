"""``tally verify``: MATCH on what is untouched, and every forgery found, through files on disk."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tallystick.apps.fraud import find_model
from tallystick.exact import save_program
from tallystick.units import format_hash

from .calls import Done, call, good, refused, run_alone
from .conftest import Kept
from .streams import read_rows, write_rows

pytestmark = pytest.mark.chain
ROW = 137


@pytest.fixture
def copy(kept: Kept, tmp_path: Path) -> Path:
    """Copy of the run's project to forge in."""
    return kept.copy(tmp_path / "copy")


def verify(kept: Kept, project: Path, *arguments: object) -> Done:
    return call("verify", *arguments, "--project", project, "--rpc-url", kept.url, "--json")


def verify_text(kept: Kept, project: Path, *arguments: object) -> Done:
    return call("verify", *arguments, "--project", project, "--rpc-url", kept.url)


def forged(done: Done, kind: str) -> dict[str, Any]:
    """The finding of a verification that must fail."""
    refused(done, "T803", 3)
    report = done.json
    assert report["result"] == "MISMATCH"
    mismatch: dict[str, Any] = report["mismatch"]
    assert mismatch["kind"] == kind, mismatch
    assert mismatch["cause"] in done.err
    return mismatch


def rewrite(file: Path, table: pa.Table) -> None:
    pq.write_table(table, file)


def test_match_on_an_untouched_run(kept: Kept) -> None:
    for place in ((), ("--rpc-url", kept.url)):
        report = good("verify", "--project", kept.project, *place, "--json").json
        assert report == kept.report["verification"]
        assert (report["result"], report["transfers"]) == ("MATCH", kept.report["transfers"])
        assert report["ranges"] == kept.report["ledger"]["ranges"] == len(kept.report["ledger"]["roots"])
    text = good("verify", "--project", kept.project)
    assert text.out.startswith(f"MATCH  {report['ranges']:,} block ranges, {report['transfers']:,} transfers")
    assert text.out.endswith("compared with the rows the project kept\n")
    assert "verify model 0x" in text.err
    assert (report["before"], report["pending"]) == (0, 0)


def test_match_with_the_source_given_compares_the_kept_rows_too(kept: Kept, copy: Path) -> None:
    text = verify_text(kept, copy, kept.source)
    assert text.code == 0, text.err
    assert text.out.endswith("compared with the rows the project kept\n")
    alter_score(kept, copy)
    found = forged(verify(kept, copy, kept.source), "altered_value")
    assert found["ledger_agrees_with"] == "recomputed"
    # with everything given, the project's rows play no part, whatever they are
    text = call("verify", kept.source, "-m", "tsgn-v1", *kept.contracts, "--project", copy)
    assert text.code == 0, text.err
    assert text.out.endswith("no kept rows to compare\n")


def test_invalid_ledger_is_not_given_and_not_here(kept: Kept, copy: Path, proof: str, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(proof, encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    contracts = [flag for flag in kept.contracts if flag not in ("--rpc-url", kept.url)]
    known = read_rows(Path(kept.source.partition(":")[2]) / "transactions.csv")[ROW]["tx_hash"]
    for arguments in (
        ("--project", copy),
        (kept.source, "-m", "tsgn-v1", *contracts),
        ("--proof", "proof.json"),
        ("--prove", known, "-o", "new.json", "--project", copy),
    ):
        done = call("verify", *arguments)
        refused(done, "T301", 1, "no embedded chain here")
        assert "--rpc-url" in done.err
    assert sorted(tmp_path.rglob("*")) == before


def test_match_needs_no_project_of_the_committers(kept: Kept, tmp_path: Path) -> None:
    # another machine: source and model as files, the contracts' addresses, an endpoint
    shutil.copytree(kept.source.partition(":")[2], tmp_path / "downloaded")
    shutil.copytree(find_model("tsgn-v1").path.parent, tmp_path / "model")
    arguments = ("verify", "xblock:downloaded", "-m", "model", *kept.contracts)
    done = run_alone(*arguments, "--json", folder=tmp_path)
    assert done.code == 0, done.err
    assert done.json == kept.report["verification"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["downloaded", "model"]


def test_match_from_another_machine_on_changed_source_is_a_mismatch(kept: Kept, tmp_path: Path) -> None:
    row = change_source(kept, tmp_path / "downloaded")
    done = call("verify", f"xblock:{tmp_path / 'downloaded'}", "-m", "tsgn-v1", *kept.contracts, "--json")
    mismatch = forged(done, "range_differs")
    first, last = mismatch["range"]
    assert first <= int(row["block"]) < last


def alter_score(kept: Kept, project: Path) -> dict[str, Any]:
    """Forge one score of what the project kept; returns the row as it was."""
    file = kept.table(project, "predictions")
    table = pq.read_table(file)
    rows = table.to_pylist()
    row = dict(rows[ROW])
    rows[ROW]["sender_ppm"] += 1
    rewrite(file, pa.Table.from_pylist(rows, schema=table.schema))
    return row


def test_finds_one_altered_score(kept: Kept, copy: Path) -> None:
    row = alter_score(kept, copy)
    was = row["sender_ppm"]
    done = verify(kept, copy)
    found = forged(done, "altered_value")
    assert found["block"] == row["block_number"]
    assert found["transaction_hash"] == format_hash(row["transaction_hash"])
    assert (found["field"], found["stored"], found["recomputed"]) == ("sender_ppm", was + 1, was)
    assert found["ledger_agrees_with"] == "recomputed"
    text = verify_text(kept, copy)
    assert text.out.startswith("MISMATCH\n  kind")
    for word in (str(found["block"]), found["transaction_hash"], "sender_ppm"):
        assert word in text.out
        assert word in text.err


def test_finds_swapped_rows(kept: Kept, copy: Path) -> None:
    file = kept.table(copy, "predictions")
    table = pq.read_table(file)
    order = list(range(table.num_rows))
    order[ROW], order[ROW + 1] = ROW + 1, ROW
    rewrite(file, table.take(pa.array(order)))
    found = forged(verify(kept, copy), "swapped_rows")
    assert found["block"] in (table["block_number"][ROW].as_py(), table["block_number"][ROW + 1].as_py())


def test_finds_a_missing_row(kept: Kept, copy: Path) -> None:
    file = kept.table(copy, "predictions")
    table = pq.read_table(file)
    rewrite(file, pa.concat_tables([table.slice(0, ROW), table.slice(ROW + 1)]))
    found = forged(verify(kept, copy), "missing_row")
    assert found["transaction_hash"] == format_hash(table["transaction_hash"][ROW].as_py())


def test_finds_reordered_ranges(kept: Kept, copy: Path) -> None:
    file = kept.table(copy, "predictions")
    table = pq.read_table(file)
    ranges = range_starts(table, kept)
    first, second, third = (int(start) for start in ranges[3:6])
    head, one, two = table.slice(0, first), table.slice(first, second - first), table.slice(second, third - second)
    rewrite(file, pa.concat_tables([head, two, one, table.slice(third)]))
    forged(verify(kept, copy), "reordered_ranges")


def range_starts(table: pa.Table, kept: Kept) -> list[int]:
    """First rows of the committed ranges: a range is cut at a block's end once it has enough transfers."""
    blocks = table["block_number"].to_pylist()
    starts = [0]
    for row in range(1, len(blocks)):
        if blocks[row] != blocks[row - 1] and row - starts[-1] >= 8:
            starts.append(row)
    assert abs(len(starts) - kept.report["ledger"]["ranges"]) <= 1
    return starts


def test_finds_another_program(kept: Kept, copy: Path, tmp_path: Path) -> None:
    program = find_model("tsgn-v1").program
    other = tmp_path / "other.tally"
    save_program(replace(program, threshold_ppm=program.threshold_ppm + 1), other)
    found = forged(verify(kept, copy, "--model", other), "other_program")
    assert found["stored"] == format_hash(program.hash)


def test_refuses_a_program_for_other_features(kept: Kept, copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tally"
    save_program(replace(find_model("tsgn-v1").program, feature_spec_hash=bytes(32)), other)
    refused(verify(kept, copy, "--model", other), "T701", 1)


def change_source(kept: Kept, folder: Path) -> dict[str, Any]:
    shutil.copytree(kept.source.partition(":")[2], folder)
    rows = read_rows(folder / "transactions.csv")
    rows[ROW]["value_eth"] = "123.456000000000000001"
    write_rows(folder / "transactions.csv", rows)
    return rows[ROW]


def test_finds_a_changed_input_transaction(kept: Kept, tmp_path: Path) -> None:
    row = change_source(kept, tmp_path / "changed")
    project = kept.copy(tmp_path / "copy", source=f"xblock:{tmp_path / 'changed'}")
    found = forged(verify(kept, project), "changed_input")
    assert found["transaction_hash"] == row["tx_hash"]
    assert found["block"] == int(row["block"])
    assert found["field"] == "value_binary"
    assert int(found["recomputed"], 16) == 123_456_000_000_000_000_001
    assert found["ledger_agrees_with"] == "stored"


def test_finds_an_input_transaction_left_out(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.source.partition(":")[2], tmp_path / "changed")
    rows = read_rows(tmp_path / "changed" / "transactions.csv")
    write_rows(tmp_path / "changed" / "transactions.csv", rows[:ROW] + rows[ROW + 1 :])
    project = kept.copy(tmp_path / "copy", source=f"xblock:{tmp_path / 'changed'}")
    found = forged(verify(kept, project), "extra_row")
    assert found["transaction_hash"] == rows[ROW]["tx_hash"]


def test_invalid_chain_of_the_record(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy", chain_id=1)
    refused(verify(kept, copy), "T305", 1, "commitments are on chain 1")


def test_invalid_before_the_run_is_committed(kept: Kept, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path / "copy", model_id="")
    for arguments in ((), ("--prove", "0x" + "00" * 32, "-o", "p.json")):
        done = verify(kept, copy, *arguments)
        refused(done, "T200", 2, "not committed yet")
        assert "tally commit" in done.json["next"]


@pytest.fixture(scope="module")
def proof(kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Text of a proof, made once."""
    file = tmp_path_factory.mktemp("proof") / "proof.json"
    prove(kept, file)
    return file.read_text(encoding="utf-8")


def prove(kept: Kept, file: Path) -> dict[str, Any]:
    row = read_rows(Path(kept.source.partition(":")[2]) / "transactions.csv")[ROW]
    flags = ("--prove", row["tx_hash"], "-o", file, "--project", kept.project)
    facts = good("verify", *flags, "--json").json
    assert facts["block"] == int(row["block"])
    assert facts["file"] == str(file)
    return row


def test_proof_of_one_prediction(kept: Kept, tmp_path: Path) -> None:
    row = prove(kept, tmp_path / "proof.json")
    # the checker has the proof and an endpoint, and no project
    done = run_alone("verify", "--proof", "proof.json", "--rpc-url", kept.url, "--json", folder=tmp_path)
    assert done.code == 0, done.err
    found = done.json
    predictions = pq.read_table(kept.table(kept.project, "predictions")).to_pylist()
    [mine] = [item for item in predictions if format_hash(item["transaction_hash"]) == row["tx_hash"]]
    assert found == {
        "result": "INCLUDED",
        "checked": "place under the committed root, not computed again",
        "model_id": kept.record["model_id"],
        "state": "active",
        "owner": kept.accounts[0]["address"].lower(),
        "prediction_log": kept.record["prediction_log"],
        "block": mine["block_number"],
        "transaction_hash": row["tx_hash"],
        "sender_ppm": mine["sender_ppm"],
        "receiver_ppm": mine["receiver_ppm"],
    } | {"prediction_log": found["prediction_log"]}
    assert found["prediction_log"].lower() == kept.record["prediction_log"]
    text = good("verify", "--proof", "proof.json", "--rpc-url", kept.url).out
    assert "MATCH" not in text
    assert "inclusion alone does not say they are right" in text


def test_proof_is_computed_again_with_source_and_model(kept: Kept, proof: str, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(proof, encoding="utf-8")
    check = ("verify", "--proof", tmp_path / "proof.json", "--rpc-url", kept.url)
    model = ("-m", kept.record["model"])
    found = good(*check, kept.source, *model, "--json").json
    assert (found["result"], found["checked"]) == ("MATCH", "place under the committed root, computed again")
    assert "next  give" not in good(*check, kept.source, *model).out
    refused(call(*check, kept.source), "T200", 2, "needs both source and model")
    program = find_model("tsgn-v1").program
    save_program(replace(program, threshold_ppm=program.threshold_ppm + 1), tmp_path / "other.tally")
    refused(call(*check, kept.source, "-m", tmp_path / "other.tally"), "T803", 3, "another program")
    forged = tmp_path / "forged"
    forged.mkdir()
    text = (Path(kept.source.partition(":")[2]) / "transactions.csv").read_text(encoding="utf-8")
    lines = text.splitlines()
    (forged / "transactions.csv").write_text("\n".join(lines[:ROW]) + "\n", encoding="utf-8")
    refused(call(*check, f"xblock:{forged}", *model), "T803", 3, "no such transfer")


def flip(text: str) -> str:
    """Hexadecimal text with its last digit changed."""
    return text[:-1] + ("0" if text[-1] != "0" else "1")


@pytest.mark.parametrize("field", ["leaf", "path", "root", "leaf_index", "count", "index", "last_block"])
def test_finds_a_tampered_proof(kept: Kept, proof: str, tmp_path: Path, field: str) -> None:
    content = json.loads(proof)
    value = content[field]
    if isinstance(value, int):
        content[field] = value + 1
    else:
        content[field] = [flip(value[0]), *value[1:]] if isinstance(value, list) else flip(value)
    if field == "leaf":
        position = 2 + 2 * 40  # in the transaction's hash
        content[field] = value[:position] + flip(value[position : position + 1]) + value[position + 1 :]
    (tmp_path / "proof.json").write_text(json.dumps(content), encoding="utf-8")
    done = call("verify", "--proof", tmp_path / "proof.json", "--rpc-url", kept.url, "--json")
    refused(done, "T803", 3)
    assert done.json["error"] == "T803"


def test_proof_is_of_a_model_and_registry_that_are_known(kept: Kept, proof: str, tmp_path: Path) -> None:
    (tmp_path / "proof.json").write_text(proof, encoding="utf-8")
    check = ("verify", "--proof", "proof.json", "--rpc-url", kept.url)
    # a checker's registry may be written with capital letters, as explorers do
    registry = "0x" + kept.record["registry"][2:].upper()
    assert good(*check, "--registry", registry, "--json").json["result"] == "INCLUDED"
    other = kept.record["prediction_log"]
    refused(call(*check, "--registry", other), "T803", 3, "bound to registry", kept.record["registry"], other.lower())
    content = json.loads(proof)
    content["model_id"] = flip(content["model_id"])
    (tmp_path / "proof.json").write_text(json.dumps(content), encoding="utf-8")
    refused(call(*check), "T800", 1, "does not know the model", content["model_id"])


@pytest.mark.parametrize("value", [-1, 1 << 64, 1 << 256])
def test_invalid_index_of_a_proof(kept: Kept, proof: str, tmp_path: Path, value: int) -> None:
    (tmp_path / "p.json").write_text(json.dumps({**json.loads(proof), "index": value}), encoding="utf-8")
    done = call("verify", "--proof", "p.json", "--rpc-url", kept.url)
    refused(done, "T200", 2, "index of the proof is out of range", "file=p.json")


def test_invalid_proof(kept: Kept, proof: str, tmp_path: Path) -> None:
    place = ("--rpc-url", kept.url)
    refused(call("verify", "--proof", "no.json", *place), "T200", 2, "cannot be read", "file=no.json")
    (tmp_path / "p.json").write_text("{}", encoding="utf-8")
    refused(call("verify", "--proof", "p.json", *place), "T200", 2, "file=p.json")
    (tmp_path / "p.json").write_bytes(b"\xff\xfe")
    refused(call("verify", "--proof", "p.json", *place), "T200", 2, "file=p.json")
    (tmp_path / "p.json").write_text(proof.replace('"chain_id": 31337', '"chain_id": 1'), encoding="utf-8")
    refused(call("verify", "--proof", "p.json", *place), "T305", 1, "expected=1")


def test_invalid_proof_request(kept: Kept) -> None:
    project = ("--project", kept.project)
    refused(call("verify", "--prove", "0x" + "00" * 32, *project), "T200", 2, "needs a file")
    refused(call("verify", "--prove", "0x00", "-o", "p.json", *project), "T201", 2)
    refused(call("verify", "--prove", "0x" + "00" * 32, "-o", "p.json", *project), "T200", 2, "no such transaction")
    known = read_rows(Path(kept.source.partition(":")[2]) / "transactions.csv")[ROW]["tx_hash"]
    refused(call("verify", "--prove", known, "--transfer", 7, "-o", "p.json", *project), "T200", 2, "no transfer 7")
    assert not Path("p.json").exists()
