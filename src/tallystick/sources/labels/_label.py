"""One label, and the table of many."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Final

import pyarrow as pa

from tallystick.errors import RangeError
from tallystick.store import LABELS, check_table
from tallystick.units import PPM_ONE

__all__ = ["Label", "label_table", "normal_address", "parse_confidence", "parse_known", "parse_time"]

_EVM = re.compile(r"0[xX][0-9a-fA-F]{40}", re.ASCII)
_SPACE_OR_QUOTE = re.compile(r"[\s,'\"]")
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)
_TIME_LIMIT: Final = 1 << 32
_DAY_S: Final = 86_400


@dataclass(frozen=True)
class Label:
    """One statement by one source about one address; the fields are the columns of ``store.LABELS``."""

    address: str
    network: str
    category: str
    source: str
    detail: str | None = None
    confidence_ppm: int = PPM_ONE
    valid_from: int | None = None
    valid_to: int | None = None
    known_from: int | None = None


def label_table(labels: Iterable[Label]) -> pa.Table:
    """The table of the labels in the order given; a label said twice in the same words stands once."""
    rows = [astuple(label) for label in dict.fromkeys(labels)]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(LABELS.columns)
    arrays = [pa.array(cells, column.type) for cells, column in zip(columns, LABELS.columns, strict=True)]
    return check_table(pa.Table.from_arrays(arrays, schema=LABELS.schema), LABELS)


def normal_address(text: str) -> str:
    """An address as the table writes it: EVM addresses in lower case, others as they are.

    Raises
    ------
    RangeError
        Empty, holds spaces or quotes, longer than 128 characters, or starts with ``0x`` without being 20 bytes.

    Examples
    --------
    >>> normal_address("0x" + "AB" * 20) == "0x" + "ab" * 20
    True
    """
    if _EVM.fullmatch(text):
        return text.lower()
    if not text or len(text) > 128 or _SPACE_OR_QUOTE.search(text):
        raise RangeError("not an address", value=text[:80])
    if text[:2] in ("0x", "0X") and len(text) < 66:  # some chains write 32 bytes with the prefix
        raise RangeError("address is not 40 hexadecimal digits", value=text[:80])
    return text


def parse_time(value: str | date) -> int:
    """UTC seconds from Unix seconds, ``YYYY-MM-DD`` or an ISO 8601 time (UTC where it names no zone).

    Raises
    ------
    RangeError
        None of these, or outside 32 bit.

    Examples
    --------
    >>> parse_time("2025-03-21"), parse_time("1742515200")
    (1742515200, 1742515200)
    """
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        seconds = int(value)
    else:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            raise RangeError("time is neither Unix seconds nor an ISO 8601 date", value=str(value)[:80]) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int(moment.timestamp())
    if not 0 <= seconds < _TIME_LIMIT:
        raise RangeError("time is outside 32-bit Unix seconds", value=str(value)[:80])
    return seconds


def parse_known(value: str | date) -> int:
    """First second at which a statement of this date had been made for certain.

    Of a day that is the next day's first second: the date does not say when on the day, and an exposure
    must not know too early. Of a fraction of a second it is the next whole one. Otherwise it is what
    :func:`parse_time` gives.

    Raises
    ------
    RangeError
        No time, or outside 32 bit.

    Examples
    --------
    >>> parse_known("2025-03-21") - parse_time("2025-03-21"), parse_known("1742515200")
    (86400, 1742515200)
    """
    seconds, text = parse_time(value), str(value)
    if _SECONDS.fullmatch(text):
        return seconds
    try:
        date.fromisoformat(text)
        seconds += _DAY_S
    except ValueError:
        seconds += datetime.fromisoformat(text).microsecond > 0
    if seconds >= _TIME_LIMIT:
        raise RangeError("time is outside 32-bit Unix seconds", value=text[:80])
    return seconds


def parse_confidence(text: str) -> int:
    """Parts per million from a decimal in [0, 1], half upward.

    Examples
    --------
    >>> parse_confidence("0.5")
    500000
    """
    try:
        share = Decimal(text)
    except InvalidOperation:
        raise RangeError("confidence is not a decimal number", value=text[:80]) from None
    if not share.is_finite() or not 0 <= share <= 1:
        raise RangeError("confidence is not in [0, 1]", value=text[:80])
    return int((share * PPM_ONE).to_integral_value(ROUND_HALF_UP))
