"""The worked example: sixteen transfers in three days, from which every feature's example value is taken.

==== ============ =========================================== =====================================================
line when         what                                        why it is there
==== ============ =========================================== =====================================================
1    day 1, 00:00 Mixer pays Ann 6 ether                      Mixer is labelled ``mixer``, known from the start
2    day 1, 01:00 Exchange pays Bob 5 ether                   its label is known from day 2 on: this is clean money
3    day 1, 02:00 Ann pays Bob 3 ether                        half of what came from the mixer goes on
4    day 1, 03:00 Ann pays Cy 2 ether
5    day 1, 04:00 Bob pays Cy 1 ether
6    day 1, 05:00 Bob pays Dan 4 ether
7    day 1, 06:00 Cy pays Dan 1.9 ether                       near what Ann paid Cy: passed on
8    day 1, 07:00 Cy pays Ann 0.9 ether                       closes Ann, Cy, Ann and Ann, Bob, Cy, Ann
9    day 2, 06:00 Dan pays Ann 1.5 ether                      closes three cycles and a diamond
10   day 2, 07:00 Exchange pays Cy 800 tokens
11   day 2, 08:00 Cy calls Token to approve Dan               Dan may now spend Cy's tokens
12   day 2, 09:00 Dan calls Token                             asks it to pay him with Cy's tokens
13   day 2, 09:00 Cy pays Dan 500 tokens                      in the same transaction: Dan signed it, not Cy
14   day 3, 00:00 Fob pays Ann 0.000001 ether                 dust; Fob's address looks like Bob's
15   day 3, 01:00 Ann pays Bob 2 ether, which fails
16   day 3, 02:00 Ann pays Fob 1 ether                        meant for Bob
==== ============ =========================================== =====================================================

Day 1 is 15 November 2023. Each transaction pays a fee of 2,100,000 gwei. A token is its own smallest unit.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

import numpy as np

from tallystick.errors import FeatureError, did_you_mean
from tallystick.features._batch import APPROVES, FAILED, HAS_CALL, HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features._options import EngineOptions
from tallystick.features._packed import WIDE_BITS, pack
from tallystick.features._reference import ReferenceEngine
from tallystick.features.families import FAMILIES
from tallystick.features.labels import CATEGORIES, LabelFeed

__all__ = ["CHOSEN", "LINES", "Line", "example", "row_at", "story"]

_START: Final = 19_676 * 86_400  # 15 November 2023, 00:00 UTC
_FEE_GWEI: Final = 21_000 * 100
_ETHER: Final = 10**18
_TAG_MIX: Final = 0x9E3779B97F4A7C15  # as in _batch.py
_WORD: Final = (1 << 64) - 1

_ADDRESSES: Final = {
    "Ann": "a1" * 20,
    "Bob": "b2" * 20,
    "Fob": "b2b2" + "99" * 16 + "b2b2",
    "Cy": "c3" * 20,
    "Dan": "da" * 20,
    "Mixer": "5e" * 20,
    "Exchange": "6f" * 20,
    "Token": "70" * 20,
}


class Line(NamedTuple):
    """One transfer: day and hour, from whom, to whom, how much in the smallest unit, and bits as in a batch."""

    day: int
    hour: int
    sender: str
    receiver: str
    value: int
    bits: int = 0

    @property
    def text(self) -> str:
        """What happens, in words."""
        if self.bits & HAS_CALL:
            return f"{self.sender} calls {self.receiver}" + (" to approve Dan" if self.bits & APPROVES else "")
        unit = "tokens" if self.bits & IS_TOKEN else "ether"
        amount = f"{self.value}" if self.bits & IS_TOKEN else _decimal(self.value)
        fate = ", which fails" if self.bits & FAILED else ""
        return f"{self.sender} pays {self.receiver} {amount} {unit}{fate}"


LINES: Final = (
    Line(1, 0, "Mixer", "Ann", 6 * _ETHER),
    Line(1, 1, "Exchange", "Bob", 5 * _ETHER),
    Line(1, 2, "Ann", "Bob", 3 * _ETHER),
    Line(1, 3, "Ann", "Cy", 2 * _ETHER),
    Line(1, 4, "Bob", "Cy", 1 * _ETHER),
    Line(1, 5, "Bob", "Dan", 4 * _ETHER),
    Line(1, 6, "Cy", "Dan", 19 * _ETHER // 10),
    Line(1, 7, "Cy", "Ann", 9 * _ETHER // 10),
    Line(2, 6, "Dan", "Ann", 15 * _ETHER // 10),
    Line(2, 7, "Exchange", "Cy", 800, IS_TOKEN),
    Line(2, 8, "Cy", "Token", 0, HAS_CALL | APPROVES),
    Line(2, 9, "Dan", "Token", 0, HAS_CALL),
    Line(2, 9, "Cy", "Dan", 500, IS_TOKEN),
    Line(3, 0, "Fob", "Ann", _ETHER // 10**6),
    Line(3, 1, "Ann", "Bob", 2 * _ETHER, FAILED),
    Line(3, 2, "Ann", "Fob", 1 * _ETHER),
)

# Line and side whose row is a family's example.
CHOSEN: Final = {
    "flow": (9, "receiver"),
    "size": (16, "sender"),
    "rhythm": (16, "sender"),
    "activity": (9, "receiver"),
    "counterparties": (16, "sender"),
    "partner": (9, "receiver"),
    "fees": (16, "sender"),
    "motifs": (9, "receiver"),
    "passing": (7, "sender"),
    "exposure": (7, "receiver"),
    "lookalike": (16, "sender"),
    "approvals": (13, "sender"),
    "kind": (16, "receiver"),
    "assets": (13, "sender"),
}


def example(family: str) -> dict[str, int]:
    """Name and value of each feature of a family, in the row that is its example.

    Parameters
    ----------
    family
        A name from ``FAMILIES``.

    Raises
    ------
    FeatureError
        There is no such family.

    Examples
    --------
    >>> example("passing")["echo_gap_s"]  # Cy pays Dan three hours after Ann paid Cy
    10800
    """
    if family not in CHOSEN:
        raise FeatureError(f"no family {family!r}{did_you_mean(family, FAMILIES)}", name=family)
    values = row_at(*CHOSEN[family])
    return {feature.name: values[feature.name] for feature in FAMILIES[family].FEATURES}


def row_at(line: int, side: str) -> dict[str, int]:
    """Name and value of every feature in one row.

    Parameters
    ----------
    line
        Of the table above, from 1.
    side
        ``sender`` or ``receiver``.

    Examples
    --------
    >>> row_at(14, "receiver")["dust"]
    1
    """
    return dict(zip(EngineOptions().spec.names, _rows()[2 * (line - 1) + (side == "receiver")], strict=True))


def story(family: str) -> str:
    """Which row is a family's example.

    Examples
    --------
    >>> story("passing")
    'line 7, Cy pays Dan 1.9 ether, as Cy sees it'
    """
    line, side = CHOSEN[family]
    return f"line {line}, {LINES[line - 1].text}, as {getattr(LINES[line - 1], side)} sees it"


@cache
def _rows() -> tuple[tuple[int, ...], ...]:
    engine = ReferenceEngine(labels=_labels())
    return tuple(map(tuple, engine.advance(_batch())))


def _batch() -> TransferBatch:
    times = [_START + (line.day - 1) * 86_400 + line.hour * 3_600 for line in LINES]
    blocks = [(time - _START) // 3_600 for time in times]  # one an hour
    failed = [bool(line.bits & FAILED) for line in LINES]
    coins = [line.value // 10**9 * (not line.bits & (IS_TOKEN | FAILED)) for line in LINES]
    wide = [pack(line.value, WIDE_BITS) * (not fails) for line, fails in zip(LINES, failed, strict=True)]
    return TransferBatch(
        block=_column(blocks),
        time=_column(times),
        transaction=_column([0] * len(LINES)),  # lines 12 and 13 are one transaction
        sender=_words([line.sender for line in LINES]),
        receiver=_words([line.receiver for line in LINES]),
        asset=_words(["Token"] * len(LINES)),  # counts only where a line is of tokens
        amount=_column(coins),
        wide=_column(wide),
        tag=_column([(line.value * _TAG_MIX & _WORD) >> 32 for line in LINES]),
        fee=_column([_FEE_GWEI] * len(LINES)),
        bits=_column([HAS_TO | line.bits for line in LINES]),
    )


def _labels() -> LabelFeed:
    """Mixer is known from day 1 on, Exchange from day 2 on."""
    known = [("Mixer", "mixer", 0), ("Exchange", "exchange", 86_400)]
    return LabelFeed(
        time=_column([_START + since for _, _, since in known]),
        address=_words([name for name, _, _ in known]),
        category=_column([CATEGORIES.index(category) for _, category, _ in known]),
        change=_column([1] * len(known)),
    )


def _column(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


def _words(names: list[str]) -> np.ndarray:
    digits = "".join(_ADDRESSES[name] + "00" * 4 for name in names)
    return np.frombuffer(bytes.fromhex(digits), ">u8").reshape(-1, 3).astype(np.uint64)


def _decimal(wei: int) -> str:
    whole, part = divmod(wei, _ETHER)
    return f"{whole}.{part:018}".rstrip("0").rstrip(".")
