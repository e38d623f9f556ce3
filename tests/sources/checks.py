"""What every kind of source must do; run on each by ``test_conformance.py``."""

from __future__ import annotations

import inspect

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tallystick.errors import RangeError
from tallystick.sources import parse_source
from tallystick.store import LABELS, TRANSFERS, check_table

from .worlds import Opener


def blocks_of(table: pa.Table) -> list[int]:
    return list(dict.fromkeys(table["block_number"].to_pylist()))


def check_schema(make: Opener) -> None:
    table = make("").read()
    assert table.num_rows > 3
    assert table.schema.equals(TRANSFERS.schema)
    check_table(table, TRANSFERS)


def check_chain_order(make: Opener) -> None:
    table = make("").read()
    keys = ("block_number", "transaction_index", "transfer_index")
    rows = list(zip(*(table[name].to_pylist() for name in keys), strict=True))
    assert rows == sorted(set(rows))
    assert all(after == 0 or (block, tx, after - 1) in rows for block, tx, after in rows)
    times = dict(zip(table["block_number"].to_pylist(), table["timestamp"].to_pylist(), strict=True))
    assert list(times.values()) == sorted(times.values())


def check_batches_are_the_table_cut_at_blocks(make: Opener) -> None:
    table = make("").read()
    for rows in (1, 2, 3, 65_536):
        batches = list(make("").batches(rows))
        assert pa.concat_tables(batches).combine_chunks().equals(table)
        assert all(batch.num_rows <= rows or len(blocks_of(batch)) == 1 for batch in batches)
        found = [block for batch in batches for block in blocks_of(batch)]
        assert len(found) == len(set(found)), "a block was split"


def check_batches_refuse_no_rows(make: Opener) -> None:
    with pytest.raises(RangeError, match="at least one row"):
        make("").batches(0)


def check_content_hash_is_stable(make: Opener) -> None:
    source = make("")
    before = source.content_hash()
    source.read()
    assert before == source.content_hash() == make("").content_hash()
    assert len(bytes.fromhex(before)) == 32


def check_range_is_honoured(make: Opener) -> None:
    table = make("").read()
    low, middle, high = (blocks_of(table)[at] for at in (0, 1, -1))
    for text, first, last in (
        (f"#{middle}:", middle, 1 << 32),
        (f"#:{middle}", 0, middle),
        (f"#{low}:{high}", low, high),
        (f"#{middle}:{middle + 1}", middle, middle + 1),
    ):
        numbers = table["block_number"]
        want = table.filter(pc.and_(pc.greater_equal(numbers, first), pc.less(numbers, last)))
        assert make(text).read().equals(want.combine_chunks())


def check_empty_range(make: Opener) -> None:
    for text in ("#2:2", "#0:0"):
        source = make(text)
        table = source.read()
        assert table.num_rows == 0
        assert table.schema.equals(TRANSFERS.schema)
        assert list(source.batches()) == []
        assert source.describe()["rows"] == 0
        assert source.content_hash() == make(text).content_hash()


def check_spec_round_trip(make: Opener) -> None:
    spec = make("#1:3").spec
    assert parse_source(str(spec)) == spec


def check_describe(make: Opener) -> None:
    source = make("#0:3")
    described = source.describe()
    assert (described["kind"], described["range"], described["rows"]) == (source.kind, "0:3", None)
    rows = source.read().num_rows
    assert source.describe()["rows"] == rows


def check_capabilities_are_documented_and_true(make: Opener) -> None:
    source = make("")
    for text in (source.summary, source.lacks, inspect.getdoc(type(source))):
        assert text
    table = source.read()
    assert (table["gas_used"].null_count < table.num_rows) == source.has_gas
    assert (table["erc20"].null_count < table.num_rows) == source.has_tokens
    assert pc.all(table["success"]).as_py() != source.has_success
    labels = source.labels()
    assert (labels is not None) == source.has_labels
    if labels is not None:
        check_table(labels, LABELS)
        accounts = {
            "0x" + cell.hex() for name in ("from_address", "to_address") for cell in table[name].to_pylist() if cell
        }
        assert set(labels["address"].to_pylist()) <= accounts


def check_good_rows_are_not_bad(make: Opener) -> None:
    source = make("")
    source.read()
    assert (source.bad_rows.count, source.bad_rows.first) == (0, [])


CHECKS = [
    check
    for name, check in list(globals().items())
    if name.startswith("check_") and inspect.isfunction(check) and check.__module__ == __name__
]
