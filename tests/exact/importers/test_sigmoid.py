"""The table against decimals of fifty places."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from tallystick.exact.importers._sigmoid import LOG_BITS, log_odds, share_table, sigmoid_table


def decimal_log_odds(part: int, rest: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return (Decimal(part) / Decimal(rest)).ln()


@pytest.mark.parametrize(
    ("part", "rest"), [(1, 1), (2, 1), (1, 2), (999_999, 1), (1, 999_999), (3, 7), (2**149 - 3, 5), (5, 2**149 - 3)]
)
def test_log_odds(part: int, rest: int) -> None:
    with localcontext() as context:
        context.prec = 60
        close = abs(Decimal(log_odds(part, rest)) / Decimal(1 << LOG_BITS) - decimal_log_odds(part, rest))
    assert close < Decimal(2) ** -140


def test_log_odds_of_equal_parts_is_zero() -> None:
    assert log_odds(7, 7) == 0


@pytest.mark.parametrize(("slope", "scale_bits"), [(1, 24), (1, 40), (2, 24), (Fraction(1, 3), 30), (1, 4)])
def test_steps_begin_exactly_where_the_function_reaches_them(slope: int | Fraction, scale_bits: int) -> None:
    table = sigmoid_table(Fraction(slope), scale_bits)
    assert table.ppm[0] == 0
    assert table.ppm[-1] == 999_999
    with localcontext() as context:
        context.prec = 60
        unit = Decimal(Fraction(slope).numerator) / Decimal(Fraction(slope).denominator) / Decimal(1 << scale_bits)
        for raw, ppm in list(zip(table.raw, table.ppm, strict=True))[1::23]:
            needed = decimal_log_odds(ppm, 1_000_000 - ppm)
            assert Decimal(raw) * unit >= needed
            if scale_bits >= 24:  # below, several steps may begin at one raw score
                assert Decimal(raw - 1) * unit < needed


def test_table_is_below_by_at_most_its_steps() -> None:
    table = sigmoid_table(Fraction(1), 24)
    assert len(table.raw) < 6000
    for below, above in zip(table.ppm[:-1], table.ppm[1:], strict=True):
        smaller = min(above, 1_000_000 - below)
        assert above - below <= min(500, max(1, smaller // 250))


def test_scores_beyond_int64_have_no_step() -> None:
    table = sigmoid_table(Fraction(1), 62)
    assert table.raw[-1] < 1 << 63
    assert table.ppm[0] > 100_000  # int64 begins at log-odds of -2
    assert table.ppm[-1] < 900_000


@pytest.mark.parametrize("scale_bits", [0, 4, 24, 40])
def test_share_steps_begin_right_above_their_ppm(scale_bits: int) -> None:
    table = share_table(scale_bits)
    assert table.ppm[0] == 0
    for raw, ppm in zip(table.raw[1:], table.ppm[1:], strict=True):
        assert Fraction(raw, 1 << scale_bits) > Fraction(ppm, 1_000_000) >= Fraction(raw - 1, 1 << scale_bits)
