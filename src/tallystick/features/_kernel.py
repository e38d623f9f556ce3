"""The compiled engine: the loop over transfers; the meaning is ``_reference.py``."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from tallystick.compiling import inlined, looped, prefetch
from tallystick.features._apply import MET, apply, apply_funding, apply_nearness, apply_token, look
from tallystick.features._batch import IS_TOKEN
from tallystick.features._exposure import CATEGORY_COUNT, MOVED_COLUMNS
from tallystick.features._exposure_fast import (
    exposure_now_ppm,
    exposure_received_ppm,
    give,
    hold,
    open_row,
    take,
)
from tallystick.features._intern import PLACE, PLACES, intern
from tallystick.features._layout import COUNT, HOLDERS_AT, KIND_AT, NARROW_AT
from tallystick.features._note import note_edges, note_holding, note_side, note_transfer
from tallystick.features._rings import TAG_SHIFT, push, value_of
from tallystick.features._rules import NARROW_CAP
from tallystick.features._search import note_cycles, note_diamond, note_recent
from tallystick.features._stamp import STAMP
from tallystick.features._state import ACCOUNT, ACCOUNT_COLUMNS, FACT, NARROW, WIDE
from tallystick.features._tables import copy_words
from tallystick.features._undo import keep_account, keep_edge, keep_entry, keep_holding, keep_taint
from tallystick.features.families import FAMILIES

__all__ = ["Batch", "Out", "Plan", "Work", "advance", "new_work"]

Batch = namedtuple("Batch", "block time transaction sender receiver asset amount wide tag fee bits")
"""The columns of :class:`TransferBatch`."""

Plan = namedtuple("Plan", "starts window_s rule searches signer met")
"""How to run: first column of each family (-1: left out), window of motifs, accounting rule of exposure,
whether rings are kept and searched, the signer of the transaction under way (3,), what each side learns of the
other, (n, 2, MET), where that is given; see ``sharded/_engine.py``."""

Work = namedtuple("Work", "places payer paid facts met moved")
"""Scratch: (n, PLACES) rows of each transfer, the two accounts unpacked, facts of both sides, what each
learns of the other, and a payment's taint."""

Out = namedtuple("Out", "rows ids met")
"""What is written: (2 n, features) rows, (2 n,) accounts, (n, 2, MET) what each side learns of the other, or none."""

_N_WIDE, _N_NARROW = len(WIDE), len(NARROW)
_NEAR, _NEARER = 6, 3  # transfers ahead
_LINE = 8  # int64 words of a cache line

_flow = FAMILIES["flow"].write
_size = FAMILIES["size"].write
_rhythm = FAMILIES["rhythm"].write
_activity = FAMILIES["activity"].write
_counterparties = FAMILIES["counterparties"].write
_partner = FAMILIES["partner"].write
_fees = FAMILIES["fees"].write
_motifs = FAMILIES["motifs"].write
_passing = FAMILIES["passing"].write
_exposure = FAMILIES["exposure"].write
_lookalike = FAMILIES["lookalike"].write
_approvals = FAMILIES["approvals"].write
_kind = FAMILIES["kind"].write
_assets = FAMILIES["assets"].write


def new_work(transfers: int) -> Work:
    """Scratch for a run."""
    return Work(
        np.empty((transfers, len(PLACES)), np.int64),
        np.zeros(len(ACCOUNT_COLUMNS), np.int64),
        np.zeros(len(ACCOUNT_COLUMNS), np.int64),
        np.zeros((2, len(FACT)), np.int64),
        np.zeros((2, MET), np.int64),
        np.zeros(MOVED_COLUMNS, np.int64),
    )


