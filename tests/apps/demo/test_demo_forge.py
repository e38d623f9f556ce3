from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tallystick.apps.demo import forge
from tallystick.errors import InputError
from tallystick.ledger import MismatchKind, compare_predictions
from tallystick.store import PREDICTIONS
from tallystick.units import format_hash


def predictions(*ppm: int) -> pa.Table:
    rows = [
        {
            "block_number": number,
            "timestamp": number,
            "transaction_index": 0,
            "transfer_index": 0,
            "transaction_hash": number.to_bytes(32),
            "from_address": bytes(20),
            "to_address": None,
            "sender_raw": 0,
            "receiver_raw": None,
            "sender_ppm": value,
            "receiver_ppm": None,
            "flag": False,
        }
        for number, value in enumerate(ppm)
    ]
    return pa.Table.from_pylist(rows, schema=PREDICTIONS.schema)


@pytest.mark.parametrize(("was", "now"), [(5, 4), (0, 1), (1_000_000, 999_999)])
def test_forge_alters_one_cell_by_one(tmp_path: Path, was: int, now: int) -> None:
    table = predictions(1, 2, was, 4)
    forgery, altered = forge(table, tmp_path / "deep" / "forged.parquet")
    assert (forgery.row, forgery.block_number, forgery.field, forgery.was, forgery.now) == (
        2,
        2,
        "sender_ppm",
        was,
        now,
    )
    assert forgery.transaction_hash == format_hash((2).to_bytes(32))
    assert altered.schema == PREDICTIONS.schema
    assert altered.drop_columns("sender_ppm") == table.drop_columns("sender_ppm")
    assert altered["sender_ppm"].to_pylist() == [1, 2, now, 4]
    assert pq.read_table(forgery.file)["sender_ppm"].to_pylist() == [1, 2, now, 4]
    found = compare_predictions(altered, table)
    assert found is not None
    assert (found.kind, found.block, found.field) == (MismatchKind.ALTERED_VALUE, 2, "sender_ppm")
    assert (found.stored, found.recomputed) == (now, was)


def test_forge_of_one_row(tmp_path: Path) -> None:
    assert forge(predictions(9), tmp_path / "f.parquet")[0].row == 0


def test_invalid_forge_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no prediction to alter"):
        forge(predictions(), tmp_path / "f.parquet")
    assert list(tmp_path.iterdir()) == []
