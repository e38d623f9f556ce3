"""Motifs that a transfer completes, compiled; the meaning is ``_motifs.py``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined
from tallystick.features._layout import KIND_AT, RING, TWIN
from tallystick.features._packed_fast import ring_ratio_ppm
from tallystick.features._rings import AMOUNT_MASK, TAG_SHIFT, fill, place, size
from tallystick.features._rules_fast import NEVER
from tallystick.features._state import FACT
from tallystick.features._tables import same_mark

__all__ = ["note_cycles", "note_diamond", "note_recent"]

_PPM = 1_000_000


@inlined
def _partners(pool: np.ndarray, head: int, tag: int, since: int) -> Any:
    """Bits of the partners in a ring: one that is missing is certainly not there."""
    at, n, room = place(head), fill(head), size(head)
    bits: Any = 0
    for k in range(n):
        if pool[at + room + k] >= since and pool[at + 2 * room + k] >> TAG_SHIFT == tag:
            bits |= 1 << (np.int64(pool[at + k]) & 63)
    return bits


@inlined
def _meetings(pool: np.ndarray, head: int, partner: int, tag: int, since: int) -> int:
    """Entries with a partner, not before a time."""
    at, n, room = place(head), fill(head), size(head)
    found = 0
    for k in range(n):
        if pool[at + k] == partner and pool[at + room + k] >= since and pool[at + 2 * room + k] >> TAG_SHIFT == tag:
            found += 1
    return found


@inlined
def note_cycles(tables: Any, sender: int, receiver: int, transfer: Any, since: int, f: np.ndarray) -> None:
    """Cycles of two to four transfers that end with this one; ``transfer`` is its time and ring value."""
    time, value = transfer
    tag, amount = value >> TAG_SHIFT, value & AMOUNT_MASK
    pool, heads = tables.pool, tables.heads
    start, end = heads[receiver, 1], heads[sender, 0]
    at, n, room = place(start), fill(start), size(start)
    if n == 0:
        return
    wanted = _partners(pool, end, tag, since)
    best, span = -1, -1
    for k in range(n):
        left = np.int64(pool[at + room + k])
        if left < since or pool[at + 2 * room + k] >> TAG_SHIFT != tag:
            continue
        x = np.int64(pool[at + k])
        closed = 0
        if x == sender:
            f[FACT.cycles_2] += 1
            closed = 1
        elif wanted:
            if wanted >> (x & 63) & 1:
                closed = _meetings(pool, end, x, tag, left)
                f[FACT.cycles_3] += closed
            longer = _through(tables, heads[x, 1], end, wanted, (tag, left, sender, receiver))
            f[FACT.cycles_4] += longer
            closed += longer
        if closed:
            best = max(best, min(ring_ratio_ppm(amount, np.int64(pool[at + 2 * room + k]) & AMOUNT_MASK), _PPM))
            span = time - left if span < 0 else min(span, time - left)
    f[FACT.cycle_share] = max(best, 0)
    f[FACT.cycle_span] = span


@inlined
def _through(tables: Any, middle: int, end: int, wanted: int, hop: Any) -> int:
    """Ways on: payments of the middle, after a time, to accounts that then paid the end."""
    tag, left, sender, receiver = hop
    pool = tables.pool
    at, n, room = place(middle), fill(middle), size(middle)
    found = 0
    for k in range(n):
        y = np.int64(pool[at + k])
        if wanted >> (y & 63) & 1 and y != sender and y != receiver:
            then = np.int64(pool[at + room + k])
            if then >= left and pool[at + 2 * room + k] >> TAG_SHIFT == tag:
                found += _meetings(pool, end, y, tag, then)
    return found


@inlined
def note_diamond(tables: Any, sender: int, receiver: int, tag: int, since: int, f: np.ndarray) -> None:
    """Accounts between a payer of the sender and the receiver, this one included; 0 below two, at most RING."""
    pool, heads = tables.pool, tables.heads
    top, bottom = heads[sender, 0], heads[receiver, 0]
    n = fill(top)
    if n == 0 or fill(bottom) == 0:
        return
    wanted = _partners(pool, bottom, tag, since)
    if wanted == 0:
        return
    at, room = place(top), size(top)
    for k in range(n):
        u = np.int64(pool[at + k])
        if u == receiver or pool[at + room + k] < since or pool[at + 2 * room + k] >> TAG_SHIFT != tag:
            continue
        width = 1 + _between(tables, heads[u, 1], bottom, wanted, (tag, since, sender))
        if width > 1:
            f[FACT.diamond] = max(f[FACT.diamond], min(width, RING))


@inlined
def _between(tables: Any, top: int, bottom: int, wanted: int, hop: Any) -> int:
    """Distinct accounts, the sender apart, that the top paid and that then paid the bottom."""
    tag, since, sender = hop
    pool = tables.pool
    at, n, room = place(top), fill(top), size(top)
    under, m, step = place(bottom), fill(bottom), size(bottom)
    matched = 0
    for k in range(n):
        y = np.int64(pool[at + k])
        then = np.int64(pool[at + room + k])
        if not wanted >> (y & 63) & 1 or y == sender or then < since or pool[at + 2 * room + k] >> TAG_SHIFT != tag:
            continue
        first = -1
        for j in range(m):
            if pool[under + j] == y:
                if first < 0:
                    first = j
                if pool[under + step + j] >= then and pool[under + 2 * step + j] >> TAG_SHIFT == tag:
                    matched |= 1 << first
    width = 0
    while matched:
        matched &= matched - 1
        width += 1
    return width


@inlined
def _distinct(pool: np.ndarray, head: int, since: int) -> int:
    """Distinct partners in a ring, not before a time."""
    at, n, room = place(head), fill(head), size(head)
    found = 0
    for k in range(n):
        if pool[at + room + k] < since:
            continue
        again = False
        for j in range(k):
            again |= pool[at + j] == pool[at + k] and pool[at + room + j] >= since
        found += 0 if again else 1
    return found


@inlined
def note_recent(tables: Any, subject: int, partner: int, transfer: Any, since: int, f: np.ndarray) -> None:
    """What the subject's rings say of this transfer: fan, an echo of an amount, a look-alike."""
    time, value = transfer
    tag, amount = value >> TAG_SHIFT, value & AMOUNT_MASK
    pool = tables.pool
    income, payments = tables.heads[subject, 0], tables.heads[subject, 1]
    f[FACT.payers] = _distinct(pool, income, since)
    f[FACT.payees] = _distinct(pool, payments, since)
    other = payments if f[FACT.incoming] == 1 else income
    f[FACT.echo], f[FACT.echo_gap] = _echo(pool, other, time, amount, tag, since)
    f[FACT.lookalike] = 0
    if partner and tables.narrow[partner, KIND_AT] & TWIN:
        alike = _looks_like(tables, income, partner) or _looks_like(tables, payments, partner)
        f[FACT.lookalike] = 1 if alike else 0


@inlined
def _echo(pool: np.ndarray, head: int, time: int, amount: int, tag: int, since: int) -> Any:
    """Likeness of an amount to the one nearest to it in a ring, the newest of equals, and how long ago that was."""
    at, n, room = place(head), fill(head), size(head)
    nearest: Any = 0
    when: Any = 0
    apart: Any = 1 << 62
    for k in range(n):
        then = np.int64(pool[at + room + k])
        if then < since or pool[at + 2 * room + k] >> TAG_SHIFT != tag:
            continue
        value = np.int64(pool[at + 2 * room + k]) & AMOUNT_MASK
        away = abs(value - amount)
        if away < apart or (away == apart and (then, value) > (when, nearest)):
            nearest, when, apart = value, then, away
    if nearest == 0 or amount == 0:
        return 0, NEVER
    return ring_ratio_ppm(min(nearest, amount), max(nearest, amount)), time - when


@inlined
def _looks_like(tables: Any, head: int, account: int) -> bool:
    at, n = place(head), fill(head)
    for k in range(n):
        other = np.int64(tables.pool[at + k])
        if other != account and same_mark(tables.keys, other, account):
            return True
    return False
