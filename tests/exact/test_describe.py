from __future__ import annotations

import json

from hypothesis import given

from tallystick.exact import Program, describe, program_text

from .programs import program, programs


def test_describe_by_hand() -> None:
    summary = describe(program())
    assert summary == json.loads(json.dumps(summary))
    assert {name: summary[name] for name in ("trees", "nodes", "leaves", "depth", "base", "bias")} == {
        "trees": 2,
        "nodes": 3,
        "leaves": 5,
        "depth": 2,
        "base": [-2],
        "bias": 1,
    }
    assert summary["features"][1] == {"name": "value_log2", "low": -64, "high": 64, "splits": 2}
    assert (summary["threshold_raw"], summary["hash"]) == (0, "0x" + program().hash.hex())
    assert summary["bytes"] == len(program().to_bytes())


def test_text_by_hand() -> None:
    text = program_text(program())
    for line in (
        f"program 0x{program().hash.hex()}\n",
        "feature 0 age_s in [0, 1000]\n",
        "from raw -9223372036854775808: 10000 ppm\n",
        "tree 0\n  node 0: age_s <= 100 ? node 1 : leaf 2  mean 4\n",
        "  leaf 2: 40\ntree 1\n",
    ):
        assert line in text
    assert text.endswith("  leaf 1: 3\n")


@given(made=programs())
def test_every_program_has_a_description(made: Program) -> None:
    assert json.loads(json.dumps(describe(made)))["trees"] == len(made.model.trees)
    assert program_text(made).count("  leaf ") == sum(len(tree.leaf) for tree in made.model.trees)
