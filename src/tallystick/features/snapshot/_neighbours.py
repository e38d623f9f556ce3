"""Neighbours: what the accounts are like that it was paid by, and that it paid."""

from __future__ import annotations

from typing import Final

import numpy as np

from tallystick.features._rules import ratio_ppm
from tallystick.features._spec import Feature
from tallystick.features.snapshot import _reduce as plain
from tallystick.features.snapshot import _reduce_fast as fast
from tallystick.features.snapshot._graph import Graph
from tallystick.features.snapshot._plain import PlainAccount, PlainGraph
from tallystick.features.snapshot._words import LOG, LOG_GWEI, LOG_S, RATIO, SHARE, SIDES, Kind, feature

__all__ = ["FEATURES", "columns", "reference"]

_OTHER: Final = {"in": "sender", "out": "receiver"}
_FACTS: Final[dict[str, tuple[Kind, str]]] = {
    "partners": (LOG, "logarithm of its partners"),
    "payers": (LOG, "logarithm of one plus the accounts that paid it"),
    "payees": (LOG, "logarithm of one plus the accounts it paid"),
    "income": (LOG_GWEI, "logarithm of its income"),
    "paid": (LOG_GWEI, "logarithm of what it paid"),
    "span": (LOG_S, "logarithm of the seconds from its first to its last payment"),
    "in_share": (SHARE, "incoming payments against all of its payments"),
    "pass_through": (RATIO, "what it paid against its income"),
}
_STATISTICS: Final = {
    "mean": "mean over the payments",
    "p50": "median over the payments",
    "least": "least",
    "most": "most",
    "weighted": "mean weighted by amount",
}

FEATURES: Final[tuple[Feature, ...]] = tuple(
    feature(f"{_OTHER[side]}_{fact}_{name}", kind, f"Of each {_OTHER[side]}, {text}: {statistic}.")
    for side in SIDES
    for fact, (kind, text) in _FACTS.items()
    for name, statistic in _STATISTICS.items()
)


def _plain_facts(account: PlainAccount) -> list[int]:
    payers, payees = ({one.partner for one in side} for side in (account.incoming, account.outgoing))
    income, paid = (plain.total([one.amount for one in side]) for side in (account.incoming, account.outgoing))
    times = account.times
    return [
        plain.log2_q8(len(payers | payees)),
        plain.log2_q8(1 + len(payers)),
        plain.log2_q8(1 + len(payees)),
        plain.log2_q8(income),
        plain.log2_q8(paid),
        plain.log2_q8(times[-1] - times[0]),
        plain.part_ppm(len(account.incoming), len(times)),
        ratio_ppm(paid, income),
    ]


def reference(graph: PlainGraph, account: int) -> list[int]:
    """Compute the family for one account."""
    row = []
    for name in SIDES:
        payments = graph.accounts[account].side(name)
        volume = plain.total([payment.amount for payment in payments])
        shares = [plain.share_ppm(payment.amount, volume) for payment in payments]
        facts = [_plain_facts(graph.accounts[payment.partner]) for payment in payments]
        for k in range(len(_FACTS)):
            values = [fact[k] for fact in facts]
            row += [plain.mean(values), plain.quantile(values, 50), plain.least(values), plain.most(values)]
            row.append(plain.weighted(values, shares))
    return row


def _fast_facts(graph: Graph) -> list[np.ndarray]:
    incoming, outgoing = graph.incoming, graph.outgoing
    return [
        fast.log2_q8(graph.partners),
        fast.log2_q8(1 + incoming.partners),
        fast.log2_q8(1 + outgoing.partners),
        fast.log2_q8(incoming.volume),
        fast.log2_q8(outgoing.volume),
        fast.log2_q8(graph.span),
        fast.part_ppm(incoming.groups.size, graph.all.size),
        fast.ratio_ppm(outgoing.volume, incoming.volume),
    ]


def columns(graph: Graph) -> list[np.ndarray]:
    """Twin of :func:`reference`, for all accounts."""
    result = []
    facts = _fast_facts(graph)
    for name in SIDES:
        side = graph.side(name)
        groups = side.groups
        for fact in facts:
            values = fact[side.partner]
            result += [groups.mean(values), groups.quantile(groups.rising(values), 50)]
            result += [groups.least(values), groups.most(values), groups.weighted(values, side.share_ppm)]
    return result
