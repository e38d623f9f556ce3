from __future__ import annotations

import pytest

from tallystick.chain import EmbeddedChain, connect
from tallystick.runtimes import probe_limits

from . import differential

pytestmark = pytest.mark.chain


def test_branch_code_is_the_reference_on_random_programs(embedded_chain: EmbeddedChain) -> None:
    w3 = connect(embedded_chain.url)
    report = differential.run(w3, probe_limits(w3), evaluations=10_000, seed=5, rows=250)
    assert not report.difference
    assert report.evaluations == 10_000
    assert report.programs == 40
    assert report.reverts > 100
    assert report.split
    assert set(report.widths) == set(range(1, 9))


def test_a_difference_is_found(embedded_chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differential, "score_outputs", lambda program, row: (sum(row),) * program.model.outputs)
    w3 = connect(embedded_chain.url)
    report = differential.run(w3, probe_limits(w3), evaluations=2_000, seed=9)
    assert report.evaluations < 2_000
    assert report.difference.startswith("program 0 of seed 9: (")
