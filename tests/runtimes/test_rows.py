from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.exact import Program, TreeEnsemble, score_outputs
from tallystick.runtimes import outside_rows, probe_rows

from ..exact.kinds import every_kind
from ..exact.programs import ladder


@given(made=every_kind(), count=st.integers(2, 60), seed=st.integers(0, 9))
def test_rows_are_inside(made: Program, count: int, seed: int) -> None:
    rows = probe_rows(made, count, seed)
    assert rows.shape == (count, len(made.features))
    for row in rows.tolist():
        score_outputs(made, row)
    assert np.array_equal(rows, probe_rows(made, count, seed))


@given(made=every_kind())
def test_outside_rows_are_outside(made: Program) -> None:
    for row in outside_rows(made):
        with pytest.raises(RangeError):
            score_outputs(made, row)


def test_every_threshold_is_met_with_its_neighbours() -> None:
    made = ladder(40)
    assert isinstance(made.model, TreeEnsemble)
    assert set(range(41)) <= set(probe_rows(made, 100)[:, 0].tolist())
