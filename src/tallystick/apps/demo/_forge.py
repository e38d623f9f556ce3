"""The forger's part: one kept prediction, changed by one unit."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tallystick.errors import InputError
from tallystick.store import write_bytes
from tallystick.units import format_hash

__all__ = ["Forgery", "forge"]


@dataclass(frozen=True)
class Forgery:
    """What was changed, and the file that holds it."""

    file: Path
    row: int
    block_number: int
    transaction_hash: str
    field: str
    was: int
    now: int


def forge(predictions: pa.Table, file: Path) -> tuple[Forgery, pa.Table]:
    """Write predictions with the middle row's sender score one unit lower or higher, and read them back.

    Raises
    ------
    InputError
        There are no predictions.
    """
    if not predictions.num_rows:
        raise InputError("there is no prediction to alter")
    row, field = predictions.num_rows // 2, "sender_ppm"
    was = predictions[field][row].as_py()
    now = was - 1 if was else was + 1
    values = predictions[field].to_pylist()
    values[row] = now
    at = predictions.schema.get_field_index(field)
    altered = predictions.set_column(at, predictions.schema.field(at), pa.array(values, pa.uint32()))
    buffer = io.BytesIO()
    pq.write_table(altered, buffer)
    write_bytes(file, buffer.getvalue())
    transaction = format_hash(predictions["transaction_hash"][row].as_py())
    forgery = Forgery(file, row, predictions["block_number"][row].as_py(), transaction, field, was, now)
    return forgery, pq.read_table(file, schema=predictions.schema)
