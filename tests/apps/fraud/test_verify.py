"""A committed run matches to the last bit, and every way to tamper with it is found and named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tallystick.apps.fraud import (
    LedgerSession,
    Model,
    Scorer,
    recompute,
    register_model,
    score_to_project,
    stored_half,
    verify_model,
)
from tallystick.errors import InputError, LedgerError, SpecMismatch, VerificationFailed
from tallystick.exact import Program
from tallystick.features import SPEC
from tallystick.hashing import keccak256
from tallystick.ledger import (
    Committer,
    Mismatch,
    ModelEntry,
    PredictionLog,
    Registry,
    StoredHalf,
    VerifyReport,
    cut_ranges,
)
from tallystick.settings import Settings
from tallystick.store import Project
from tallystick.units import Hash

from .world import World

pytestmark = pytest.mark.chain

SIZE = 200


@dataclass
class Run:
    """An honest run: committed, and kept."""

    world: World
    program: Program
    session: LedgerSession
    registry: Registry
    log: PredictionLog
    model_id: Hash
    stored: StoredHalf

    def verify(self, **changes: Any) -> VerifyReport:
        given = {"model_id": self.model_id, "program": self.program, "stored": self.stored, **changes}
        given.setdefault("source", self.world.source())
        return verify_model(self.registry, self.log, **given)

    def find(self, **changes: Any) -> Mismatch:
        report = self.verify(**changes)
        assert report.mismatch is not None
        with pytest.raises(VerificationFailed):
            report.check()
        return report.mismatch

    def place(self, row: int) -> dict[str, Any]:
        names = ("block_number", "transaction_hash", "transfer_index")
        return {name: self.world.table[name][row].as_py() for name in names}

    def commit(self, program: Program, transfers: pa.Table, predictions: pa.Table, **entry: Any) -> Hash:
        """Register another model and commit whatever rows are given."""
        hashes = {"program_hash": program.hash, "feature_spec_hash": SPEC.hash, **entry}
        model_id = self.registry.register(self.session.sender(), ModelEntry(**hashes)).model_id
        committer = Committer(self.log, self.session.sender(), model_id, hashes["feature_spec_hash"])
        for rows in cut_ranges(transfers, predictions, SIZE):
            committer.commit(rows)
        return model_id


@pytest.fixture(scope="module")
def run(
    world: World,
    program: Program,
    ledger: LedgerSession,
    settings: Settings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Run]:
    registry, log, registration, _ = register_model(ledger, Model(program, {}, Path("program.tally")))
    committer = Committer(log, ledger.sender(), registration.model_id, SPEC.hash)
    with Project.open(tmp_path_factory.mktemp("verify") / "project") as project:
        job = score_to_project(project, world.source(most_rows=150), Scorer(program), 0, committer, settings)
        assert all(commit.is_new for commit in job.commits)
        assert job.gas_used > 0
        assert "commit" in job.seconds
        yield Run(world, program, ledger, registry, log, registration.model_id, stored_half(project, job.run))


def altered(table: pa.Table, row: int, name: str) -> pa.Table:
    """The table with the lowest bit of one cell turned."""
    rows = table.to_pylist()
    cell = rows[row][name]
    rows[row][name] = cell[:-1] + bytes([cell[-1] ^ 1]) if isinstance(cell, bytes) else type(cell)(cell ^ 1)
    return pa.Table.from_pylist(rows, schema=table.schema)


def taken(table: pa.Table, rows: list[int]) -> pa.Table:
    return table.take(pa.array(rows, pa.int64())).combine_chunks()


def test_untouched_run_matches(run: Run) -> None:
    for stored in (run.stored, StoredHalf(run.stored.predictions), None):
        report = run.verify(stored=stored)
        report.check()
        assert (report.matches, report.transfers, report.pending) == (True, run.world.table.num_rows, 0)
        assert report.ranges == run.log.commitments_count(run.model_id) > 4


def test_ranges_without_the_stored_half_from_another_batching(run: Run) -> None:
    assert run.verify(source=run.world.source(most_rows=17), stored=None).matches


@pytest.mark.parametrize("name", ["sender_raw", "sender_ppm", "receiver_raw", "receiver_ppm", "flag"])
def test_altered_score_by_one_unit(run: Run, name: str) -> None:
    row = 321
    assert run.stored.predictions is not None
    found = run.find(stored=replace(run.stored, predictions=altered(run.stored.predictions, row, name)))
    place = run.place(row)
    assert (found.kind, found.field, found.ledger_agrees_with) == ("altered_value", name, "recomputed")
    assert found.block == place["block_number"]
    assert found.transaction_hash == place["transaction_hash"]
    assert abs(int(found.stored) - int(found.recomputed)) == 1
    for word in (f"block {found.block}", "0x" + place["transaction_hash"].hex(), name):
        assert word in found.cause


def test_swapped_rows(run: Run) -> None:
    assert run.stored.predictions is not None
    order = list(range(run.world.table.num_rows))
    order[500], order[501] = order[501], order[500]
    found = run.find(stored=StoredHalf(taken(run.stored.predictions, order)))
    assert (found.kind, found.block) == ("swapped_rows", run.place(500)["block_number"])


def test_missing_row(run: Run) -> None:
    assert run.stored.predictions is not None
    found = run.find(
        stored=StoredHalf(taken(run.stored.predictions, [k for k in range(len(run.world.table)) if k != 77]))
    )
    assert (found.kind, found.transaction_hash) == ("missing_row", run.place(77)["transaction_hash"])


def test_extra_row(run: Run) -> None:
    assert run.stored.predictions is not None
    rows = sorted([*range(len(run.world.table)), 77])
    found = run.find(stored=StoredHalf(taken(run.stored.predictions, rows)))
    assert (found.kind, found.transaction_hash) == ("extra_row", run.place(77)["transaction_hash"])


def test_another_program(run: Run) -> None:
    model = run.program.model
    other = replace(run.program, model=replace(model, base=(model.base[0] + 1,)))
    found = run.find(program=other)
    assert (found.kind, found.field) == ("other_program", "program_hash")
    assert (found.stored, found.recomputed) == (run.program.hash, other.hash)


def test_another_feature_spec(run: Run, world: World) -> None:
    """The registry says another spec than the engine computes."""
    predictions = recompute(world.source(), run.program).predictions
    model_id = run.commit(run.program, world.table, predictions, feature_spec_hash=keccak256(b"other features"))
    found = run.find(model_id=model_id)
    assert (found.kind, found.field, found.recomputed) == ("other_feature_spec", "feature_spec_hash", SPEC.hash)


def test_invalid_program_for_another_feature_spec(run: Run) -> None:
    with pytest.raises(SpecMismatch):
        run.verify(program=replace(run.program, feature_spec_hash=bytes(32)))


@pytest.mark.parametrize("name", ["value_binary", "gas_price", "transaction_hash", "from_address"])
def test_changed_input_transaction(run: Run, name: str) -> None:
    row = 640
    source = run.world.source(table=altered(run.world.table, row, name))
    found = run.find(source=source)
    assert (found.kind, found.field, found.block) == ("changed_input", name, run.place(row)["block_number"])
    assert found.ledger_agrees_with == "stored"
    without = run.find(source=source, stored=None)
    assert without.kind == "range_differs"
    assert without.range == found.range
    assert without.range is not None
    assert run.place(row)["block_number"] in without.range


def test_input_transaction_left_out(run: Run) -> None:
    source = run.world.source(table=taken(run.world.table, [k for k in range(len(run.world.table)) if k != 640]))
    assert run.find(source=source).kind == "extra_row"
    assert run.find(source=source, stored=None).kind == "range_differs"


def test_reordered_block_ranges(run: Run) -> None:
    assert run.stored.predictions is not None
    first, second = run.log.commitments(run.model_id)[1:3]
    blocks = run.stored.predictions["block_number"].to_pylist()
    rows = [k for k, block in enumerate(blocks) if block in second.range]
    before = [k for k, block in enumerate(blocks) if block < first.range.first_block]
    middle = [k for k, block in enumerate(blocks) if block in first.range]
    after = [k for k, block in enumerate(blocks) if block >= second.range.last_block]
    found = run.find(stored=StoredHalf(taken(run.stored.predictions, [*before, *rows, *middle, *after])))
    assert (found.kind, found.range) == ("reordered_ranges", first.range)


def test_forged_score_that_was_committed(run: Run, world: World) -> None:
    """The committer lied to the ledger and kept the lie: the ledger agrees with what was kept."""
    forged = altered(recompute(world.source(), run.program).predictions, 321, "receiver_ppm")
    model_id = run.commit(run.program, world.table, forged, dataset_hash=keccak256(b"forged"))
    found = run.find(model_id=model_id, stored=StoredHalf(forged, world.table))
    assert (found.kind, found.field, found.ledger_agrees_with) == ("altered_value", "receiver_ppm", "stored")
    alone = run.find(model_id=model_id, stored=None)
    assert (alone.kind, alone.range) == ("range_differs", found.range)


def test_later_transfers_are_pending(run: Run, world: World) -> None:
    ours = recompute(world.source(table=world.table.slice(0, 600)), run.program)
    model_id = run.commit(run.program, ours.transfers, ours.predictions, dataset_hash=keccak256(b"part"))
    report = run.verify(model_id=model_id, stored=None)
    committed = sum(item.count for item in run.log.commitments(model_id))
    assert report.matches
    assert (report.transfers, report.pending) == (committed, world.table.num_rows - committed)


def test_invalid_unknown_model_and_no_commitments(run: Run) -> None:
    with pytest.raises(LedgerError, match="does not know the model"):
        run.verify(model_id=keccak256(b"nobody"))
    empty = run.registry.register(run.session.sender(), ModelEntry(run.program.hash, SPEC.hash, keccak256(b"empty")))
    with pytest.raises(LedgerError, match="no commitments"):
        run.verify(model_id=empty.model_id)


def test_recompute_is_the_stream(run: Run, world: World) -> None:
    notes: list[tuple[str, int, int | None]] = []
    ours = recompute(world.source(most_rows=150), run.program, lambda *note: notes.append(note))
    assert (ours.program_hash, ours.feature_spec_hash) == (run.program.hash, SPEC.hash)
    assert run.stored.predictions is not None
    assert ours.predictions.equals(run.stored.predictions)
    assert ours.transfers.equals(world.table)
    assert notes[-1] == ("recompute", world.table.num_rows, None)


def test_invalid_source_without_transfers(run: Run, world: World) -> None:
    with pytest.raises(InputError, match="the source has no transfers"):
        recompute(world.source(table=world.table.slice(0, 0)), run.program)
