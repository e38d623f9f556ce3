from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.chain
def test_follow_chain() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "follow_chain.py"], capture_output=True, text=True, check=True, timeout=600
    )
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[2] for line in lines if "withdrawn" in line] == ["12 rows withdrawn, 1 stays"]
    assert lines[-1].endswith(": the same")


def test_train_float_model(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "train_float_model.py"], cwd=tmp_path, check=True, timeout=600)
    assert (tmp_path / "model.txt").read_text(encoding="utf-8").startswith("tree\n")
    assert (tmp_path / "test.csv").read_text(encoding="utf-8").count("\n") == 285
