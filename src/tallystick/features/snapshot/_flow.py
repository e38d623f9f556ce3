"""Flow: what comes in against what goes out, and in which order.

An account cannot pay more than it received. Where a graph says so, it was put together from overlapping crawls that
count an edge once for each: what goes beyond is cut off, so that no model learns how the crawls lay.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

import numpy as np

from tallystick.features._rules import ratio_ppm
from tallystick.features._spec import Feature
from tallystick.features.snapshot import _reduce as plain
from tallystick.features.snapshot import _reduce_fast as fast
from tallystick.features.snapshot._graph import Graph
from tallystick.features.snapshot._plain import PlainGraph
from tallystick.features.snapshot._words import COUNT, GWEI, LOG_S, SECONDS, SHARE, SIGNED_S, feature

__all__ = ["FEATURES", "columns", "reference"]

_NOT_BOTH: Final = 1 << 40  # s, where one of two times is missing

FEATURES: Final[tuple[Feature, ...]] = (
    feature("in_share", SHARE, "Incoming payments against all."),
    feature("span", SECONDS, "From the first payment of either direction to the last; 0 of none."),
    feature("pass_through", SHARE, "Outgoing volume against incoming volume, at most all of it; 0 where either is 0."),
    feature("kept", GWEI, "Incoming less outgoing volume, at least 0."),
    feature("mutual", COUNT, "Partners that both paid the account and were paid by it."),
    feature("mutual_share", SHARE, "These against all partners."),
    feature("first_in_to_first_out", SIGNED_S, "From its first income to its first payment; 2**40 without both."),
    feature("last_in_to_last_out", SIGNED_S, "From its last income to its last payment; 2**40 without both."),
    feature("last_in_to_first_out", SIGNED_S, "From its last income to its first payment; 2**40 without both."),
    feature("first_in_to_last_out", SIGNED_S, "From its first income to its last payment; 2**40 without both."),
    feature("delay_least", SECONDS, "Shortest time from an income to the next payment, at each payment."),
    feature("delay_p50", SECONDS, "The median of these."),
    feature("log_delay_mean", LOG_S, "Mean logarithm of these."),
    feature("out_before_income", SHARE, "Payments before any income."),
    feature("in_after_payments", SHARE, "Incoming payments later than the last outgoing one."),
)


def reference(graph: PlainGraph, account: int) -> list[int]:
    """Compute the family for one account."""
    seen = graph.accounts[account]
    came, went = ([one.time for one in side] for side in (seen.incoming, seen.outgoing))
    income, paid = (plain.total([one.amount for one in side]) for side in (seen.incoming, seen.outgoing))
    payers, payees = ({one.partner for one in side} for side in (seen.incoming, seen.outgoing))
    times = seen.times
    delays = [time - came[bisect_right(came, time) - 1] for time in went if came and came[0] <= time]
    return [
        plain.part_ppm(len(came), len(came) + len(went)),
        times[-1] - times[0] if times else 0,
        min(ratio_ppm(paid, income), plain.PPM_ONE),
        max(income - paid, 0),
        len(payers & payees),
        plain.part_ppm(len(payers & payees), len(payers | payees)),
        *((went[b] - came[a] if came and went else _NOT_BOTH) for a, b in ((0, 0), (-1, -1), (-1, 0), (0, -1))),
        plain.least(delays),
        plain.quantile(delays, 50),
        plain.mean([plain.log2_q8(delay) for delay in delays]),
        plain.part_ppm(len(went) - len(delays), len(went)),
        plain.part_ppm(sum(time > went[-1] for time in came) if went else 0, len(came)),
    ]


def columns(graph: Graph) -> list[np.ndarray]:
    """Twin of :func:`reference`, for all accounts."""
    came, went = graph.incoming, graph.outgoing
    both = (came.groups.size > 0) & (went.groups.size > 0)
    first_in, last_in = came.groups.least(came.time), came.groups.most(came.time)
    first_out, last_out = went.groups.least(went.time), went.groups.most(went.time)
    orders = ((first_in, first_out), (last_in, last_out), (last_in, first_out), (first_in, last_out))
    at = _last_at(graph)
    known = at >= 0
    groups = went.groups.where(known)
    delays = (went.time - came.time[np.maximum(at, 0)])[known] if len(at) else at
    after = (went.groups.size > 0)[came.groups.owner] & (came.time > last_out[came.groups.owner])
    return [
        fast.part_ppm(came.groups.size, graph.all.size),
        graph.span,
        np.minimum(fast.ratio_ppm(went.volume, came.volume), plain.PPM_ONE),
        np.maximum(came.volume - went.volume, 0),
        graph.mutual,
        fast.part_ppm(graph.mutual, graph.partners),
        *(np.where(both, late - early, _NOT_BOTH) for early, late in orders),
        groups.least(delays),
        groups.quantile(groups.rising(delays), 50),
        groups.mean(fast.log2_q8(delays)),
        went.groups.part_ppm(~known),
        came.groups.part_ppm(after),
    ]


def _last_at(graph: Graph) -> np.ndarray:
    """Position, among the incoming payments, of the last one not after each outgoing payment; -1 for none."""
    came, went = graph.incoming, graph.outgoing
    if not len(came.time):
        return np.full(len(went.time), -1)
    origin = graph.time.min()
    width = int(graph.time.max() - origin) + 1
    key = came.groups.owner * width + (came.time - origin)
    at = np.searchsorted(key, went.groups.owner * width + (went.time - origin), side="right") - 1
    return np.where(at >= came.groups.start[:-1][went.groups.owner], at, -1)
