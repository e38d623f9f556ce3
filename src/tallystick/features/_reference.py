"""The feature engine in plain Python: what every number means.

Read top to bottom; the compiled engine (``_kernel.py``) is tested equal to it row by row.
"""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.features import _rules as rules
from tallystick.features._batch import FAILED, HAS_CALL, HAS_TO, IS_TOKEN, TransferBatch
from tallystick.features._records import Account, Facts
from tallystick.features.families import FAMILIES

__all__ = ["ReferenceEngine"]

_DAY_S = 86_400
_HUB_LOG = rules.log2_q4(128)
_NO_MEAN = -10_000
_MEMORIES = tuple(zip(("1h", "1d", "7d", "30d"), rules.HALF_LIVES_S, strict=True))


@dataclass
class _Edge:
    count: int
    first_time: int


@dataclass(frozen=True)
class _Met:
    """What a counterparty was like before the transfer."""

    degree: int
    mean_log: int
    fan_out: int
    fan_in: int
    fresh: int


class ReferenceEngine:
    """Same rows as :class:`Engine`, slowly."""

    def __init__(self) -> None:
        self._accounts: dict[bytes, Account] = {}
        self._edges: dict[tuple[bytes, bytes | None], _Edge] = {}

    def advance(self, batch: TransferBatch) -> list[list[int]]:
        """Return two rows for each transfer; zeros where there is no receiver."""
        rows = []
        for i in range(len(batch)):
            sender = batch.sender[i].tobytes()
            receiver = batch.receiver[i].tobytes() if batch.bits[i] & HAS_TO else None
            rows += self._advance_one(
                sender,
                receiver,
                int(batch.time[i]),
                int(batch.amount[i]),
                int(batch.tag[i]),
                int(batch.fee[i]),
                int(batch.bits[i]),
            )
        return rows

    def _advance_one(
        self, sender: bytes, receiver: bytes | None, time: int, amount: int, tag: int, fee: int, bits: int
    ) -> list[list[int]]:
        s = self._accounts.setdefault(sender, Account())
        r = self._accounts.setdefault(receiver, Account()) if receiver is not None else Account()
        edge = self._edges.get((sender, receiver))
        reverse = self._edges.get((receiver, sender)) if receiver is not None else None

        # 1. Facts, from the state before the transfer.
        sides = []
        for subject, incoming in ((s, False), (r, True)):
            f = Facts()
            _note_transfer(f, time, amount, fee, bits)
            f.edge_count = edge.count if edge else 0
            f.edge_reverse = reverse.count if reverse else 0
            f.edge_age = time - edge.first_time if edge else 0
            _note_side(f, subject, incoming, amount, tag)
            sides.append(f)

        # 2. The transfer enters the state.
        if bits & IS_TOKEN:
            _apply_token(s, sides[0])
            if receiver is not None:
                _apply_token(r, sides[1])
        else:
            receiver_before, sender_before = _look(r), _look(s)
            _apply(s, receiver_before, sides[0], edge is None, amount, tag, fee)
            if receiver is not None:
                _apply(r, sender_before, sides[1], edge is None, amount, tag, fee)
            edge = self._edges.setdefault((sender, receiver), _Edge(0, time))
            edge.count += 1

        # 3. Features, from the state with the transfer and from the facts.
        width = sum(len(family.FEATURES) for family in FAMILIES.values())
        return [_row(s, r, sides[0]), _row(r, s, sides[1]) if receiver is not None else [0] * width]


def _row(subject: Account, partner: Account, f: Facts) -> list[int]:
    return [value for family in FAMILIES.values() for value in family.reference(subject, partner, f)]


def _note_transfer(f: Facts, time: int, amount: int, fee: int, bits: int) -> None:
    f.time = time
    f.log_value = rules.log2_q4(amount)
    f.digits = rules.significant_digits(amount)
    f.call = int(bool(bits & HAS_CALL))
    f.failed = int(bool(bits & FAILED))
    f.token = int(bool(bits & IS_TOKEN))
    f.log_fee = rules.log2_q4(fee) if fee >= 0 else rules.NEVER


