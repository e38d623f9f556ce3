"""Sets of values as alternating segments, against sets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tallystick.exact.importers._categories import Cut

sets = st.frozensets(st.integers(-20, 20), max_size=20)


def goes_left(cut: Cut, value: int) -> bool:
    """By counting the bounds below the value."""
    return cut.first_left != bool(sum(bound < value for bound in cut.bounds) & 1)


@given(sets)
def test_cut_of_values_holds_the_values(values: frozenset[int]) -> None:
    cut = Cut.of_values(values)
    assert list(cut.bounds) == sorted(set(cut.bounds))
    assert {value for value in range(-30, 31) if goes_left(cut, value)} == values


@given(sets, st.integers(-25, 25), st.integers(0, 30))
def test_within_and_split_keep_every_value(values: frozenset[int], low: int, width: int) -> None:
    high = low + width
    cut = Cut.of_values(values).within(low, high)
    assert all(low <= bound < high for bound in cut.bounds)
    for value in range(low, high + 1):
        assert goes_left(cut, value) == (value in values)
    for place, bound in enumerate(cut.bounds):
        below, above = cut.split(place)
        for value in range(low, high + 1):
            assert goes_left(below if value <= bound else above, value) == (value in values)


@given(sets)
def test_sides_count_the_segments(values: frozenset[int]) -> None:
    cut = Cut.of_values(values)
    ends = [*cut.bounds, 1000]
    left = sum(goes_left(cut, end) for end in ends)
    assert cut.sides == (left, len(ends) - left)
