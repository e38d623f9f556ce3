"""Facts of a transfer, compiled: from the state before it, for both sides."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.compiling import inlined
from tallystick.features import _rules_fast as fast
from tallystick.features._batch import APPROVES, FAILED, HAS_CALL, IS_TOKEN
from tallystick.features._layout import HOLDERS_AT, KIND_AT, TOKEN
from tallystick.features._packed_fast import packed_log2_q4, packed_ratio_ppm, packed_sum
from tallystick.features._state import ACCOUNT, FACT

__all__ = ["note_edges", "note_holding", "note_side", "note_transfer"]

_NO_MEAN = -10_000
_DUST_GWEI = 10_000
_DUST_PPM = 10
_LOW = (1 << 32) - 1


@inlined
def note_transfer(f: np.ndarray, batch: Any, i: int) -> None:
    """Facts both sides share."""
    bits, fee = batch.bits[i], batch.fee[i]
    f[:] = 0
    f[FACT.time] = batch.time[i]
    f[FACT.log_value] = fast.log2_q4(batch.amount[i])
    f[FACT.digits] = fast.significant_digits(batch.amount[i])
    f[FACT.call] = 1 if bits & HAS_CALL else 0
    f[FACT.failed] = 1 if bits & FAILED else 0
    f[FACT.token] = 1 if bits & IS_TOKEN else 0
    f[FACT.approval] = 1 if bits & APPROVES else 0
    f[FACT.log_fee] = fast.log2_q4(fee) if fee >= 0 else -1
    f[FACT.log_asset] = packed_log2_q4(batch.wide[i])
    f[FACT.cycle_span] = fast.NEVER
    f[FACT.echo_gap] = fast.NEVER
    f[FACT.dust] = 1 if batch.amount[i] < _DUST_GWEI and not bits & IS_TOKEN else 0


@inlined
def note_edges(edges: np.ndarray, edge: int, reverse: int, f: np.ndarray) -> None:
    """What passed between the two before."""
    count = edges[edge, 1]
    f[FACT.edge_count] = count & _LOW
    f[FACT.edge_age] = f[FACT.time] - (edges[edge, 2] & _LOW) if count else 0
    f[FACT.edge_reverse] = edges[reverse, 1] & _LOW if reverse >= 0 else 0


@inlined
def note_side(f: np.ndarray, s: np.ndarray, incoming: bool, partner: int, amount: int, tag: int) -> None:
    """Facts that depend on the subject's state before the transfer."""
    time = f[FACT.time]
    count = s[ACCOUNT.count_in] + s[ACCOUNT.count_out]
    same = s[ACCOUNT.count_in] if incoming else s[ACCOUNT.count_out]
    last_same = s[ACCOUNT.last_in_time] if incoming else s[ACCOUNT.last_out_time]
    last_tag = s[ACCOUNT.tag_in] if incoming else s[ACCOUNT.tag_out]
    f[FACT.incoming] = 1 if incoming else 0
    f[FACT.gap] = time - s[ACCOUNT.last_time] if count else fast.NEVER
    f[FACT.gap_same] = time - last_same if same else fast.NEVER
    f[FACT.log_over_mean] = f[FACT.log_value] - (s[ACCOUNT.log_in] + s[ACCOUNT.log_out]) // count if count else _NO_MEAN
    f[FACT.over_max_in] = fast.ratio_ppm(amount, s[ACCOUNT.max_in])
    f[FACT.over_max_out] = fast.ratio_ppm(amount, s[ACCOUNT.max_out])
    f[FACT.over_balance] = fast.ratio_ppm(amount, s[ACCOUNT.volume_in] - s[ACCOUNT.volume_out])
    f[FACT.repeat] = 1 if same and tag == last_tag else 0
    f[FACT.from_funder] = 1 if partner and s[ACCOUNT.funder] == partner else 0
    f[FACT.since_approval] = time - s[ACCOUNT.approval_time] if s[ACCOUNT.approvals] else fast.NEVER


@inlined
def note_holding(tables: Any, asset: int, row: int, value: int, s: np.ndarray, f: np.ndarray) -> None:
    """Take a token transfer into the subject's holding of it, and its facts."""
    holding = tables.holdings[row]
    received, sent, counts = holding[1], holding[2], holding[3]
    if counts == 0:
        s[ACCOUNT.assets] += 1
        tables.narrow[asset, HOLDERS_AT] += np.uint32(1)
        tables.narrow[asset, KIND_AT] |= np.uint32(TOKEN)
    f[FACT.asset_first] = 1 if counts == 0 else 0
    f[FACT.asset_over_in] = packed_ratio_ppm(value, received)
    f[FACT.asset_over_out] = packed_ratio_ppm(value, sent)
    f[FACT.dust] = 1 if value == 0 or (received > 0 and f[FACT.asset_over_in] < _DUST_PPM) else 0
    if f[FACT.incoming] == 1:
        received = packed_sum(received, value)
        counts += 1 if counts & _LOW < _LOW else 0
    else:
        sent = packed_sum(sent, value)
        counts += 1 << 32 if counts >> 32 < _LOW >> 1 else 0
    holding[1], holding[2], holding[3] = received, sent, counts
    f[FACT.asset_passed] = packed_ratio_ppm(sent, received)
    f[FACT.asset_in] = counts & _LOW
    f[FACT.asset_out] = counts >> 32