@inlined
def _write_row(row: np.ndarray, starts: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    if starts[0] >= 0:
        _flow(row[starts[0] :], s, p, f)
    if starts[1] >= 0:
        _size(row[starts[1] :], s, p, f)
    if starts[2] >= 0:
        _rhythm(row[starts[2] :], s, p, f)
    if starts[3] >= 0:
        _activity(row[starts[3] :], s, p, f)
    if starts[4] >= 0:
        _counterparties(row[starts[4] :], s, p, f)
    if starts[5] >= 0:
        _partner(row[starts[5] :], s, p, f)
    if starts[6] >= 0:
        _fees(row[starts[6] :], s, p, f)
    if starts[7] >= 0:
        _motifs(row[starts[7] :], s, p, f)
    if starts[8] >= 0:
        _passing(row[starts[8] :], s, p, f)
    if starts[9] >= 0:
        _exposure(row[starts[9] :], s, p, f)
    if starts[10] >= 0:
        _lookalike(row[starts[10] :], s, p, f)
    if starts[11] >= 0:
        _approvals(row[starts[11] :], s, p, f)
    if starts[12] >= 0:
        _kind(row[starts[12] :], s, p, f)
    if starts[13] >= 0:
        _assets(row[starts[13] :], s, p, f)


@inlined
def _unpack(tables: Any, row: int, s: np.ndarray) -> None:
    wide, narrow = tables.wide[row], tables.narrow[row]
    for k in range(_N_WIDE):
        s[k] = wide[k]
    for k in range(_N_NARROW):
        s[_N_WIDE + k] = narrow[NARROW_AT + k]


@inlined
def _pack(tables: Any, row: int, s: np.ndarray) -> None:
    wide, narrow = tables.wide[row], tables.narrow[row]
    for k in range(_N_WIDE):
        wide[k] = s[k]
    for k in range(_N_NARROW):
        s[_N_WIDE + k] = min(s[_N_WIDE + k], NARROW_CAP)  # here too: the row of features is yet to come
        narrow[NARROW_AT + k] = np.uint32(s[_N_WIDE + k])


@inlined
def _ask(tables: Any, places: np.ndarray, i: int) -> None:
    """Ask the memory for what transfers ahead will need."""
    n = len(places)
    ahead = i + _NEAR
    if ahead < n:
        for place in (PLACE.sender, PLACE.receiver):
            row = places[ahead, place]
            prefetch(tables.heads, row, 0)
            for word in range(0, tables.wide.shape[1], _LINE):
                prefetch(tables.wide, row, word)
        prefetch(tables.edges, places[ahead, PLACE.edge], 0)
        if places[ahead, PLACE.reverse] >= 0:
            prefetch(tables.edges, places[ahead, PLACE.reverse], 0)
    ahead = i + _NEARER
    if ahead < n:
        for place in (PLACE.sender, PLACE.receiver):
            heads = tables.heads[places[ahead, place]]
            for side in range(2):
                prefetch(tables.pool, heads[side] & 0xFFFF_FFFF, 0)


@inlined
def _journal(tables: Any, undo: Any, place: np.ndarray, s: np.ndarray, r: np.ndarray) -> None:
    """Record the rows a transfer will touch."""
    keep_account(undo, tables, place[PLACE.sender])
    keep_edge(undo, tables, place[PLACE.edge])
    if s[ACCOUNT.taint]:
        keep_taint(undo, tables, s[ACCOUNT.taint])
    if place[PLACE.receiver]:
        keep_account(undo, tables, place[PLACE.receiver])
        if r[ACCOUNT.taint]:
            keep_taint(undo, tables, r[ACCOUNT.taint])
    if place[PLACE.paying] >= 0:
        keep_account(undo, tables, place[PLACE.asset])
        keep_holding(undo, tables, place[PLACE.paying])
        if place[PLACE.paid] >= 0:
            keep_holding(undo, tables, place[PLACE.paid])


@inlined
def _note_pull(signer: np.ndarray, batch: Any, i: int, sender: int, f: np.ndarray) -> None:
    """Whether a token payment was signed by another than its payer: by whom its transaction was sent."""
    here = signer[1] == batch.block[i] and signer[2] == batch.transaction[i]
    if batch.bits[i] & IS_TOKEN:
        f[FACT.pulled] = 1 if here and signer[0] != sender else 0
    elif not here:
        signer[0], signer[1], signer[2] = sender, batch.block[i], batch.transaction[i]


@inlined
def _mark_edge(edges: np.ndarray, edge: int, time: int, token: bool) -> None:
    """Count a transfer on its edge."""
    counts, times = edges[edge, 1], edges[edge, 2]
    first = times & 0xFFFF_FFFF if counts else time
    shift = 32 if token else 0
    if counts >> shift & 0x7FFF_FFFF < 0x7FFF_FFFF:
        counts += 1 << shift
    edges[edge, 1] = counts
    edges[edge, 2] = first | time << 32


@inlined
def _note(tables: Any, batch: Any, plan: Any, i: int, rows: Any, work: Any) -> None:
    """Facts of both sides, from the state before."""
    place, s, r, f = rows, work[0], work[1], work[2]
    sender, receiver = place[PLACE.sender], place[PLACE.receiver]
    time, amount = batch.time[i], batch.amount[i]
    note_transfer(f[0], batch, i)
    note_edges(tables.edges, place[PLACE.edge], place[PLACE.reverse], f[0])
    _note_pull(plan.signer, batch, i, sender, f[0])
    searches = plan.searches and receiver != 0 and receiver != sender
    since = time - plan.window_s
    value = value_of(batch.wide[i], place[PLACE.asset])
    transfer = (time, value)
    if searches and batch.wide[i] > 0:
        note_cycles(tables, sender, receiver, transfer, since, f[0])
        note_diamond(tables, sender, receiver, value >> TAG_SHIFT, since, f[0])
    copy_words(f[1], 0, f[0], 0, len(f[0]))
    # Loops over the two sides, here and below: whatever is written twice is compiled twice.
    for side in range(2):
        own, partner = (sender, receiver) if side == 0 else (receiver, sender)
        note_side(f[side], s if side == 0 else r, side == 1, partner, amount, batch.tag[i])
        if searches:
            note_recent(tables, own, partner, transfer, since, f[side])


@inlined
def _reread(tables: Any, asset: int, party: int, s: np.ndarray) -> None:
    """A token that is itself a party has been counted in its row: the copy follows."""
    if party == asset:
        s[ACCOUNT.holders] = tables.narrow[asset, HOLDERS_AT]
        s[ACCOUNT.kind] = tables.narrow[asset, KIND_AT]


@inlined
def _enter(tables: Any, batch: Any, plan: Any, i: int, rows: Any, work: Any) -> None:
    """The transfer enters the accounts and holdings."""
    place, s, r, f, met = rows, work[0], work[1], work[2], work[3]
    receiver = place[PLACE.receiver]
    if batch.bits[i] & IS_TOKEN:
        for side in range(2 if receiver else 1):
            subject = s if side == 0 else r
            note_holding(tables, place[PLACE.asset], place[PLACE.paying + side], batch.wide[i], subject, f[side])
            apply_token(subject, f[side])
        if receiver:
            _reread(tables, place[PLACE.asset], receiver, r)
        _reread(tables, place[PLACE.asset], place[PLACE.sender], s)
        holders = np.int64(tables.narrow[place[PLACE.asset], HOLDERS_AT])
        f[0, FACT.asset_holders] = holders
        f[1, FACT.asset_holders] = holders
        return
    look(met[0], r)
    look(met[1], s)
    if len(plan.met):
        for side in range(2):
            copy_words(met[side], 0, plan.met[i, side], 0, MET)
    for side in range(2 if receiver else 1):
        apply(s if side == 0 else r, met[side], f[side], batch.amount[i], batch.tag[i], batch.fee[i])
    if receiver != 0 and receiver != place[PLACE.sender]:
        apply_funding(s, r, place[PLACE.sender], batch.amount[i])


@inlined
def _expose(tables: Any, s: np.ndarray, r: np.ndarray, amount: int, rule: int, moved: np.ndarray) -> None:
    """Taint moves with the money."""
    tainted = 0
    if s[ACCOUNT.taint] or s[ACCOUNT.labels]:
        tainted = take(tables.taints[s[ACCOUNT.taint]], amount, s[ACCOUNT.labels], rule, moved)
    if tainted and r[ACCOUNT.taint] == 0:
        r[ACCOUNT.taint] = tables.counts[COUNT.taints]
        tables.counts[COUNT.taints] += 1
        before = r[ACCOUNT.volume_in] - r[ACCOUNT.volume_out] - amount
        open_row(tables.taints[r[ACCOUNT.taint]], max(before, 0))
    if tainted:
        give(tables.taints[r[ACCOUNT.taint]], amount, moved, rule)
    elif r[ACCOUNT.taint]:
        hold(tables.taints[r[ACCOUNT.taint]], amount)


@inlined
def _note_exposure(tables: Any, s: np.ndarray, r: np.ndarray, rule: int, f: np.ndarray) -> None:
    """How much of the two accounts' money is tainted, after the transfer."""
    for c in range(CATEGORY_COUNT):
        paying = exposure_now_ppm(tables.taints[s[ACCOUNT.taint]], c, rule)
        paid = exposure_now_ppm(tables.taints[r[ACCOUNT.taint]], c, rule)
        f[0, FACT.exposed_0 + c], f[0, FACT.partner_exposed_0 + c] = paying, paid
        f[1, FACT.exposed_0 + c], f[1, FACT.partner_exposed_0 + c] = paid, paying
        f[0, FACT.received_0 + c] = exposure_received_ppm(tables.taints[s[ACCOUNT.taint]], c, s[ACCOUNT.volume_in])
        f[1, FACT.received_0 + c] = exposure_received_ppm(tables.taints[r[ACCOUNT.taint]], c, r[ACCOUNT.volume_in])


@inlined
def _follow(tables: Any, batch: Any, undo: Any, plan: Any, i: int, rows: Any, work: Any) -> None:
    """Value moved from one account to another: what is passed on with it, and the rings."""
    place, s, r = rows, work[0], work[1]
    apply_nearness(s, r)
    if batch.amount[i] > 0 and s[ACCOUNT.taint] | s[ACCOUNT.labels] | r[ACCOUNT.taint]:
        _expose(tables, s, r, batch.amount[i], plan.rule, work[4])
    if not plan.searches:
        return
    sender, receiver = place[PLACE.sender], place[PLACE.receiver]
    value = value_of(batch.wide[i], place[PLACE.asset])
    for ring in (1, 0):  # of payments, of income
        own, partner = (sender, receiver) if ring == 1 else (receiver, sender)
        if len(undo.accounts):
            keep_entry(undo, tables, own, ring)
        push(tables, own, ring, partner, batch.time[i], value)


@inlined
def _run(batch: Any, tables: Any, labels: Any, undo: Any, plan: Any, work: Any, out: Any) -> None:
    places = work.places[: len(batch.time)]
    intern(batch, tables, labels, places)
    f, met = work.facts, work.met
    for i in range(len(batch.time)):
        _ask(tables, places, i)
        place = places[i]
        sender, receiver = place[PLACE.sender], place[PLACE.receiver]
        s = work.payer
        r = work.payer if receiver == sender else work.paid
        _unpack(tables, sender, s)
        _unpack(tables, receiver, r)
        both = (s, r, f, met, work.moved)
        if len(undo.accounts):
            _journal(tables, undo, place, s, r)
        _note(tables, batch, plan, i, place, both)
        _enter(tables, batch, plan, i, place, both)
        if len(out.met):
            for side in range(2):
                copy_words(out.met[i, side], 0, met[side], 0, MET)
        if batch.wide[i] > 0 and receiver != 0 and receiver != sender:
            _follow(tables, batch, undo, plan, i, place, both)
        if s[ACCOUNT.taint] | r[ACCOUNT.taint]:
            _note_exposure(tables, s, r, plan.rule, f)
        _mark_edge(tables.edges, place[PLACE.edge], batch.time[i], batch.bits[i] & IS_TOKEN != 0)
        _pack(tables, sender, s)
        if receiver:
            _pack(tables, receiver, r)
        out.ids[2 * i], out.ids[2 * i + 1] = sender, receiver
        for side in range(2 if receiver else 1):
            _write_row(out.rows[2 * i + side], plan.starts, s if side == 0 else r, r if side == 0 else s, f[side])
        if receiver == 0:
            out.rows[2 * i + 1] = 0


def _entry_point(stamp: int) -> Any:
    @looped
    def advance(batch: Any, tables: Any, labels: Any, undo: Any, plan: Any, work: Any, out: Any) -> None:
        if stamp >= 0:  # pragma: no branch - a closure variable is part of numba's cache key
            _run(batch, tables, labels, undo, plan, work, out)

    return advance


advance = _entry_point(STAMP)
"""Run transfers through the tables and write two feature rows for each; the tables have room."""