def _note_side(f: Facts, s: Account, incoming: bool, amount: int, tag: int) -> None:
    same, last_same, last_tag = (
        (s.count_in, s.last_in_time, s.tag_in) if incoming else (s.count_out, s.last_out_time, s.tag_out)
    )
    f.incoming = int(incoming)
    f.gap = f.time - s.last_time if s.count else rules.NEVER
    f.gap_same = f.time - last_same if same else rules.NEVER
    f.log_over_mean = f.log_value - (s.log_in + s.log_out) // s.count if s.count else _NO_MEAN
    f.over_max_in = rules.ratio_ppm(amount, s.max_in)
    f.over_max_out = rules.ratio_ppm(amount, s.max_out)
    f.over_balance = rules.ratio_ppm(amount, s.volume_in - s.volume_out)
    f.repeat = int(same > 0 and tag == last_tag)


def _look(p: Account) -> _Met:
    return _Met(
        degree=rules.log2_q4(p.count),
        mean_log=(p.log_in + p.log_out) // p.count if p.count else 0,
        fan_out=rules.log2_q4(p.partners_out),
        fan_in=rules.log2_q4(p.partners_in),
        fresh=int(p.count == 0),
    )


def _apply(s: Account, met: _Met, f: Facts, new_edge: bool, amount: int, tag: int, fee: int) -> None:
    first = s.count == 0
    _touch(s, f.time)
    _meet(s, met, f, first, new_edge)
    if f.incoming:
        _receive(s, f, amount, tag)
    else:
        _send(s, f, amount, tag, fee)
    s.calls += f.call
    s.failures += f.failed
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
            for what in ("count_in", "count_out", "volume_in", "volume_out"):
                column = f"decayed_{what}_{name}"
                setattr(s, column, rules.decay(getattr(s, column), ticks))
        s.log_gap += rules.log2_q4(gap)
        s.log_gap_sq += rules.log2_q4(gap) ** 2
        s.active_days += int(time // _DAY_S != s.last_time // _DAY_S)
    s.last_time = time


def _meet(s: Account, met: _Met, f: Facts, first: bool, new_edge: bool) -> None:
    if first:
        s.first_partner_degree = met.degree
        s.first_log = f.log_value
    if f.incoming:
        s.fresh_in += met.fresh
    else:
        s.fresh_out += met.fresh
    if not new_edge:
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


def _receive(s: Account, f: Facts, amount: int, tag: int) -> None:
    if s.count_in == 0:
        s.first_in_time = f.time
    s.last_in_time = f.time
    s.count_in += 1
    s.volume_in = rules.saturate(s.volume_in + amount)
    s.max_in = max(s.max_in, amount)
    s.zero_in += int(amount == 0)
    s.round_in += int(f.digits in (1, 2))
    s.repeat_in += f.repeat
    s.tag_in = tag
    s.log_in += f.log_value
    s.log_sq_in += f.log_value**2
    _remember(s, "in", amount)


def _send(s: Account, f: Facts, amount: int, tag: int, fee: int) -> None:
    if s.count_out == 0:
        s.first_out_time = f.time
    s.last_out_time = f.time
    s.count_out += 1
    s.volume_out = rules.saturate(s.volume_out + amount)
    s.max_out = max(s.max_out, amount)
    s.zero_out += int(amount == 0)
    s.round_out += int(f.digits in (1, 2))
    s.repeat_out += f.repeat
    s.tag_out = tag
    s.log_out += f.log_value
    s.log_sq_out += f.log_value**2
    s.fees = rules.saturate(s.fees + max(fee, 0))
    _remember(s, "out", amount)


def _remember(s: Account, direction: str, amount: int) -> None:
    for name, _ in _MEMORIES:
        count, volume = f"decayed_count_{direction}_{name}", f"decayed_volume_{direction}_{name}"
        setattr(s, count, getattr(s, count) + rules.ONE_Q16)
        setattr(s, volume, rules.saturate(getattr(s, volume) + amount))


def _apply_token(s: Account, f: Facts) -> None:
    if s.count + s.tokens_in + s.tokens_out == 0:
        s.first_time = f.time
    if f.incoming:
        s.tokens_in += 1
    else:
        s.tokens_out += 1
