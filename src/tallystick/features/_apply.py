"""A transfer enters the state, compiled; the meaning is ``_reference_account.py``."""

from __future__ import annotations

import numpy as np

from tallystick.compiling import inlined
from tallystick.features import _rules
from tallystick.features import _rules_fast as fast
from tallystick.features._layout import CALLED, SIGNED
from tallystick.features._state import ACCOUNT, DECAYED_COUNTS, DECAYED_VOLUMES, FACT

__all__ = ["MET", "apply", "apply_funding", "apply_nearness", "apply_token", "look"]

MET = 5  # integers that one side of a transfer learns of the other, see `look`
_DAY_S = 86_400
_HUB_LOG = 16 * 8  # log2_q4 of 128 accounts
_ONE = _rules.ONE_Q12
_ECHO_PPM = 900_000


@inlined
def look(met: np.ndarray, p: np.ndarray) -> None:
    """What an account is like: log degree, mean log amount, log fan-out, log fan-in, fresh."""
    count = p[ACCOUNT.count_in] + p[ACCOUNT.count_out]
    met[0] = fast.log2_q4(count)
    met[1] = (p[ACCOUNT.log_in] + p[ACCOUNT.log_out]) // count if count else 0
    met[2] = fast.log2_q4(p[ACCOUNT.partners_out])
    met[3] = fast.log2_q4(p[ACCOUNT.partners_in])
    met[4] = 1 if count == 0 else 0


@inlined
def _touch(s: np.ndarray, time: int) -> None:
    """Bring an account's clock and decayed counters to now."""
    if s[ACCOUNT.count_in] + s[ACCOUNT.count_out] == 0:
        if s[ACCOUNT.tokens_in] + s[ACCOUNT.tokens_out] == 0:
            s[ACCOUNT.first_time] = time
        s[ACCOUNT.active_days] = 1
    else:
        gap = time - s[ACCOUNT.last_time]
        if gap > 0:
            fast.decay_all(s, DECAYED_VOLUMES, DECAYED_COUNTS, s[ACCOUNT.last_time], time)
        log_gap = fast.log2_q4(gap)
        s[ACCOUNT.log_gap] += log_gap
        s[ACCOUNT.log_gap_sq] += log_gap * log_gap
        s[ACCOUNT.active_days] += 1 if time // _DAY_S != s[ACCOUNT.last_time] // _DAY_S else 0
    s[ACCOUNT.last_time] = time


@inlined
def _meet(s: np.ndarray, met: np.ndarray, f: np.ndarray, first: bool) -> None:
    """Remember what the counterparty was like before this transfer; ``met`` is from :func:`look`."""
    incoming = f[FACT.incoming] == 1
    if first:
        s[ACCOUNT.first_partner_degree] = met[0]
        s[ACCOUNT.first_log] = f[FACT.log_value]
    if incoming:
        s[ACCOUNT.fresh_in] += met[4]
    else:
        s[ACCOUNT.fresh_out] += met[4]
    if f[FACT.edge_count]:
        return
    if incoming:
        s[ACCOUNT.partners_in] += 1
        s[ACCOUNT.partner_degree_in] += met[0]
        s[ACCOUNT.partner_log_in] += met[1]
        s[ACCOUNT.partner_fan_in] += met[2]
        s[ACCOUNT.hubs_in] += 1 if met[2] >= _HUB_LOG else 0
    else:
        s[ACCOUNT.partners_out] += 1
        s[ACCOUNT.partner_degree_out] += met[0]
        s[ACCOUNT.partner_log_out] += met[1]
        s[ACCOUNT.partner_fan_out] += met[3]


@inlined
def _receive(s: np.ndarray, f: np.ndarray, amount: int, tag: int) -> None:
    time = f[FACT.time]
    if s[ACCOUNT.count_in] == 0:
        s[ACCOUNT.first_in_time] = time
    s[ACCOUNT.last_in_time] = time
    s[ACCOUNT.count_in] += 1
    s[ACCOUNT.volume_in] = fast.saturate(s[ACCOUNT.volume_in] + amount)
    s[ACCOUNT.max_in] = max(s[ACCOUNT.max_in], amount)
    s[ACCOUNT.zero_in] += 1 if amount == 0 else 0
    s[ACCOUNT.round_in] += 1 if 0 < f[FACT.digits] <= 2 else 0
    s[ACCOUNT.repeat_in] += f[FACT.repeat]
    s[ACCOUNT.tag_in] = tag
    s[ACCOUNT.log_in] += f[FACT.log_value]
    s[ACCOUNT.log_sq_in] += f[FACT.log_value] * f[FACT.log_value]
    s[ACCOUNT.kind] |= CALLED if f[FACT.call] else 0
    s[ACCOUNT.closed] += 1 if f[FACT.cycle_span] >= 0 else 0
    for h in range(3):
        s[DECAYED_COUNTS + 2 * h] += _ONE
        s[DECAYED_VOLUMES + 2 * h] = fast.saturate(s[DECAYED_VOLUMES + 2 * h] + amount)


