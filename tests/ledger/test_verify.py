"""Every way to tamper is found, and named for what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from tallystick.errors import LedgerError, VerificationFailed
from tallystick.hashing import keccak256
from tallystick.ledger._commitment import Commitment, LedgerClaim, ModelState, root_of_range
from tallystick.ledger._ranges import BlockRange, cut_ranges
from tallystick.ledger._verify import OurHalf, StoredHalf, VerifyReport, verify_ranges
from tallystick.units import BlockNumber, Hash, UnixSeconds

Make = Callable[..., tuple[pa.Table, pa.Table]]
PROGRAM, SPEC, MODEL = (keccak256(name) for name in (b"program", b"spec", b"model"))
ROWS = 120


def _claim(transfers: pa.Table, predictions: pa.Table, size: int = 30) -> LedgerClaim:
    roots = map(root_of_range, cut_ranges(transfers, predictions, size))
    commitments = tuple(
        Commitment(root.range, root.count, root.root, index, UnixSeconds(1)) for index, root in enumerate(roots)
    )
    return LedgerClaim(MODEL, ModelState.ACTIVE, PROGRAM, SPEC, commitments)


class World:
    """An honest run: what is on the ledger, what was kept, what the verifier computes."""

    def __init__(self, transfers: pa.Table, predictions: pa.Table) -> None:
        self.transfers, self.predictions = transfers, predictions
        self.claim = _claim(transfers, predictions)
        self.ours = OurHalf(PROGRAM, SPEC, transfers, predictions)
        self.kept = StoredHalf(predictions, transfers)

    def verify(self, **changes: Any) -> VerifyReport:
        stored = changes.pop("stored", self.kept)
        return verify_ranges(replace(self.claim, **changes.pop("claim", {})), replace(self.ours, **changes), stored)


@pytest.fixture
def world(tables: Make) -> World:
    return World(*tables(ROWS))


def _with(table: pa.Table, row: int, name: str, value: object) -> pa.Table:
    rows = table.to_pylist()
    rows[row][name] = value
    return pa.Table.from_pylist(rows, schema=table.schema)


def _one_more(table: pa.Table, row: int, name: str = "sender_ppm") -> pa.Table:
    return _with(table, row, name, table.column(name)[row].as_py() ^ 1)


def _take(table: pa.Table, rows: list[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64()))


def _range_of(world: World, row: int) -> BlockRange:
    block = world.transfers.column("block_number")[row].as_py()
    return next(item.range for item in world.claim.commitments if block in item.range)


def test_untouched_run_matches(world: World) -> None:
    for stored in (world.kept, StoredHalf(world.predictions), None):
        report = world.verify(stored=stored)
        assert report.matches
        report.check()
        assert (report.before, report.transfers, report.pending) == (0, ROWS, 0)
        assert report.ranges == len(world.claim.commitments)
    assert report.to_json()["result"] == "MATCH"
    assert report.to_json()["mismatch"] is None


def test_rows_before_and_after_the_committed_blocks_are_not_judged(world: World) -> None:
    middle = world.claim.commitments[1:-1]
    report = world.verify(claim={"commitments": middle})
    assert report.matches
    assert report.transfers == sum(item.count for item in middle)
    assert report.pending == report.to_json()["pending"] == world.claim.commitments[-1].count
    assert report.before == report.to_json()["before"] == world.claim.commitments[0].count
    assert report.before + report.transfers + report.pending == ROWS


def test_altered_score_in_what_was_kept(world: World) -> None:
    report = world.verify(stored=StoredHalf(_one_more(world.predictions, 50)))
    found = report.mismatch
    assert found is not None
    assert (found.kind, found.field, found.ledger_agrees_with) == ("altered_value", "sender_ppm", "recomputed")
    assert found.transaction_hash == world.transfers.column("transaction_hash")[50].as_py()
    assert found.block == world.transfers.column("block_number")[50].as_py()
    assert found.range == _range_of(world, 50)
    assert report.to_json()["mismatch"]["range"] == [found.range.first_block, found.range.last_block]
    with pytest.raises(VerificationFailed, match="sender_ppm") as caught:
        report.check()
    assert caught.value.where["block"] == found.block


def test_altered_score_that_was_committed(world: World) -> None:
    forged = _one_more(world.predictions, 50)
    lie = _claim(world.transfers, forged)
    found = world.verify(claim={"commitments": lie.commitments}, stored=StoredHalf(forged)).mismatch
    assert found is not None
    assert (found.kind, found.field, found.ledger_agrees_with) == ("altered_value", "sender_ppm", "stored")


def test_altered_score_that_agrees_with_nothing(world: World) -> None:
    lie = _claim(world.transfers, _one_more(world.predictions, 51))
    forged = StoredHalf(_one_more(world.predictions, 50))
    found = world.verify(claim={"commitments": lie.commitments}, stored=forged).mismatch
    assert found is not None
    assert found.ledger_agrees_with == "neither"


def test_altered_score_without_what_was_kept_names_the_range(world: World) -> None:
    lie = _claim(world.transfers, _one_more(world.predictions, 50))
    found = world.verify(claim={"commitments": lie.commitments}, stored=None).mismatch
    assert found is not None
    assert (found.kind, found.field, found.range) == ("range_differs", "root", _range_of(world, 50))
    assert found.cause.startswith("inputs or scores differ in block range [")


def test_swapped_rows(world: World) -> None:
    order = list(range(ROWS))
    order[40], order[41] = 41, 40
    found = world.verify(stored=StoredHalf(_take(world.predictions, order))).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("swapped_rows", "recomputed")


def test_swapped_rows_far_apart_are_not_taken_for_ranges(world: World) -> None:
    order = list(range(ROWS))
    order[3], order[100] = 100, 3
    found = world.verify(stored=StoredHalf(_take(world.predictions, order))).mismatch
    assert found is not None
    assert found.kind == "swapped_rows"


@pytest.mark.parametrize("row", [0, 60, ROWS - 1])
def test_missing_row(world: World, row: int) -> None:
    kept = _take(world.predictions, [k for k in range(ROWS) if k != row])
    found = world.verify(stored=StoredHalf(kept)).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("missing_row", "recomputed")


@pytest.mark.parametrize("row", [0, 60, ROWS - 1])
def test_extra_row(world: World, row: int) -> None:
    kept = _take(world.predictions, sorted([*range(ROWS), row]))
    found = world.verify(stored=StoredHalf(kept)).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("extra_row", "recomputed")


def test_row_missing_from_the_ledger_changes_the_count(world: World) -> None:
    rest = [k for k in range(ROWS) if k != 50]
    lie = _claim(_take(world.transfers, rest), _take(world.predictions, rest), 31)
    found = world.verify(claim={"commitments": lie.commitments}, stored=None).mismatch
    assert found is not None
    assert (found.kind, found.field) == ("range_differs", "count")
    assert (found.stored, found.recomputed) == (lie.commitments[1].count, lie.commitments[1].count + 1)


def test_range_missing_from_the_ledger(world: World) -> None:
    commitments = world.claim.commitments
    found = world.verify(claim={"commitments": (commitments[0], *commitments[2:])}).mismatch
    assert found is not None
    assert found.kind == "missing_row"
    assert found.block == commitments[1].range.first_block
    assert "no committed range holds it" in found.cause


def test_other_program(world: World) -> None:
    found = world.verify(program_hash=SPEC).mismatch
    assert found is not None
    assert (found.kind, found.field, found.stored, found.recomputed) == ("other_program", "program_hash", PROGRAM, SPEC)


def test_other_feature_spec(world: World) -> None:
    found = world.verify(feature_spec_hash=PROGRAM).mismatch
    assert found is not None
    assert (found.kind, found.field) == ("other_feature_spec", "feature_spec_hash")


def test_changed_input_with_what_was_kept_names_row_and_field(world: World) -> None:
    changed = _with(world.transfers, 70, "value_binary", b"\x01" * 32)
    found = world.verify(transfers=changed).mismatch
    assert found is not None
    assert (found.kind, found.field, found.range) == ("changed_input", "value_binary", _range_of(world, 70))
    assert (found.recomputed, found.ledger_agrees_with) == (b"\x01" * 32, "stored")
    found = world.verify(stored=StoredHalf(world.predictions, changed)).mismatch
    assert found is not None
    assert (found.kind, found.stored, found.ledger_agrees_with) == ("changed_input", b"\x01" * 32, "recomputed")


def test_changed_input_without_kept_transfers_names_the_range(world: World) -> None:
    changed = _with(world.transfers, 70, "gas_used", 1)
    found = world.verify(transfers=changed, stored=StoredHalf(world.predictions)).mismatch
    assert found is not None
    assert (found.kind, found.field, found.range) == ("range_differs", "root", _range_of(world, 70))


def test_changed_input_that_changes_the_score_too(world: World) -> None:
    changed = _with(world.transfers, 70, "gas_used", 1)
    scores = _one_more(world.predictions, 70)
    found = world.verify(transfers=changed, predictions=scores, stored=StoredHalf(world.predictions)).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("altered_value", "neither")
    found = world.verify(transfers=changed, predictions=scores).mismatch
    assert found is not None
    assert (found.kind, found.field, found.ledger_agrees_with) == ("changed_input", "gas_used", "stored")


def test_missing_and_swapped_inputs(world: World) -> None:
    kept = world.transfers.slice(1)
    found = world.verify(stored=StoredHalf(world.predictions, kept)).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("missing_row", "recomputed")


def _swap_roots(commitments: tuple[Commitment, ...]) -> tuple[Commitment, ...]:
    one, two = commitments[1], commitments[2]
    swapped = [replace(one, root=two.root, count=two.count), replace(two, root=one.root, count=one.count)]
    return (commitments[0], *swapped, *commitments[3:])


def test_reordered_ranges_on_the_ledger(world: World) -> None:
    commitments = world.claim.commitments
    order = (commitments[0], commitments[2], commitments[1], *commitments[3:])
    for lie, place in ((order, 1), (_swap_roots(commitments), 1)):
        found = world.verify(claim={"commitments": lie}).mismatch
        assert found is not None
        assert found.kind == "reordered_ranges"
        assert found.range == commitments[place].range


def test_reordered_ranges_in_what_was_kept(world: World) -> None:
    parts = [
        world.predictions.filter(
            pa.array([block in item.range for block in world.predictions.column("block_number").to_pylist()])
        )
        for item in world.claim.commitments
    ]
    kept = pa.concat_tables([parts[0], parts[2], parts[1], *parts[3:]])
    found = world.verify(stored=StoredHalf(kept)).mismatch
    assert found is not None
    assert (found.kind, found.range) == ("reordered_ranges", world.claim.commitments[1].range)
    assert "block ranges are re-ordered" in found.cause


def test_invalid_claim_without_commitments(world: World) -> None:
    with pytest.raises(LedgerError, match="no commitments"):
        world.verify(claim={"commitments": ()})


def test_empty_source_is_a_mismatch(world: World, tables: Make) -> None:
    transfers, predictions = tables(0)
    found = world.verify(transfers=transfers, predictions=predictions, stored=None).mismatch
    assert found is not None
    assert (found.field, found.recomputed) == ("count", 0)


def test_root_over_other_bytes_is_found(world: World) -> None:
    first = world.claim.commitments[0]
    lie = (replace(first, root=Hash(keccak256(b"")), range=BlockRange(BlockNumber(0), first.range.last_block)),)
    found = world.verify(claim={"commitments": lie}, stored=None).mismatch
    assert found is not None
    assert found.field == "root"


def test_row_missing_from_what_was_kept_and_a_false_commitment(world: World) -> None:
    lie = _claim(world.transfers, _one_more(world.predictions, 50))
    kept = StoredHalf(_take(world.predictions, [k for k in range(ROWS) if k != 50]))
    found = world.verify(claim={"commitments": lie.commitments}, stored=kept).mismatch
    assert found is not None
    assert (found.kind, found.ledger_agrees_with) == ("missing_row", "neither")


def test_extra_row_between_the_ranges(world: World) -> None:
    commitments = world.claim.commitments
    lost = commitments[1].range
    inside = [block not in lost for block in world.transfers.column("block_number").to_pylist()]
    rest = {name: getattr(world, name).filter(pa.array(inside)) for name in ("transfers", "predictions")}
    found = world.verify(claim={"commitments": (commitments[0], *commitments[2:])}, **rest).mismatch
    assert found is not None
    assert (found.kind, found.range, found.ledger_agrees_with) == ("extra_row", None, None)
    assert found.block == lost.first_block
