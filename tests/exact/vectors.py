"""Vectors for other implementations: the reference writes them, every implementation reads them.

``python -m exact.vectors`` in ``tests`` writes them anew; a change of a released file is a change of the format.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tallystick.exact import (
    KIND_MLP,
    KIND_TREES,
    Calibration,
    ErrorBound,
    Feature,
    Program,
    Tree,
    TreeEnsemble,
    explain_row,
    import_lightgbm,
    score_outputs,
    score_row,
)

from .kinds import random_forest, random_linear, random_mlp
from .programs import INT64, Shape, edge_rows, ladder, program, random_program

FOLDER = Path(__file__).parent.parent / "vectors" / "program_v1"
MODEL = FOLDER / "lightgbm-model.txt"


def valid() -> dict[str, tuple[str, Program]]:
    """Programs by file name, with what each is about."""
    full = Feature("x", *INT64)
    stump = Tree((0,), (-1,), (-1,), (-2,), (-1,), (-(1 << 61), (1 << 61) - 1))
    corners = Program((full,), bytes(32), TreeEnsemble((stump,), (-1,)), 62, ErrorBound(0, "exact"))
    return {
        "small": ("two trees by hand, metadata with text beyond ASCII", program()),
        "no-trees": ("a constant", program(trees=(), metadata={})),
        "corners": ("the largest domain, large leaves, no calibration", corners),
        "ladder": ("nine thresholds on one feature", ladder(9).calibrated(Calibration.of([(0, 0), (5, 9)]), 9)),
        "large-trees": ("trees of 2, 33 and 70 leaves", random_program(Shape(11, 4, [2, 33, 70], 1 << 40))),
        "forest": ("three outputs, averaged", random_forest(3)),
        "averaged": ("one output, averaged", random_forest(4, outputs=1, divisor=5)),
        "linear": ("two outputs", random_linear(2)),
        "mlp": ("two layers", random_mlp(7)),
        "lightgbm": ("a trained LightGBM model (lightgbm-model.txt), imported", imported()),
    }


def imported() -> Program:
    features = [
        Feature("count", 0, 1 << 31),
        Feature("balance_change", -(1 << 40), 1 << 40),
        Feature("value_wei_log2_q8", 0, 1 << 16),
    ]
    made = import_lightgbm(MODEL.read_text(encoding="ascii"), features, bytes(range(32)), metadata={"made_by": "tests"})
    steps = [(-(1 << 24), 20_000), (0, 500_000), (1 << 24, 970_000)]
    return made.calibrated(Calibration.of(steps), 500_000)


def invalid() -> dict[str, bytes]:
    """Byte strings to refuse, by reason."""
    data = program().to_bytes()
    tree = program().model.trees[1]
    at = data.rindex(b"\x00\x01" + b"\x00\x01" + bytes(8))  # the second tree: one node

    def put(offset: int, new: bytes) -> bytes:
        return data[:offset] + new + data[offset + len(new) :]

    assert tree.threshold == (0,)
    return {
        "empty": b"",
        "wrong magic": put(0, b"tallyprg"),
        "version 0": put(8, b"\x00\x00"),
        "version 2": put(8, b"\x00\x02"),
        "kind 0": put(10, b"\x00\x00"),
        "scale_bits 63": put(44, b"\x3f"),
        "threshold_ppm 1,000,001": put(53, (1_000_001).to_bytes(4, "big")),
        "error numerator 2**63": put(57, b"\x80" + bytes(7)),
        "error derivation not printable": put(67, b"\x07"),
        "feature name with a space": put(77, b" "),
        "feature low above high": put(82, (1001).to_bytes(8, "big")),
        "metadata keys not sorted": data.replace(b'"name":"sm\\u00e1ll","rows":12', b'"rows":12,"name":"sm\\u00e1ll"'),
        "metadata in upper-case hexadecimal": data.replace(b"\\u00e1", b"\\u00E1"),
        "metadata with white space": data.replace(b'"rows":12', b'"rows": 1'),
        "feature index out of range": put(at + 2, b"\x00\x02"),
        "threshold equals high": put(at + 4, (64).to_bytes(8, "big")),
        "threshold below low": put(at + 4, (-65).to_bytes(8, "big", signed=True)),
        "children swapped": put(at + 12, b"\xff\xfe\xff\xff"),
        "child is its own parent": put(at + 12, b"\x00\x00"),
        "node value above its leaves": put(at + 16, (4).to_bytes(8, "big")),
        "sum leaves int64": put(at + 32, INT64[1].to_bytes(8, "big")),
        "one byte short": data[:-1],
        "one byte more": data + b"\x00",
    }


def document(about: str, made: Program) -> dict[str, Any]:
    rows = edge_rows(made, seed=1, limit=12)
    return {
        "format": "tallystick program vectors 1",
        "about": about,
        "program": "0x" + made.to_bytes().hex(),
        "hash": "0x" + made.hash.hex(),
        "rows": [result(made, row) for row in rows],
        "outside": list(outside(made, rows[0])),
    }


def result(made: Program, row: list[int]) -> dict[str, Any]:
    score = score_row(made, row)
    content: dict[str, Any] = {
        "row": [str(value) for value in row],
        "raw": str(score.raw),
        "ppm": score.ppm,
        "flag": score.flag,
    }
    if made.model.kind != KIND_TREES:
        content["outputs"] = [str(raw) for raw in score_outputs(made, row)]
    if made.model.kind != KIND_MLP:
        reasons = explain_row(made, row)
        content |= {"bias": str(reasons.bias), "contributions": [str(value) for value in reasons.contributions]}
        content |= {"divisor": reasons.divisor} if made.model.kind != KIND_TREES else {}
    return content


def outside(made: Program, row: list[int]) -> Iterator[dict[str, Any]]:
    for index, feature in enumerate(made.features):
        for value in (feature.low - 1, feature.high + 1):
            if INT64[0] <= value <= INT64[1]:
                wrong = [*row[:index], value, *row[index + 1 :]]
                yield {"row": [str(number) for number in wrong], "feature": feature.name}


def texts() -> dict[str, str]:
    """Every JSON file by name."""
    documents: dict[str, Any] = {name: document(about, made) for name, (about, made) in valid().items()}
    refused = [{"why": why, "program": "0x" + data.hex()} for why, data in invalid().items()]
    documents["invalid"] = {"format": "tallystick program vectors 1", "refuse": refused}
    return {f"{name}.json": json.dumps(content, indent=1) + "\n" for name, content in documents.items()}


if __name__ == "__main__":
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding="ascii")