@inlined
def _send(s: np.ndarray, f: np.ndarray, amount: int, tag: int, fee: int) -> None:
    time = f[FACT.time]
    if s[ACCOUNT.count_out] == 0:
        s[ACCOUNT.first_out_time] = time
    s[ACCOUNT.last_out_time] = time
    s[ACCOUNT.count_out] += 1
    s[ACCOUNT.volume_out] = fast.saturate(s[ACCOUNT.volume_out] + amount)
    s[ACCOUNT.max_out] = max(s[ACCOUNT.max_out], amount)
    s[ACCOUNT.zero_out] += 1 if amount == 0 else 0
    s[ACCOUNT.round_out] += 1 if 0 < f[FACT.digits] <= 2 else 0
    s[ACCOUNT.repeat_out] += f[FACT.repeat]
    s[ACCOUNT.tag_out] = tag
    s[ACCOUNT.log_out] += f[FACT.log_value]
    s[ACCOUNT.log_sq_out] += f[FACT.log_value] * f[FACT.log_value]
    s[ACCOUNT.fees] = fast.saturate(s[ACCOUNT.fees] + max(fee, 0))
    s[ACCOUNT.kind] |= SIGNED
    s[ACCOUNT.echoes] += 1 if f[FACT.echo] >= _ECHO_PPM else 0
    if f[FACT.approval]:
        s[ACCOUNT.approvals] += 1
        s[ACCOUNT.approval_time] = time
    for h in range(3):
        s[DECAYED_COUNTS + 2 * h + 1] += _ONE
        s[DECAYED_VOLUMES + 2 * h + 1] = fast.saturate(s[DECAYED_VOLUMES + 2 * h + 1] + amount)


@inlined
def apply(s: np.ndarray, met: np.ndarray, f: np.ndarray, amount: int, tag: int, fee: int) -> None:
    """Move one side of a transfer of the chain's own coin into its account."""
    first = s[ACCOUNT.count_in] + s[ACCOUNT.count_out] == 0
    _touch(s, f[FACT.time])
    _meet(s, met, f, first)
    if f[FACT.incoming] == 1:
        _receive(s, f, amount, tag)
    else:
        _send(s, f, amount, tag, fee)
    s[ACCOUNT.calls] += f[FACT.call]
    s[ACCOUNT.failures] += f[FACT.failed]
    s[ACCOUNT.lookalikes] += f[FACT.lookalike]
    balance = s[ACCOUNT.volume_in] - s[ACCOUNT.volume_out]
    if balance > s[ACCOUNT.balance_peak]:
        s[ACCOUNT.balance_peak] = balance
        s[ACCOUNT.balance_peak_time] = f[FACT.time]


@inlined
def apply_token(s: np.ndarray, f: np.ndarray) -> None:
    """Move one side of a token transfer into its account."""
    if s[ACCOUNT.count_in] + s[ACCOUNT.count_out] + s[ACCOUNT.tokens_in] + s[ACCOUNT.tokens_out] == 0:
        s[ACCOUNT.first_time] = f[FACT.time]
    if f[FACT.incoming] == 1:
        s[ACCOUNT.tokens_in] += 1
    else:
        s[ACCOUNT.tokens_out] += 1
        s[ACCOUNT.pulled] += f[FACT.pulled]
    s[ACCOUNT.lookalikes] += f[FACT.lookalike]


@inlined
def apply_funding(s: np.ndarray, r: np.ndarray, sender: int, amount: int) -> None:
    """Remember who paid the receiver first."""
    if r[ACCOUNT.funder] == 0 and amount > 0:
        r[ACCOUNT.funder] = sender
        r[ACCOUNT.funder_rank] = s[ACCOUNT.funded]
        s[ACCOUNT.funded] += 1


@inlined
def apply_nearness(s: np.ndarray, r: np.ndarray) -> None:
    """Pass on how near labelled sources and destinations are: one step further at each transfer."""
    s_from, r_to = s[ACCOUNT.near_from], r[ACCOUNT.near_to]
    s_labels, r_labels = s[ACCOUNT.labels], r[ACCOUNT.labels]
    if s_from | s_labels:
        r[ACCOUNT.near_from] = _nearer(r[ACCOUNT.near_from], s_from, s_labels)
    if r_to | r_labels:
        s[ACCOUNT.near_to] = _nearer(s[ACCOUNT.near_to], r_to, r_labels)


@inlined
def _nearer(own: int, other: int, labels: int) -> int:
    """Per category the nearer of the account's own nearness and its counterparty's less one step."""
    result = 0
    for c in range(8):
        here = own >> 4 * c & 15
        there = 15 if labels >> c & 1 else other >> 4 * c & 15
        result |= max(here, there - 1) << 4 * c
    return result
