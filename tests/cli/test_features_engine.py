"""Where ``tally features`` computes: here, or in shards on Ray."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from .calls import call, good


def test_list_says_where_families_are_computed() -> None:
    rows = good("features", "--list", "--family", "motifs", "--family", "flow", "--json").json["features"]
    assert {row["family"]: row["scope"] for row in rows} == {"flow": "account", "motifs": "global"}
    assert "\nmotifs (in shards: global)\n" in good("features", "--list").out


@pytest.mark.slow
def test_ray_writes_the_file_that_one_process_writes(stream: Path) -> None:
    source, labels = f"xblock:{stream}", ("--labels", f"xblock:{stream}")
    here = good("features", source, "-o", "here.parquet", *labels, "--json").json
    done = good("features", source, "-o", "there.parquet", *labels, "--engine", "ray", "--shards", "2", "--json")
    assert Path("there.parquet").read_bytes() == Path("here.parquet").read_bytes()
    assert "2 shards are ready" in done.err
    assert done.json["shards"] == 2
    assert done.json["seconds"] > 0
    assert done.json["shuffle_bytes"] > 8 * pq.read_table("here.parquet").num_rows
    same = ("transfers", "rows", "accounts", "bad_rows", "spec")
    assert [done.json[name] for name in same] == [here[name] for name in same]


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--engine", "dask"), "T200", "no engine 'dask'"),
        (("--engine", "rays"), "T200", "no engine 'rays'"),
        (("--engine", "ray:"), "T200", "is no address of Ray"),
        (("--engine", "ray://127.0.0.1:1"), "T500", "no Ray at ray://127.0.0.1:1"),
        (("--engine", "ray", "--shards", "0"), "T201", "0 shards"),
        (("--engine", "ray", "--state", "s"), "T200", "shards keep no state"),
        (("--engine", "ray", "--family", "motifs"), "T500", "shards compute none of motifs"),
        (("--shards", "2"), "T200", "--shards without shards"),
    ],
)
def test_invalid_engine(stream: Path, flags: tuple[str, ...], code: str, words: str) -> None:
    done = call("features", f"xblock:{stream}", "-o", "f.parquet", *flags)
    assert done.code != 0
    assert f"error {code} " in done.err
    assert words in done.err
    assert "next: " in done.err
    assert not Path("f.parquet").exists()
