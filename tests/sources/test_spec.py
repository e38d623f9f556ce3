from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError, SourceError
from tallystick.sources import BlockRange, SourceSpec, open_source, parse_source, source_kinds


def test_parse_source_reads_kind_path_and_range() -> None:
    assert parse_source("xblock:a/b") == SourceSpec("xblock", "a/b")
    assert parse_source("blocks:a#5:9") == SourceSpec("blocks", "a", BlockRange(5, 9))
    assert parse_source("rpc:http://127.0.0.1:8545#0:100").path == "http://127.0.0.1:8545"
    assert parse_source("cryo:a#:9").range == BlockRange(None, 9)
    assert parse_source("etl:a#:") == SourceSpec("etl", "a")
    assert parse_source("xblock:odd#name#:") == SourceSpec("xblock", "odd#name")


@given(
    st.sampled_from(source_kinds()),
    st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text[0] != "#"),
    st.none() | st.integers(0, 1 << 32),
    st.none() | st.integers(0, 1 << 32),
)
def test_parse_source_undoes_str(kind: str, path: str, first: int | None, last: int | None) -> None:
    if first is not None and last is not None:
        first, last = sorted((first, last))
    spec = SourceSpec(kind, path, BlockRange(first, last))
    assert parse_source(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("data/tsgn", "KIND:PATH"),
        ("xblok:a", "did you mean 'xblock'"),
        ("zzz:a", "kinds are blocks, cryo"),
        ("xblock:", "no path"),
        ("xblock:#5:9", "no path"),
    ],
)
def test_invalid_kind_or_path_is_refused(text: str, cause: str) -> None:
    with pytest.raises(SourceError, match=cause):
        parse_source(text)


@pytest.mark.parametrize(
    ("blocks", "cause"),
    [
        ("9:5", "9 > 5"),
        ("5", "FIRST:LAST"),
        ("", "FIRST:LAST"),
        ("a:b", "'a' is not a block number"),
        ("-1:5", "'-1' is not"),
        ("1:2:3", "'2:3' is not"),
        ("0:4294967297", "above 2\\*\\*32"),
        ("1" * 21 + ":", "is not a block number"),
    ],
)
def test_invalid_range_is_refused(blocks: str, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        parse_source(f"xblock:a#{blocks}")


def test_block_range_is_half_open() -> None:
    blocks = BlockRange(5, 7)
    assert [block for block in range(10) if block in blocks] == [5, 6]
    assert 5 not in BlockRange(5, 5)
    assert (1 << 32) - 1 in BlockRange()
    assert "5" not in blocks


def test_invalid_spec_object_is_refused() -> None:
    with pytest.raises(SourceError, match="unknown kind"):
        open_source(SourceSpec("nothing", "a"))
