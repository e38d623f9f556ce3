"""Vectors of the table: data contracts and addresses, for other implementations and against change.

``python -m tests.targets.evm.table_vectors`` writes them anew; a change of a released file is a change of the
format.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tallystick.exact import Program, score_outputs
from tallystick.hashing import keccak256
from tallystick.targets.evm import RowCode, interpreter_code, interpreter_initcode, table_data

from ...exact.programs import edge_rows, program
from .tables import ADDRESS_OF, FACTORY, NarrowShape, narrow_program

FOLDER = Path(__file__).parent.parent.parent / "vectors" / "evm"


def cases() -> dict[str, tuple[Program, int]]:
    """Programs and code limits."""
    words = NarrowShape(1, 20, "words", (2, 3, 4, 9, 5, 9, 16, 30), 1, 1, 999)
    records = NarrowShape(2, 6, "mixed", (9, 30, 4), 3, 2, 999)
    several = NarrowShape(3, 20, "full", (9, 16, 4) * 9, 1, 1, 999)
    return {
        "words of the row, every depth": (narrow_program(words), 24_576),
        "records of narrow lanes, three outputs, a mean": (narrow_program(records), 24_576),
        "wide": (program(), 24_576),
        "with its front": (narrow_program(several), 2048),
        "several contracts": (narrow_program(several), 1024),
    }


def document() -> dict[str, Any]:
    return {
        "format": "tallystick evm table vectors 1",
        "factory": "0x" + FACTORY.hex(),
        "interpreter_hash": "0x" + keccak256(interpreter_code()).hex(),
        "interpreter_address": "0x" + ADDRESS_OF(interpreter_initcode()).hex(),
        "cases": [_case(about, *case) for about, case in cases().items()],
    }


def _case(about: str, made: Program, code_limit: int) -> dict[str, Any]:
    interpreter = ADDRESS_OF(interpreter_initcode()) if about.startswith("with its front") else None
    data, code = table_data(made, ADDRESS_OF, code_limit, interpreter), RowCode(made)
    return {
        "about": about,
        "program": "0x" + made.to_bytes().hex(),
        "code_limit": code_limit,
        "parts": ["0x" + part.hex() for part in data.parts],
        "addresses": ["0x" + address.hex() for address in data.addresses],
        "rows": [
            {"row": "0x" + code.encode(row).hex(), "outputs": [str(raw) for raw in score_outputs(made, row)]}
            for row in edge_rows(made, seed=1, limit=2)
        ],
    }


def texts() -> dict[str, str]:
    """Every JSON file by name."""
    return {"table.json": json.dumps(document(), indent=1) + "\n"}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="ascii")
