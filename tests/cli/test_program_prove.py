"""``tally program prove`` and ``accept``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.exact import save_program, score_outputs

from ..exact.programs import program
from .calls import call, good


@pytest.fixture
def rows() -> Path:
    save_program(program(), "p.tally")
    Path("rows.csv").write_text("age_s,value_log2\n100,1\n101,-3\n")
    return Path("rows.csv")


@pytest.mark.slow
def test_proof_and_its_check(rows: Path) -> None:
    done = good("program", "prove", "p.tally", rows, "--row", 1, "-o", "proof.json", "--json").json
    assert (done["outputs"], done["for_tests_only"]) == (list(score_outputs(program(), (101, -3))), True)
    found = good("program", "accept", "p.tally", "proof.json", "--json").json
    assert found["row"] == {"age_s": 101, "value_log2": -3}
    save_program(program(base=5), "other.tally")
    assert call("program", "accept", "other.tally", "proof.json").code == 3
    claim = json.loads(Path("proof.json").read_text())
    assert claim["outputs"]
    Path("forged.json").write_text(json.dumps({**claim, "outputs": ["7"]}))
    assert call("program", "accept", "p.tally", "forged.json").code == 3


def test_invalid_arguments(rows: Path) -> None:
    assert "rows 0 to 1" in call("program", "prove", "p.tally", rows, "--row", 2, "-o", "x").err
    assert "together with its hash" in call("program", "prove", "p.tally", rows, "-o", "x", "--srs", "s").err
    assert "cannot be read" in call("program", "accept", "p.tally", "absent.json").err
    Path("text.json").write_text("no proof")
    assert call("program", "accept", "p.tally", "text.json").code == 2
