"""Forty-nine plain aggregates of an account's transfers so far: what a first notebook would compute."""

from __future__ import annotations

from typing import Final

import numpy as np

from tallystick.learn._dataset import AccountRows

__all__ = ["AGGREGATES", "aggregate", "aggregates_after"]

_STATISTICS: Final = ("sum", "mean", "std", "min", "median", "max")
_SPANS: Final = ("mean", "std", "min", "median", "max")
AGGREGATES: Final = (
    *(f"{side}_{what}" for side in ("in", "out", "all") for what in ("count", *(f"value_{s}" for s in _STATISTICS))),
    *(f"{side}_gap_{what}" for side in ("in", "out", "all") for what in _SPANS),
    *(f"{side}_{what}" for side in ("in", "out", "all") for what in ("partners", "zero_values", "distinct_values")),
    "lifetime_s",
    "active_days",
    "net_value",
    "in_share",
)  # fmt: skip


def aggregate(value: np.ndarray, time: np.ndarray, partner: np.ndarray, incoming: np.ndarray) -> np.ndarray:
    """Aggregate one account's transfers.

    Parameters
    ----------
    value
        Amounts, gwei.
    time
        UTC seconds, rising.
    partner
        Ids of the other accounts.
    incoming
        bool.

    Returns
    -------
    np.ndarray
        (49,) float64, in the order of :data:`AGGREGATES`; NaN where there is nothing to aggregate.
    """
    sides = [incoming, ~incoming, np.ones(len(value), bool)]
    sizes = [number for side in sides for number in (int(side.sum()), *_statistics(value[side], _STATISTICS))]
    gaps = [number for side in sides for number in _statistics(np.diff(time[side]), _SPANS)]
    kinds = [
        number
        for side in sides
        for number in (len(set(partner[side].tolist())), int((value[side] == 0).sum()), len(set(value[side].tolist())))
    ]
    signed = np.where(incoming, value, -value).sum()
    whole = [time[-1] - time[0], len(set((time // 86_400).tolist())), signed, incoming.mean()]
    return np.array([*sizes, *gaps, *kinds, *whole], np.float64)


def _statistics(values: np.ndarray, names: tuple[str, ...]) -> list[float]:
    if len(values) == 0:
        return [0.0 if name == "sum" else np.nan for name in names]
    return [float(getattr(np, name)(values)) for name in names]


def aggregates_after(rows: AccountRows, ends: np.ndarray) -> np.ndarray:
    """(len(ends), 49) float64: aggregates of each account up to and with the row at ``ends``."""
    order = np.argsort(rows.account, kind="stable")
    start = np.searchsorted(rows.account[order], np.arange(len(rows.addresses) + 1))
    result = np.empty((len(ends), len(AGGREGATES)))
    for i, end in enumerate(ends):
        account = rows.account[end]
        own = order[start[account] : start[account + 1]]
        own = own[own <= end]
        result[i] = aggregate(rows.amount[own], rows.time[own], rows.partner[own], rows.incoming[own])
    return result
