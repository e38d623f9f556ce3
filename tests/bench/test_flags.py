"""Every benchmark can be asked for one JSON object, and to be quick: CI asks all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHES = sorted((Path(__file__).parents[2] / "bench").glob("*.py"))


@pytest.mark.parametrize("bench", BENCHES, ids=lambda path: path.stem)
def test_benchmark_takes_the_flags(bench: Path) -> None:
    text = bench.read_text(encoding="utf-8")
    assert all(f'add_argument("{flag}"' in text for flag in ("--json", "--quick"))
