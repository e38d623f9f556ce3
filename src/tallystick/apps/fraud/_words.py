"""Feature values in words, for people who read alerts; scores never pass through here."""

from __future__ import annotations

from typing import Final

from tallystick.features import Feature

__all__ = ["reason_words", "value_words"]

_GWEI_PER_ETHER: Final = 10**9
_MOST_LOG: Final = 63.0  # no amount is larger
_SPANS: Final[tuple[tuple[int, str], ...]] = ((86_400, "days"), (3_600, "hours"), (60, "minutes"), (1, "seconds"))


def value_words(feature: Feature, value: int) -> str:
    """Say a feature's value in a unit people use; rounded.

    Examples
    --------
    >>> from tallystick.features import SPEC
    >>> by_name = {feature.name: feature for feature in SPEC.features}
    >>> value_words(by_name["log_volume_in"], 562), value_words(by_name["pass_through"], 972_708)
    ('19 ether', '97 %')
    >>> value_words(by_name["age_s"], 7_200), value_words(by_name["count_in"], 1_234)
    ('2 hours', '1,234 transfers')
    >>> value_words(by_name["log_over_mean"], -32), value_words(by_name["gap_s"], -1)
    ('0.25 times', 'none yet')
    """
    unit, _, scale = feature.unit.partition(", ")
    # Where a feature can be negative, its lowest value stands for nothing; one of seconds has 2**40 for that.
    if value == feature.low < 0 or (unit == "s" and value == 1 << 40):
        return "none yet"
    if unit == "ppm":
        return f"{value / 10_000:,.0f} %"
    if unit == "s":
        return _span(value)
    if unit == "0 or 1":
        return "yes" if value else "no"
    if unit == "log2":
        return f"{2.0 ** (value / 16):,.2g} times"
    if scale == "thousandths":
        return f"{value / 1_000:,.1f} {unit}"
    if unit.startswith("log2 "):
        return _power(unit.removeprefix("log2 "), value / (256 if scale == "Q8" else 16))
    if scale == "Q12":
        return f"{value / 4_096:,.1f} {unit}"
    return f"{value:,} {unit}"


def reason_words(feature: Feature, value: int) -> str:
    """Say what a feature is and what it was, in a few words.

    Examples
    --------
    >>> from tallystick.features import SPEC
    >>> by_name = {feature.name: feature for feature in SPEC.features}
    >>> reason_words(by_name["log_max_in"], 562)
    'largest income 19 ether'
    """
    what = feature.help.rstrip(".").split(";")[0].split(":")[0]
    return f"{what[0].lower()}{what[1:]} {value_words(feature, value)}"


def _power(unit: str, log: float) -> str:
    """Undo ``log2_q4``: sixteen times one plus the base-2 logarithm, 0 for nothing."""
    if "squared" in unit:
        return f"{log:,.1f} octaves squared"
    amount = 2.0 ** min(log - 1, _MOST_LOG) if log > 0 else 0.0
    if unit == "gwei":
        ether = amount / _GWEI_PER_ETHER
        return f"{ether:,.0f} ether" if ether >= 10 else f"{ether:,.2g} ether"
    return _span(amount) if unit == "s" else f"{amount:,.0f} {unit}"


def _span(seconds: float) -> str:
    size, name = next(span for span in _SPANS if abs(seconds) >= span[0] or span[0] == 1)
    return f"{seconds / size:,.0f} {name}"
