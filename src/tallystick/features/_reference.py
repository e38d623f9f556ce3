"""The feature engine in plain Python: what every number means.

Read top to bottom; the compiled engine (``_kernel.py``) is tested equal to it row by row.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tallystick.features._batch import HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features._exposure import CATEGORY_COUNT, Taint, open_taint
from tallystick.features._layout import TOKEN, TWIN
from tallystick.features._motifs import (
    Entry,
    Recent,
    asset_tag,
    looks_like,
    mark,
    note_cycles,
    note_diamond,
    note_recent,
)
from tallystick.features._options import EngineOptions
from tallystick.features._packed import RING_BITS, WIDE_BITS, pack, packed_ratio_ppm, packed_sum, unpack
from tallystick.features._records import Account, Facts
from tallystick.features._reference_account import (
    Transfer,
    apply,
    apply_token,
    hold_narrow,
    look,
    note_side,
    note_transfer,
)
from tallystick.features.families import FAMILIES
from tallystick.features.labels import LabelFeed

__all__ = ["ReferenceEngine"]

_DUST_PPM = 10


@dataclass
class _Edge:
    count: int = 0
    tokens: int = 0
    first_time: int = 0
    last_time: int = 0


@dataclass
class _Holding:
    volume_in: int = 0  # packed
    volume_out: int = 0
    count_in: int = 0
    count_out: int = 0


class ReferenceEngine:
    """Same rows as :class:`Engine`, slowly.

    Parameters
    ----------
    options, labels
        As for :class:`Engine`.
    """

    def __init__(self, options: EngineOptions | None = None, labels: LabelFeed | None = None) -> None:
        self._options = options or EngineOptions()
        self._labels = labels or LabelFeed.empty()
        self._played = 0
        self._active: dict[tuple[bytes, int], int] = defaultdict(int)
        self._accounts: dict[bytes, Account] = {}
        self._numbers: dict[bytes | None, int] = {}
        self._taints: dict[bytes, Taint] = {}
        self._edges: dict[tuple[bytes, bytes | None], _Edge] = {}
        self._holdings: dict[tuple[bytes, bytes], _Holding] = {}
        self._rings: dict[bytes, Recent] = defaultdict(Recent)
        self._marks: set[bytes] = set()
        self._signer: tuple[int, int, bytes] | None = None  # block, transaction, account

    def advance(self, batch: TransferBatch) -> list[list[int]]:
        """Return two rows for each transfer; zeros where there is no receiver."""
        self._signer = None
        return [row for i in range(len(batch)) for row in self._advance_one(_transfer(batch, i))]

    def _advance_one(self, t: Transfer) -> list[list[int]]:
        self._play_labels(t.time)
        s = self._account(t.sender)
        r = self._account(t.receiver) if t.receiver is not None else Account()
        if t.asset is not None:
            self._account(t.asset)
        edge = self._edges.setdefault((t.sender, t.receiver), _Edge())

        # 1. Facts, from the state before the transfer.
        sides = self._facts(t, s, r, edge)

        # 2. The transfer enters the state.
        if t.asset is not None:
            self._enter_token(t, s, r, sides)
        else:
            receiver_before, sender_before = look(r), look(s)
            apply(s, receiver_before, sides[0], t)
            if t.receiver is not None:
                apply(r, sender_before, sides[1], t)
                self._fund(t, s, r)
        if t.wide > 0 and t.receiver is not None and t.receiver != t.sender:
            self._follow(t, s, r)
        self._note_exposure(t, s, r, sides)
        if edge.count + edge.tokens == 0:
            edge.first_time = t.time
        edge.last_time = t.time
        edge.count += t.asset is None
        edge.tokens += t.asset is not None
        for account in (s, r):
            hold_narrow(account)

        # 3. Features, from the state with the transfer and from the facts.
        width = len(self._options.spec.features)
        return [self._row(s, r, sides[0]), self._row(r, s, sides[1]) if t.receiver is not None else [0] * width]

    def _row(self, subject: Account, partner: Account, f: Facts) -> list[int]:
        chosen = (family for name, family in FAMILIES.items() if name in self._options.families)
        return [value for family in chosen for value in family.reference(subject, partner, f)]

    def _account(self, address: bytes) -> Account:
        """The account; at its first appearance it may have a twin and labels."""
        if address not in self._accounts:
            account = self._accounts[address] = Account()
            self._numbers[address] = len(self._accounts)
            account.kind = TWIN if mark(address) in self._marks else 0
            account.labels = sum(1 << c for c in range(CATEGORY_COUNT) if self._active[address, c] > 0)
            self._marks.add(mark(address))
        return self._accounts[address]

    def _play_labels(self, time: int) -> None:
        feed = self._labels
        while self._played < len(feed) and feed.time[self._played] <= time:
            at = self._played
            address, category = _address(feed.address[at]), int(feed.category[at])
            self._active[address, category] += int(feed.change[at])
            if address in self._accounts:
                labels = self._accounts[address].labels & ~(1 << category)
                self._accounts[address].labels = labels | (self._active[address, category] > 0) << category
            self._played += 1

    def _facts(self, t: Transfer, s: Account, r: Account, edge: _Edge) -> list[Facts]:
        f = Facts()
        note_transfer(f, t)
        reverse = self._edges.get((t.receiver, t.sender)) if t.receiver is not None else None
        f.edge_count = edge.count
        f.edge_reverse = reverse.count if reverse else 0
        f.edge_age = t.time - edge.first_time if edge.count + edge.tokens else 0
        f.pulled = self._note_signer(t)
        apart = t.receiver is not None and t.receiver != t.sender
        searches = self._options.searches and apart
        since = t.time - self._options.window_s
        like = self._entry(b"", t)
        if searches and t.receiver is not None and t.wide > 0:
            note_cycles(self._rings, t.sender, t.receiver, like, since, f)
            note_diamond(self._rings, t.sender, t.receiver, like, since, f)
        sides = []
        for own, other, subject, incoming in ((t.sender, t.receiver, s, False), (t.receiver, t.sender, r, True)):
            side = f.copy()
            note_side(side, subject, incoming, self._numbers.get(other, 0), t)
            if searches and own is not None and other is not None:
                note_recent(self._rings[own], like, since, side)
                twin = self._accounts[other].kind & TWIN
                side.lookalike = int(bool(twin) and looks_like(self._rings[own], other))
            sides.append(side)
        return sides

    def _note_signer(self, t: Transfer) -> int:
        """1 for a token payment in a transaction that another account than its payer signed."""
        here = self._signer is not None and self._signer[:2] == (t.block, t.transaction)
        if t.asset is not None:
            return int(here and self._signer is not None and self._signer[2] != t.sender)
        if not here:
            self._signer = (t.block, t.transaction, t.sender)
        return 0

    def _enter_token(self, t: Transfer, s: Account, r: Account, sides: list[Facts]) -> None:
        assert t.asset is not None
        self._enter_holding(t, t.sender, s, sides[0])
        apply_token(s, sides[0])
        if t.receiver is not None:
            self._enter_holding(t, t.receiver, r, sides[1])
            apply_token(r, sides[1])
        for side in sides:
            side.asset_holders = self._accounts[t.asset].holders

    def _enter_holding(self, t: Transfer, owner: bytes, subject: Account, f: Facts) -> None:
        assert t.asset is not None
        first = (owner, t.asset) not in self._holdings
        held = self._holdings.setdefault((owner, t.asset), _Holding())
        if first:
            subject.assets += 1
            self._accounts[t.asset].holders += 1
            self._accounts[t.asset].kind |= TOKEN
        f.asset_first = int(first)
        f.asset_over_in = packed_ratio_ppm(t.wide, held.volume_in)
        f.asset_over_out = packed_ratio_ppm(t.wide, held.volume_out)
        f.dust = int(t.wide == 0 or (held.volume_in > 0 and f.asset_over_in < _DUST_PPM))
        if f.incoming:
            held.volume_in = packed_sum(held.volume_in, t.wide)
            held.count_in += 1
        else:
            held.volume_out = packed_sum(held.volume_out, t.wide)
            held.count_out += 1
        f.asset_passed = packed_ratio_ppm(held.volume_out, held.volume_in)
        f.asset_in = held.count_in
        f.asset_out = held.count_out

    def _fund(self, t: Transfer, s: Account, r: Account) -> None:
        """Remember who paid the receiver first."""
        if t.receiver != t.sender and r.funder == 0 and t.amount > 0:
            r.funder = self._numbers[t.sender]
            r.funder_rank = s.funded
            s.funded += 1

    def _follow(self, t: Transfer, s: Account, r: Account) -> None:
        """Value moved from one account to another: what is passed on with it, and the rings."""
        assert t.receiver is not None
        paid, payer = r.near_to, s.near_from
        r.near_from = _nearer(r.near_from, payer, s.labels)
        s.near_to = _nearer(s.near_to, paid, r.labels)
        self._expose(t, s, r)
        if self._options.searches:
            self._rings[t.sender].payments.append(self._entry(t.receiver, t))
            self._rings[t.receiver].income.append(self._entry(t.sender, t))

    def _entry(self, partner: bytes, t: Transfer) -> Entry:
        tag = asset_tag(self._numbers[t.asset]) if t.asset is not None else 0
        return Entry(partner, t.time, pack(unpack(t.wide, WIDE_BITS), RING_BITS), tag)

    def _expose(self, t: Transfer, s: Account, r: Account) -> None:
        assert t.receiver is not None
        if t.amount == 0:
            return
        moved = self._taints.get(t.sender, open_taint(self._options.rule)).take(t.amount, s.labels)
        if moved.mask and t.receiver not in self._taints:
            self._taints[t.receiver] = open_taint(self._options.rule, max(r.volume_in - r.volume_out - t.amount, 0))
        if t.receiver in self._taints:
            self._taints[t.receiver].give(t.amount, moved)

    def _note_exposure(self, t: Transfer, s: Account, r: Account, sides: list[Facts]) -> None:
        addresses = (t.sender, t.receiver)
        for side, own, other, subject in zip(sides, addresses, addresses[::-1], (s, r), strict=True):
            for c in range(CATEGORY_COUNT):
                now, received = self._exposure(own, c, subject)
                setattr(side, f"exposed_{c}", now)
                setattr(side, f"received_{c}", received)
                setattr(side, f"partner_exposed_{c}", self._exposure(other, c, subject)[0])

    def _exposure(self, address: bytes | None, c: int, account: Account) -> tuple[int, int]:
        if address is None or address not in self._taints:
            return 0, 0
        taint = self._taints[address]
        return taint.exposure_now_ppm(c), taint.exposure_received_ppm(c, account.volume_in)


def _transfer(batch: TransferBatch, i: int) -> Transfer:
    bits = int(batch.bits[i])
    return Transfer(
        **{
            name: int(getattr(batch, name)[i])
            for name in ("block", "time", "transaction", "amount", "wide", "tag", "fee")
        },
        sender=_address(batch.sender[i]),
        receiver=_address(batch.receiver[i]) if bits & HAS_TO else None,
        asset=_address(batch.asset[i]) if bits & IS_TOKEN else None,
        bits=bits,
    )


def _address(words: np.ndarray) -> bytes:
    return words.astype(">u8").tobytes()[:20]


def _nearer(own: int, other: int, labels: int) -> int:
    """Per category, four bits each, the nearer of one's own and the counterparty's nearness less a step."""
    steps = [(own >> 4 * c & 15, 15 if labels >> c & 1 else other >> 4 * c & 15) for c in range(8)]
    return sum(max(here, there - 1) << 4 * c for c, (here, there) in enumerate(steps))
