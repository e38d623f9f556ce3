"""Size: how many payments, how large, how even, how round; each direction by itself."""

from __future__ import annotations

from typing import Final

import numpy as np

from tallystick.features._spec import Feature
from tallystick.features.snapshot import _reduce as plain
from tallystick.features.snapshot._graph import Graph
from tallystick.features.snapshot._plain import PlainGraph
from tallystick.features.snapshot._reduce_fast import log2_q8, part_ppm
from tallystick.features.snapshot._words import COUNT, GWEI, LOG_GWEI, SHARE, SIDES, feature

__all__ = ["FEATURES", "columns", "reference"]

_PERCENTS: Final = (10, 25, 50, 75, 90)
_ROUND: Final = {"tenth": 10**8, "hundredth": 10**7, "thousandth": 10**6}  # of an ether, in gwei

FEATURES: Final[tuple[Feature, ...]] = tuple(
    made
    for side, word in SIDES.items()
    for made in (
        feature(f"{side}_payments", COUNT, f"{word} payments."),
        feature(f"{side}_partners", COUNT, f"Accounts at the other end of {word.lower()} payments."),
        feature(f"{side}_volume", GWEI, f"Sum of {word.lower()} amounts."),
        *(feature(f"{side}_amount_p{p}", GWEI, f"{word} amounts: {p} % are not larger.") for p in _PERCENTS),
        feature(f"{side}_log_amount_mean", LOG_GWEI, f"Mean logarithm of {word.lower()} amounts."),
        feature(f"{side}_log_amount_deviation", LOG_GWEI, "Mean distance of these logarithms to their mean."),
        feature(f"{side}_largest_share", SHARE, f"The largest of {word.lower()} amounts against their sum."),
        feature(f"{side}_concentration", SHARE, f"Sum of the squared shares of {word.lower()} amounts."),
        *(
            feature(f"{side}_round_{name}", SHARE, f"{word} amounts within a gwei of whole {name}s of an ether.")
            for name in _ROUND
        ),
    )
)


def reference(graph: PlainGraph, account: int) -> list[int]:
    """Compute the family for one account."""
    row = []
    for name in SIDES:
        payments = graph.accounts[account].side(name)
        amounts = [payment.amount for payment in payments]
        logs = [plain.log2_q8(amount) for amount in amounts]
        volume = plain.total(amounts)
        shares = [plain.share_ppm(amount, volume) for amount in amounts]
        row += [len(payments), len({payment.partner for payment in payments}), volume]
        row += [plain.quantile(amounts, percent) for percent in _PERCENTS]
        row += [plain.mean(logs), plain.deviation(logs), plain.most(shares), plain.weighted(shares, shares)]
        for unit in _ROUND.values():
            is_round = [amount % unit <= 1 or amount % unit == unit - 1 for amount in amounts]
            row.append(plain.part_ppm(sum(is_round), len(amounts)))
    return row


def columns(graph: Graph) -> list[np.ndarray]:
    """Twin of :func:`reference`, for all accounts."""
    result = []
    for name in SIDES:
        side = graph.side(name)
        groups, logs, risen = side.groups, log2_q8(side.amount), side.groups.rising(side.amount)
        result += [groups.size, side.partners, side.volume]
        result += [groups.quantile(risen, percent) for percent in _PERCENTS]
        result += [groups.mean(logs), groups.deviation(logs), groups.most(side.share_ppm)]
        result.append(groups.weighted(side.share_ppm, side.share_ppm))
        for unit in _ROUND.values():
            rest = side.amount % unit
            result.append(part_ppm(groups.count((rest <= 1) | (rest == unit - 1)), groups.size))
    return result
