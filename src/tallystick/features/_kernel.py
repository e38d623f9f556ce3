"""The compiled engine: the loop over transfers; the meaning is ``_reference.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tallystick.compiling import compiled, inlined, source_stamp
from tallystick.features import _rules
from tallystick.features import _rules_fast as fast
from tallystick.features._batch import FAILED, HAS_CALL, HAS_TO, IS_TOKEN
from tallystick.features._state import ACCOUNT, FACT
from tallystick.features._tables import edge_slot, find_account, find_edge
from tallystick.features.families import FAMILIES

__all__ = ["advance"]

_COUNTERS = np.array([len(family.FEATURES) for family in FAMILIES.values()], np.int64)
_START = np.concatenate((np.zeros(1, np.int64), np.cumsum(_COUNTERS)))
_AT = tuple(int(start) for start in _START)
_DAY_S = 86_400
_HUB_LOG = 16 * 8  # log2_q4 of 128 accounts
_NO_MEAN = -10_000
_DECAYED = ACCOUNT.decayed_count_in_1h
_ONE = _rules.ONE_Q16

_flow = FAMILIES["flow"].write
_size = FAMILIES["size"].write
_rhythm = FAMILIES["rhythm"].write
_activity = FAMILIES["activity"].write
_counterparties = FAMILIES["counterparties"].write
_partner = FAMILIES["partner"].write
_fees = FAMILIES["fees"].write


@inlined
def _write_row(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    _flow(row[_AT[0] : _AT[1]], s, p, f)
    _size(row[_AT[1] : _AT[2]], s, p, f)
    _rhythm(row[_AT[2] : _AT[3]], s, p, f)
    _activity(row[_AT[3] : _AT[4]], s, p, f)
    _counterparties(row[_AT[4] : _AT[5]], s, p, f)
    _partner(row[_AT[5] : _AT[6]], s, p, f)
    _fees(row[_AT[6] : _AT[7]], s, p, f)


@inlined
def _note_side(f: np.ndarray, s: np.ndarray, incoming: bool, time: int, amount: int, tag: int) -> None:
    """Facts that depend on the subject's state before the transfer."""
    count = s[ACCOUNT.count_in] + s[ACCOUNT.count_out]
    same = s[ACCOUNT.count_in] if incoming else s[ACCOUNT.count_out]
    last_same = s[ACCOUNT.last_in_time] if incoming else s[ACCOUNT.last_out_time]
    last_tag = s[ACCOUNT.tag_in] if incoming else s[ACCOUNT.tag_out]
    f[FACT.incoming] = 1 if incoming else 0
    f[FACT.gap] = time - s[ACCOUNT.last_time] if count else -1
    f[FACT.gap_same] = time - last_same if same else -1
    f[FACT.log_over_mean] = f[FACT.log_value] - (s[ACCOUNT.log_in] + s[ACCOUNT.log_out]) // count if count else _NO_MEAN
    f[FACT.over_max_in] = fast.ratio_ppm(amount, s[ACCOUNT.max_in])
    f[FACT.over_max_out] = fast.ratio_ppm(amount, s[ACCOUNT.max_out])
    f[FACT.over_balance] = fast.ratio_ppm(amount, s[ACCOUNT.volume_in] - s[ACCOUNT.volume_out])
    f[FACT.repeat] = 1 if same and tag == last_tag else 0


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
            fast.decay_all(s, _DECAYED, s[ACCOUNT.last_time], time)
        log_gap = fast.log2_q4(gap)
        s[ACCOUNT.log_gap] += log_gap
        s[ACCOUNT.log_gap_sq] += log_gap * log_gap
        s[ACCOUNT.active_days] += 1 if time // _DAY_S != s[ACCOUNT.last_time] // _DAY_S else 0
    s[ACCOUNT.last_time] = time


@inlined
def _meet(s: np.ndarray, met: np.ndarray, f: np.ndarray, first: bool, new_edge: bool) -> None:
    """Remember what the counterparty was like before this transfer; ``met`` is from :func:`_look`."""
    incoming = f[FACT.incoming] == 1
    if first:
        s[ACCOUNT.first_partner_degree] = met[0]
        s[ACCOUNT.first_log] = f[FACT.log_value]
    if incoming:
        s[ACCOUNT.fresh_in] += met[4]
    else:
        s[ACCOUNT.fresh_out] += met[4]
    if not new_edge:
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
def _look(met: np.ndarray, p: np.ndarray) -> None:
    """What an account is like: log degree, mean log amount, log fan-out, log fan-in, fresh."""
    count = p[ACCOUNT.count_in] + p[ACCOUNT.count_out]
    met[0] = fast.log2_q4(count)
    met[1] = (p[ACCOUNT.log_in] + p[ACCOUNT.log_out]) // count if count else 0
    met[2] = fast.log2_q4(p[ACCOUNT.partners_out])
    met[3] = fast.log2_q4(p[ACCOUNT.partners_in])
    met[4] = 1 if count == 0 else 0


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
    for h in range(4):
        s[_DECAYED + 4 * h] += _ONE
        s[_DECAYED + 4 * h + 2] = fast.saturate(s[_DECAYED + 4 * h + 2] + amount)


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
    for h in range(4):
        s[_DECAYED + 4 * h + 1] += _ONE
        s[_DECAYED + 4 * h + 3] = fast.saturate(s[_DECAYED + 4 * h + 3] + amount)


