"""Scoring a stream: equal to the references, whatever the batches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tallystick.apps.fraud import Scored, Scorer, check_spec, score_stream
from tallystick.errors import SpecMismatch
from tallystick.exact import Program, score_row
from tallystick.features import ReferenceEngine, TransferBatch
from tallystick.store import PREDICTIONS, check_table

from .world import World


def test_scores_are_the_references(world: World, program: Program, scored: Scored) -> None:
    """Reference engine and reference interpreter, row by row."""
    rows = ReferenceEngine().advance(TransferBatch.from_arrow(world.table))
    found = scored.predictions.to_pylist()
    assert len(found) == world.table.num_rows
    for number, (transfer, prediction) in enumerate(zip(world.table.to_pylist(), found, strict=True)):
        sender = score_row(program, rows[2 * number])
        receiver = score_row(program, rows[2 * number + 1]) if transfer["to_address"] is not None else None
        assert prediction == {
            **{column.name: transfer[column.name] for column in PREDICTIONS.columns[:7]},
            "sender_raw": sender.raw,
            "sender_ppm": sender.ppm,
            "receiver_raw": receiver and receiver.raw,
            "receiver_ppm": receiver and receiver.ppm,
            "flag": sender.flag or bool(receiver and receiver.flag),
        }


def test_predictions_have_the_layout(scored: Scored) -> None:
    check_table(scored.predictions, PREDICTIONS)
    flags = scored.predictions["flag"].to_pylist()
    assert True in flags
    assert False in flags


def test_nobody_has_no_score(world: World, scored: Scored) -> None:
    nobody = world.table["to_address"].is_null().to_pylist()
    assert any(nobody)
    for name in ("receiver_raw", "receiver_ppm"):
        assert scored.predictions[name].is_null().to_pylist() == nobody


@pytest.mark.parametrize("rows", [1, 100, 333])
def test_batches_do_not_matter(world: World, program: Program, scored: Scored, rows: int) -> None:
    scorer = Scorer(program)
    parts = [scorer.score(table) for table in world.source().batches(rows)]
    assert len(parts) > 3
    assert pa.concat_tables([part.predictions for part in parts]).equals(scored.predictions)
    assert np.array_equal(np.concatenate([part.raw for part in parts]), scored.raw)


def test_from_time_skips_without_forgetting(world: World, program: Program, scored: Scored) -> None:
    middle = world.table["timestamp"][world.table.num_rows // 2].as_py()
    (late,) = score_stream(world.source(), Scorer(program), middle)
    first = next(k for k, time in enumerate(world.table["timestamp"].to_pylist()) if time >= middle)
    assert late.predictions.equals(scored.predictions.slice(first))
    assert late.transfers.equals(world.table.slice(first).combine_chunks())
    assert list(score_stream(world.source(), Scorer(program), 2**32 - 1)) == []


def test_invalid_program_for_other_features(program: Program) -> None:
    other = replace(program, feature_spec_hash=b"\x01" * 32)
    for refused in (Scorer, check_spec):
        with pytest.raises(
            SpecMismatch, match="was made for feature spec 0x0101010101010101…, this engine computes 0x"
        ):
            refused(other)
    check_spec(program)
