"""The feature engine in plain Python: what every number means.

Read top to bottom; the compiled engine (``_kernel.py``) is tested equal to it row by row.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tallystick.features import _rules as rules
from tallystick.features._batch import APPROVES, FAILED, HAS_CALL, HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features._exposure import CATEGORY_COUNT, Taint, open_taint
from tallystick.features._layout import CALLED, SIGNED, TOKEN, TWIN
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
from tallystick.features._packed import RING_BITS, WIDE_BITS, pack, packed_log2_q4, packed_ratio_ppm, packed_sum, unpack
from tallystick.features._records import Account, Facts
from tallystick.features._state import NARROW
from tallystick.features.families import FAMILIES
from tallystick.features.labels import LabelFeed

__all__ = ["ReferenceEngine"]

_DAY_S = 86_400
_HUB_LOG = rules.log2_q4(128)
_NO_MEAN = -10_000
_DUST_GWEI = 10_000
_DUST_PPM = 10
_ECHO_PPM = 900_000
_MEMORIES = tuple(zip(("1h", "1d", "7d"), rules.HALF_LIVES_S, strict=True))


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


@dataclass(frozen=True)
class _Met:
    """What a counterparty was like before the transfer."""

    degree: int
    mean_log: int
    fan_out: int
    fan_in: int
    fresh: int


@dataclass(frozen=True)
class _Transfer:
    """One row of a batch."""

    block: int
    time: int
    transaction: int
    sender: bytes
    receiver: bytes | None
    asset: bytes | None
    amount: int
    wide: int
    tag: int
    fee: int
    bits: int


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

    def _advance_one(self, t: _Transfer) -> list[list[int]]:
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
            receiver_before, sender_before = _look(r), _look(s)
            _apply(s, receiver_before, sides[0], t)
            if t.receiver is not None:
                _apply(r, sender_before, sides[1], t)
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
            _hold_narrow(account)

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

    def _facts(self, t: _Transfer, s: Account, r: Account, edge: _Edge) -> list[Facts]:
        f = Facts()
        _note_transfer(f, t)
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
            _note_side(side, subject, incoming, self._numbers.get(other, 0), t)
            if searches and own is not None and other is not None:
                note_recent(self._rings[own], like, since, side)
                twin = self._accounts[other].kind & TWIN
                side.lookalike = int(bool(twin) and looks_like(self._rings[own], other))
            sides.append(side)
        return sides

    def _note_signer(self, t: _Transfer) -> int:
        """1 for a token payment in a transaction that another account than its payer signed."""
        here = self._signer is not None and self._signer[:2] == (t.block, t.transaction)
        if t.asset is not None:
            return int(here and self._signer is not None and self._signer[2] != t.sender)
        if not here:
            self._signer = (t.block, t.transaction, t.sender)
        return 0

    def _enter_token(self, t: _Transfer, s: Account, r: Account, sides: list[Facts]) -> None:
        assert t.asset is not None
        self._enter_holding(t, t.sender, s, sides[0])
        _apply_token(s, sides[0])
        if t.receiver is not None:
            self._enter_holding(t, t.receiver, r, sides[1])
            _apply_token(r, sides[1])
        for side in sides:
            side.asset_holders = self._accounts[t.asset].holders

    def _enter_holding(self, t: _Transfer, owner: bytes, subject: Account, f: Facts) -> None:
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

    def _fund(self, t: _Transfer, s: Account, r: Account) -> None:
        """Remember who paid the receiver first."""
        if t.receiver != t.sender and r.funder == 0 and t.amount > 0:
            r.funder = self._numbers[t.sender]
            r.funder_rank = s.funded
            s.funded += 1

    def _follow(self, t: _Transfer, s: Account, r: Account) -> None:
        """Value moved from one account to another: what is passed on with it, and the rings."""
        assert t.receiver is not None
        paid, payer = r.near_to, s.near_from
        r.near_from = _nearer(r.near_from, payer, s.labels)
        s.near_to = _nearer(s.near_to, paid, r.labels)
        self._expose(t, s, r)
        if self._options.searches:
            self._rings[t.sender].payments.append(self._entry(t.receiver, t))
            self._rings[t.receiver].income.append(self._entry(t.sender, t))

    def _entry(self, partner: bytes, t: _Transfer) -> Entry:
        tag = asset_tag(self._numbers[t.asset]) if t.asset is not None else 0
        return Entry(partner, t.time, pack(unpack(t.wide, WIDE_BITS), RING_BITS), tag)

    def _expose(self, t: _Transfer, s: Account, r: Account) -> None:
        assert t.receiver is not None
        if t.amount == 0:
            return
        moved = self._taints.get(t.sender, open_taint(self._options.rule)).take(t.amount, s.labels)
        if moved.mask and t.receiver not in self._taints:
            self._taints[t.receiver] = open_taint(self._options.rule, max(r.volume_in - r.volume_out - t.amount, 0))
        if t.receiver in self._taints:
            self._taints[t.receiver].give(t.amount, moved)

    def _note_exposure(self, t: _Transfer, s: Account, r: Account, sides: list[Facts]) -> None:
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


def _transfer(batch: TransferBatch, i: int) -> _Transfer:
    bits = int(batch.bits[i])
    return _Transfer(
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


def _note_transfer(f: Facts, t: _Transfer) -> None:
    f.time = t.time
    f.log_value = rules.log2_q4(t.amount)
    f.digits = rules.significant_digits(t.amount)
    f.call = int(bool(t.bits & HAS_CALL))
    f.failed = int(bool(t.bits & FAILED))
    f.token = int(bool(t.bits & IS_TOKEN))
    f.approval = int(bool(t.bits & APPROVES))
    f.log_fee = rules.log2_q4(t.fee) if t.fee >= 0 else rules.NEVER
    f.log_asset = packed_log2_q4(t.wide)
    f.cycle_span = f.echo_gap = rules.NEVER
    f.dust = int(t.asset is None and t.amount < _DUST_GWEI)


def _nearer(own: int, other: int, labels: int) -> int:
    """Per category, four bits each, the nearer of one's own and the counterparty's nearness less a step."""
    steps = [(own >> 4 * c & 15, 15 if labels >> c & 1 else other >> 4 * c & 15) for c in range(8)]
    return sum(max(here, there - 1) << 4 * c for c, (here, there) in enumerate(steps))


def _hold_narrow(account: Account) -> None:
    for name in NARROW:
        setattr(account, name, min(getattr(account, name), rules.NARROW_CAP))


def _note_side(f: Facts, s: Account, incoming: bool, partner: int, t: _Transfer) -> None:
    same, last_same, last_tag = (
        (s.count_in, s.last_in_time, s.tag_in) if incoming else (s.count_out, s.last_out_time, s.tag_out)
    )
    f.incoming = int(incoming)
    f.gap = f.time - s.last_time if s.count else rules.NEVER
    f.gap_same = f.time - last_same if same else rules.NEVER
    f.log_over_mean = f.log_value - (s.log_in + s.log_out) // s.count if s.count else _NO_MEAN
    f.over_max_in = rules.ratio_ppm(t.amount, s.max_in)
    f.over_max_out = rules.ratio_ppm(t.amount, s.max_out)
    f.over_balance = rules.ratio_ppm(t.amount, s.volume_in - s.volume_out)
    f.repeat = int(same > 0 and t.tag == last_tag)
    f.from_funder = int(partner != 0 and s.funder == partner)
    f.since_approval = f.time - s.approval_time if s.approvals else rules.NEVER


def _look(p: Account) -> _Met:
    return _Met(
        degree=rules.log2_q4(p.count),
        mean_log=(p.log_in + p.log_out) // p.count if p.count else 0,
        fan_out=rules.log2_q4(p.partners_out),
        fan_in=rules.log2_q4(p.partners_in),
        fresh=int(p.count == 0),
    )


def _apply(s: Account, met: _Met, f: Facts, t: _Transfer) -> None:
    first = s.count == 0
    _touch(s, f.time)
    _meet(s, met, f, first)
    if f.incoming:
        _receive(s, f, t)
    else:
        _send(s, f, t)
    s.calls += f.call
    s.failures += f.failed
    s.lookalikes += f.lookalike
    balance = s.volume_in - s.volume_out
    if balance > s.balance_peak:
        s.balance_peak, s.balance_peak_time = balance, f.time


def _touch(s: Account, time: int) -> None:
    if s.count == 0:
        if s.tokens_in + s.tokens_out == 0:
            s.first_time = time
        s.active_days = 1
    else:
        gap = time - s.last_time
        for name, half_life in _MEMORIES:
            ticks = rules.ticks(s.last_time, time, half_life)
            for what in ("decayed_count_in", "decayed_count_out", "decayed_volume_in", "decayed_volume_out"):
                column = f"{what}_{name}"
                setattr(s, column, rules.decay(getattr(s, column), ticks))
        s.log_gap += rules.log2_q4(gap)
        s.log_gap_sq += rules.log2_q4(gap) ** 2
        s.active_days += int(time // _DAY_S != s.last_time // _DAY_S)
    s.last_time = time


def _meet(s: Account, met: _Met, f: Facts, first: bool) -> None:
    """Remember what the counterparty was like before this transfer."""
    if first:
        s.first_partner_degree = met.degree
        s.first_log = f.log_value
    if f.incoming:
        s.fresh_in += met.fresh
    else:
        s.fresh_out += met.fresh
    if f.edge_count:
        return
    if f.incoming:
        s.partners_in += 1
        s.partner_degree_in += met.degree
        s.partner_log_in += met.mean_log
        s.partner_fan_in += met.fan_out
        s.hubs_in += int(met.fan_out >= _HUB_LOG)
    else:
        s.partners_out += 1
        s.partner_degree_out += met.degree
        s.partner_log_out += met.mean_log
        s.partner_fan_out += met.fan_in


def _receive(s: Account, f: Facts, t: _Transfer) -> None:
    if s.count_in == 0:
        s.first_in_time = f.time
    s.last_in_time = f.time
    s.count_in += 1
    s.volume_in = rules.saturate(s.volume_in + t.amount)
    s.max_in = max(s.max_in, t.amount)
    s.zero_in += int(t.amount == 0)
    s.round_in += int(f.digits in (1, 2))
    s.repeat_in += f.repeat
    s.tag_in = t.tag
    s.log_in += f.log_value
    s.log_sq_in += f.log_value**2
    s.kind |= CALLED if f.call else 0
    s.closed += int(f.cycles_2 + f.cycles_3 + f.cycles_4 > 0)
    _remember(s, "in", t.amount)


def _send(s: Account, f: Facts, t: _Transfer) -> None:
    if s.count_out == 0:
        s.first_out_time = f.time
    s.last_out_time = f.time
    s.count_out += 1
    s.volume_out = rules.saturate(s.volume_out + t.amount)
    s.max_out = max(s.max_out, t.amount)
    s.zero_out += int(t.amount == 0)
    s.round_out += int(f.digits in (1, 2))
    s.repeat_out += f.repeat
    s.tag_out = t.tag
    s.log_out += f.log_value
    s.log_sq_out += f.log_value**2
    s.fees = rules.saturate(s.fees + max(t.fee, 0))
    s.kind |= SIGNED
    s.echoes += int(f.echo >= _ECHO_PPM)
    if f.approval:
        s.approvals += 1
        s.approval_time = f.time
    _remember(s, "out", t.amount)


def _remember(s: Account, direction: str, amount: int) -> None:
    for name, _ in _MEMORIES:
        count, volume = f"decayed_count_{direction}_{name}", f"decayed_volume_{direction}_{name}"
        setattr(s, count, getattr(s, count) + rules.ONE_Q12)
        setattr(s, volume, rules.saturate(getattr(s, volume) + amount))


def _apply_token(s: Account, f: Facts) -> None:
    if s.count + s.tokens_in + s.tokens_out == 0:
        s.first_time = f.time
    if f.incoming:
        s.tokens_in += 1
    else:
        s.tokens_out += 1
        s.pulled += f.pulled
    s.lookalikes += f.lookalike
