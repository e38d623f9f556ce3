"""Motifs that a transfer completes, in plain Python; ``_search.py`` holds the compiled twin.

An account remembers its last eight incomes and payments of any asset. A search looks at entries of the
transfer's own asset (told apart by a tag of twelve bits, see :func:`asset_tag`) that are no older than the
window, follows them in time order (each hop at or after the one before it, by the time of its block), and
never meets an account twice.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tallystick.features._layout import RING, RING_TAGS
from tallystick.features._packed import RING_BITS, unpack
from tallystick.features._records import Facts
from tallystick.features._rules import NEVER, ratio_ppm

__all__ = ["Entry", "Recent", "Rings", "asset_tag", "looks_like", "mark", "note_cycles", "note_diamond", "note_recent"]

_PPM = 1_000_000


class Entry(NamedTuple):
    """A transfer as one of its accounts remembers it; the amount is packed to ``RING_BITS``; ``tag`` 0 is the coin."""

    partner: bytes
    time: int
    amount: int
    tag: int


def asset_tag(number: int) -> int:
    """Tag of a token by its account number, 1 to 4,095; 0 for the chain's own coin, which has none.

    Examples
    --------
    >>> asset_tag(0), asset_tag(7), asset_tag(7 + RING_TAGS)
    (0, 8, 8)
    """
    return 1 + number % RING_TAGS if number else 0


@dataclass
class Recent:
    """The last incomes and payments of an account, oldest first."""

    income: deque[Entry] = field(default_factory=lambda: deque(maxlen=RING))
    payments: deque[Entry] = field(default_factory=lambda: deque(maxlen=RING))


Rings = Mapping[bytes, Recent]


def _fresh(entries: deque[Entry], like: Entry, since: int) -> list[Entry]:
    return [entry for entry in entries if entry.time >= since and entry.tag == like.tag]


def note_cycles(rings: Rings, sender: bytes, receiver: bytes, like: Entry, since: int, f: Facts) -> None:
    """Cycles of two to four transfers that end with this one: it began where the receiver paid somebody.

    ``like`` is this transfer; its partner does not matter.
    """
    last = _fresh(rings[sender].income, like, since)
    begun = []
    for one in _fresh(rings[receiver].payments, like, since):
        if one.partner == sender:
            f.cycles_2 += 1
            begun.append(one)
            continue
        three = sum(end.partner == one.partner and end.time >= one.time for end in last)
        four = sum(
            end.partner == two.partner and end.time >= two.time
            for two in _fresh(rings[one.partner].payments, like, max(since, one.time))
            if two.partner not in (sender, receiver)
            for end in last
        )
        f.cycles_3 += three
        f.cycles_4 += four
        if three or four:
            begun.append(one)
    if begun:
        f.cycle_share = max(min(_ratio(like.amount, one.amount), _PPM) for one in begun)
        f.cycle_span = like.time - max(one.time for one in begun)


def note_diamond(rings: Rings, sender: bytes, receiver: bytes, like: Entry, since: int, f: Facts) -> None:
    """Accounts side by side between a payer of the sender and the receiver, the sender among them; at most ``RING``."""
    bottom = _fresh(rings[receiver].income, like, since)
    for top in _fresh(rings[sender].income, like, since):
        if top.partner == receiver:
            continue
        between = {
            way.partner
            for way in _fresh(rings[top.partner].payments, like, since)
            if way.partner != sender and any(end.partner == way.partner and end.time >= way.time for end in bottom)
        }
        if between:
            f.diamond = max(f.diamond, min(1 + len(between), RING))


def note_recent(recent: Recent, like: Entry, since: int, f: Facts) -> None:
    """What the subject's own rings say of the transfer; a look-alike apart, for which addresses are compared."""
    f.payers = len({entry.partner for entry in recent.income if entry.time >= since})
    f.payees = len({entry.partner for entry in recent.payments if entry.time >= since})
    others = _fresh(recent.payments if f.incoming else recent.income, like, since)
    f.echo, f.echo_gap = 0, NEVER
    if others and like.amount:
        # The packed form rises with the amount: the nearest of them, of equals the newest, then the largest.
        nearest = min(others, key=lambda e: (abs(e.amount - like.amount), -e.time, -e.amount))
        f.echo = _ratio(min(nearest.amount, like.amount), max(nearest.amount, like.amount))
        f.echo_gap = like.time - nearest.time


def looks_like(recent: Recent, partner: bytes) -> bool:
    """Whether a recent counterparty shares the partner's first and last four digits, and is another.

    Examples
    --------
    >>> recent = Recent()
    >>> recent.income.append(Entry(bytes.fromhex("abcd" + 32 * "1" + "ef01"), 0, 1, 0))
    >>> looks_like(recent, bytes.fromhex("abcd" + 32 * "2" + "ef01"))
    True
    """
    return any(
        entry.partner != partner and mark(entry.partner) == mark(partner)
        for entry in [*recent.income, *recent.payments]
    )


def mark(address: bytes) -> bytes:
    """First and last four hexadecimal digits of an address."""
    return address[:2] + address[-2:]


def _ratio(part: int, whole: int) -> int:
    return ratio_ppm(unpack(part, RING_BITS), unpack(whole, RING_BITS))
