"""What a transfer does to one account, in plain Python; ``_note.py`` and ``_apply.py`` hold the compiled twins."""

from __future__ import annotations

from dataclasses import dataclass

from tallystick.features import _rules as rules
from tallystick.features._batch import APPROVES, FAILED, HAS_CALL, IS_TOKEN
from tallystick.features._layout import CALLED, SIGNED
from tallystick.features._packed import packed_log2_q4
from tallystick.features._records import Account, Facts
from tallystick.features._state import NARROW

__all__ = ["Met", "Transfer", "apply", "apply_token", "hold_narrow", "look", "note_side", "note_transfer"]

_DAY_S = 86_400
_HUB_LOG = rules.log2_q4(128)
_NO_MEAN = -10_000
_DUST_GWEI = 10_000
_ECHO_PPM = 900_000
_MEMORIES = tuple(zip(("1h", "1d", "7d"), rules.HALF_LIVES_S, strict=True))


@dataclass(frozen=True)
class Met:
    """What a counterparty was like before the transfer."""

    degree: int
    mean_log: int
    fan_out: int
    fan_in: int
    fresh: int


@dataclass(frozen=True)
class Transfer:
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


def note_transfer(f: Facts, t: Transfer) -> None:
    """Facts both sides share."""
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


def hold_narrow(account: Account) -> None:
    """Hold narrow columns at their cap, so that they never wrap."""
    for name in NARROW:
        setattr(account, name, min(getattr(account, name), rules.NARROW_CAP))


def note_side(f: Facts, s: Account, incoming: bool, partner: int, t: Transfer) -> None:
    """Facts that depend on the subject's state before the transfer; ``partner`` is an account number, 0 for none."""
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


def look(p: Account) -> Met:
    """What an account is like to its counterparty."""
    return Met(
        degree=rules.log2_q4(p.count),
        mean_log=(p.log_in + p.log_out) // p.count if p.count else 0,
        fan_out=rules.log2_q4(p.partners_out),
        fan_in=rules.log2_q4(p.partners_in),
        fresh=int(p.count == 0),
    )


def apply(s: Account, met: Met, f: Facts, t: Transfer) -> None:
    """Move one side of a transfer of the chain's own coin into its account."""
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


def _meet(s: Account, met: Met, f: Facts, first: bool) -> None:
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


def _receive(s: Account, f: Facts, t: Transfer) -> None:
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


def _send(s: Account, f: Facts, t: Transfer) -> None:
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


def apply_token(s: Account, f: Facts) -> None:
    """Move one side of a token transfer into its account."""
    if s.count + s.tokens_in + s.tokens_out == 0:
        s.first_time = f.time
    if f.incoming:
        s.tokens_in += 1
    else:
        s.tokens_out += 1
        s.pulled += f.pulled
    s.lookalikes += f.lookalike
