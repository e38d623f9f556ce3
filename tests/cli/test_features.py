"""The options of ``tally features``: families, labels, and a state that a later run goes on from."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tallystick.cli import _features
from tallystick.features import FAMILIES, SPEC, example

from .calls import call, good, refused
from .streams import read_rows, write_rows


def blocks_of(stream: Path) -> list[int]:
    return [int(row["block"]) for row in read_rows(stream / "transactions.csv")]


def cut(stream: Path) -> int:
    """A block in the middle."""
    return blocks_of(stream)[len(blocks_of(stream)) // 2]


def test_list_has_examples_and_windows() -> None:
    rows = good("features", "--list", "--json").json["features"]
    values = {name: value for family in FAMILIES for name, value in example(family).items()}
    assert {row["name"]: row["example"] for row in rows} == values
    assert {row["family"] for row in rows} == set(FAMILIES)
    text = good("features", "--list").out
    assert "window 259,200 s" in text
    assert "half-life 3,600 s" in text


def test_list_of_one_family() -> None:
    content = good("features", "--list", "--family", "fees", "--json").json
    assert [row["name"] for row in content["features"]] == [feature.name for feature in FAMILIES["fees"].FEATURES]


def test_families_are_columns_of_the_whole(stream: Path) -> None:
    good("features", f"xblock:{stream}", "-o", "all.parquet")
    facts = good(
        "features", f"xblock:{stream}", "-o", "some.parquet", "--family", "motifs", "--family", "flow", "--json"
    ).json
    some, whole = pq.read_table("some.parquet"), pq.read_table("all.parquet")
    names = [feature.name for family in ("flow", "motifs") for feature in FAMILIES[family].FEATURES]
    assert some.column_names[5:] == names  # in the order of the spec, whatever the order of the flags
    assert some.equals(whole.select(some.column_names))
    assert facts["spec"] != f"0x{SPEC.hash.hex()}"


def test_window_and_exposure_are_in_the_spec(stream: Path) -> None:
    specs = {
        good("features", f"xblock:{stream}", "-o", "f.parquet", *flags, "--json").json["spec"]
        for flags in ((), ("--window", "3600"), ("--exposure", "fifo"))
    }
    assert len(specs) == 3


def test_state_goes_on_where_it_ended(stream: Path) -> None:
    """Two runs give the rows and the state of one."""
    middle, whole = cut(stream), f"xblock:{stream}"
    once = good("features", whole, "-o", "once.parquet", "--state", "once.state", "--json").json
    first = good("features", f"{whole}#:{middle}", "-o", "a.parquet", "--state", "night.state", "--json").json
    assert first["last_block"] < middle
    second = good("features", whole, "-o", "b.parquet", "--state", "night.state", "--json")
    assert f"go on after block {first['last_block']:,}" in second.err
    rows = pa.concat_tables([pq.read_table("a.parquet"), pq.read_table("b.parquet")])
    assert rows.equals(pq.read_table("once.parquet"))
    assert second.json["state_hash"] == once["state_hash"]
    assert second.json["last_block"] == once["last_block"] == blocks_of(stream)[-1]
    assert first["transfers"] + second.json["transfers"] == once["transfers"]


def test_state_with_nothing_new(stream: Path) -> None:
    one = ("features", f"xblock:{stream}", "-o", "f.parquet", "--state", "s", "--json")
    first, again = good(*one).json, good(*one).json
    assert again["transfers"] == 0
    assert again["state_hash"] == first["state_hash"]
    assert pq.read_table("f.parquet").num_rows == 0
    assert len(pq.read_table("f.parquet").column_names) == 5 + len(SPEC.names)


def exposed(path: str) -> int:
    return sum(value > 0 for value in pq.read_table(path)["exposed_phishing"].to_pylist())


def test_labels_expose(stream: Path) -> None:
    done = good("features", f"xblock:{stream}", "-o", "f.parquet", "--labels", f"xblock:{stream}")
    labels = read_rows(stream / "labels.csv")
    sources = sum(row["label"] == "phishing" for row in labels)
    assert f"{sources:,} count, left out {len(labels) - sources:,} of another category" in done.err
    assert exposed("f.parquet") > 0
    good("features", f"xblock:{stream}", "-o", "without.parquet")
    assert exposed("without.parquet") == 0


def test_labels_read_again_are_the_same_labels(stream: Path) -> None:
    middle, lists = cut(stream), ("--labels", f"xblock:{stream}")
    once = good("features", f"xblock:{stream}", "-o", "once.parquet", *lists, "--json").json
    good("features", f"xblock:{stream}#:{middle}", "-o", "a.parquet", "--state", "s", *lists)
    second = good("features", f"xblock:{stream}", "-o", "b.parquet", "--state", "s", *lists, "--json")
    assert "labels: 0 changes" in second.err
    assert second.json["state_hash"] == once["state_hash"]


def test_labels_that_come_later_count_from_then_on(stream: Path, tmp_path: Path) -> None:
    middle = cut(stream)
    good("features", f"xblock:{stream}#:{middle}", "-o", "a.parquet", "--state", "s")
    done = good("features", f"xblock:{stream}", "-o", "b.parquet", "--state", "s", "--labels", f"xblock:{stream}")
    assert "labels: 0 changes" not in done.err
    assert exposed("a.parquet") == 0
    assert exposed("b.parquet") > 0


def test_bad_labels_are_counted(stream: Path, tmp_path: Path) -> None:
    rows = [*read_rows(stream / "labels.csv"), {"address": "0x12", "label": "phishing"}]
    (tmp_path / "own").mkdir()
    write_rows(tmp_path / "own" / "labels.csv", rows)
    flags = ("-o", "f.parquet", "--labels", f"xblock:{tmp_path / 'own'}")
    refused(call("features", f"xblock:{stream}", *flags), "T202", 2, "column=address")
    assert "left out 1 malformed rows" in good("features", f"xblock:{stream}", *flags, "--skip-bad-rows").err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--family", "motif"), "no family 'motif'; did you mean 'motifs'"),
        (("--exposure", "fif"), "no accounting rule 'fif'; did you mean 'fifo'"),
        (("--window", "0"), "a window of 0 s"),
    ],
)
def test_invalid_options(stream: Path, flags: tuple[str, ...], words: str) -> None:
    for rest in ((f"xblock:{stream}", "-o", "f.parquet"), ("--list",)):
        done = call("features", *rest, *flags)
        assert done.code != 0
        assert words in done.err
    assert not Path("f.parquet").exists()


def test_invalid_state_has_other_options(stream: Path) -> None:
    good("features", f"xblock:{stream}", "-o", "f.parquet", "--state", "s", "--family", "flow")
    before = Path("s").read_bytes()
    good("features", f"xblock:{stream}", "-o", "f.parquet", "--state", "s")  # says nothing, so takes the state's
    for flags in (("--family", "fees"), ("--window", "60"), ("--exposure", "poison")):
        done = call("features", f"xblock:{stream}", "-o", "g.parquet", "--state", "s", *flags)
        assert done.code != 0
        assert "was saved with other options" in done.err
    assert Path("s").read_bytes() == before
    assert not Path("g.parquet").exists()


def test_invalid_state_is_damaged(stream: Path) -> None:
    good("features", f"xblock:{stream}", "-o", "f.parquet", "--state", "s")
    Path("s").write_bytes(Path("s").read_bytes()[:-1])
    refused(call("features", f"xblock:{stream}", "-o", "g.parquet", "--state", "s"), "T403", 1, "cut short")
    Path("s").write_text("no state")
    refused(call("features", f"xblock:{stream}", "-o", "g.parquet", "--state", "s"), "T403", 1, "not a state file")


def test_compiling_is_announced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def compile_two(*rest: Any) -> None:
        for name in ("a", "b"):
            logging.getLogger("tallystick.compiling").info("compiling %s", name)

    monkeypatch.setattr(_features, "_list", compile_two)
    assert good("features", "--list").err.count("compiling the fast loops") == 1
    assert not logging.getLogger("tallystick.compiling").handlers