@inlined
def _apply(s: np.ndarray, met: np.ndarray, f: np.ndarray, new_edge: bool, amount: int, tag: int, fee: int) -> None:
    """Move one side of a transfer of the chain's own coin into its account."""
    first = s[ACCOUNT.count_in] + s[ACCOUNT.count_out] == 0
    _touch(s, f[FACT.time])
    _meet(s, met, f, first, new_edge)
    if f[FACT.incoming] == 1:
        _receive(s, f, amount, tag)
    else:
        _send(s, f, amount, tag, fee)
    s[ACCOUNT.calls] += f[FACT.call]
    s[ACCOUNT.failures] += f[FACT.failed]
    balance = s[ACCOUNT.volume_in] - s[ACCOUNT.volume_out]
    if balance > s[ACCOUNT.balance_peak]:
        s[ACCOUNT.balance_peak] = balance
        s[ACCOUNT.balance_peak_time] = f[FACT.time]


@inlined
def _apply_token(s: np.ndarray, f: np.ndarray) -> None:
    """Move one side of a token transfer into its account."""
    if s[ACCOUNT.count_in] + s[ACCOUNT.count_out] + s[ACCOUNT.tokens_in] + s[ACCOUNT.tokens_out] == 0:
        s[ACCOUNT.first_time] = f[FACT.time]
    if f[FACT.incoming] == 1:
        s[ACCOUNT.tokens_in] += 1
    else:
        s[ACCOUNT.tokens_out] += 1


@inlined
def _note_transfer(f: np.ndarray, time: int, amount: int, fee: int, bits: int) -> None:
    """Facts both sides share."""
    f[FACT.time] = time
    f[FACT.log_value] = fast.log2_q4(amount)
    f[FACT.digits] = fast.significant_digits(amount)
    f[FACT.call] = 1 if bits & HAS_CALL else 0
    f[FACT.failed] = 1 if bits & FAILED else 0
    f[FACT.token] = 1 if bits & IS_TOKEN else 0
    f[FACT.log_fee] = fast.log2_q4(fee) if fee >= 0 else -1


@inlined
def _advance(
    batch: tuple[np.ndarray, ...],
    account_slots: np.ndarray,
    account_keys: np.ndarray,
    accounts: np.ndarray,
    edge_slots: np.ndarray,
    edge_keys: np.ndarray,
    edges: np.ndarray,
    counts: np.ndarray,
    rows: np.ndarray,
    ids: np.ndarray,
) -> None:
    """Run transfers through the state and write two feature rows for each.

    Parameters
    ----------
    batch
        ``time, sender, receiver, amount, tag, fee, bits`` as in :class:`TransferBatch`.
    accounts, edges
        State columns, large enough for every new account and edge of the batch.
    counts
        ``[accounts, edges]`` in use; updated.
    rows
        (2 n, features) int64, written: sender's side at 2 i, receiver's at 2 i + 1.
    ids
        (2 n,) int64, written: account of each row, 0 for nobody.
    """
    times, senders, receivers, amounts, tags, fees, all_bits = batch
    f = np.zeros((2, len(FACT)), np.int64)
    met = np.zeros((2, 5), np.int64)
    for i in range(len(times)):
        time, amount, tag, fee, bits = times[i], amounts[i], tags[i], fees[i], all_bits[i]
        sender = find_account(account_slots, account_keys, counts[0], senders[i])
        counts[0] = max(counts[0], sender + 1)
        receiver = 0
        if bits & HAS_TO:
            receiver = find_account(account_slots, account_keys, counts[0], receivers[i])
            counts[0] = max(counts[0], receiver + 1)
        s, r = accounts[sender], accounts[receiver]
        key = sender << 32 | receiver
        slot = edge_slot(edge_slots, edge_keys, key)
        edge = edge_slots[slot] - 1
        reverse = find_edge(edge_slots, edge_keys, receiver << 32 | sender)

        _note_transfer(f[0], time, amount, fee, bits)
        f[0, FACT.edge_count] = edges[edge, 0] if edge >= 0 else 0
        f[0, FACT.edge_reverse] = edges[reverse, 0] if reverse >= 0 else 0
        f[0, FACT.edge_age] = time - edges[edge, 1] if edge >= 0 else 0
        f[1] = f[0]
        _note_side(f[0], s, False, time, amount, tag)
        _note_side(f[1], r, True, time, amount, tag)

        if bits & IS_TOKEN:
            _apply_token(s, f[0])
            if receiver:
                _apply_token(r, f[1])
        else:
            _look(met[0], r)
            _look(met[1], s)
            _apply(s, met[0], f[0], edge < 0, amount, tag, fee)
            if receiver:
                _apply(r, met[1], f[1], edge < 0, amount, tag, fee)
            if edge < 0:
                edge = counts[1]
                counts[1] += 1
                edge_slots[slot] = edge + 1
                edge_keys[edge] = key
                edges[edge, 1] = time
            edges[edge, 0] += 1

        ids[2 * i], ids[2 * i + 1] = sender, receiver
        _write_row(rows[2 * i], s, r, f[0])
        if receiver:
            _write_row(rows[2 * i + 1], r, s, f[1])
        else:
            rows[2 * i + 1] = 0


def _entry_point(stamp: int) -> Any:
    @compiled
    def advance(
        batch: Any,
        account_slots: Any,
        account_keys: Any,
        accounts: Any,
        edge_slots: Any,
        edge_keys: Any,
        edges: Any,
        counts: Any,
        rows: Any,
        ids: Any,
    ) -> None:
        if stamp >= 0:  # a closure variable is part of numba's cache key
            _advance(batch, account_slots, account_keys, accounts, edge_slots, edge_keys, edges, counts, rows, ids)

    return advance


advance = _entry_point(source_stamp(Path(__file__).parent))
