"""Fees, calls, failures and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features import _rules as rules
from tallystick.features import _rules_fast as fast
from tallystick.features._spec import PPM, Feature
from tallystick.features._state import ACCOUNT, FACT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

FEATURES = (
    Feature("call", "0 or 1", 0, 1, "The transaction calls a method."),
    Feature("failed", "0 or 1", 0, 1, "The transaction failed and moved nothing."),
    Feature(
        "token",
        "0 or 1",
        0,
        1,
        "A token transfer; amounts and counts of the other families are of the chain's own coin.",
    ),
    Feature("log_fee", "log2 gwei, Q4", -1, 1_023, "Fee of the transaction; -1 where unknown."),
    Feature("call_share", "ppm", *PPM, "Share of transfers with a method call."),
    Feature("failure_share", "ppm", *PPM, "Share of transfers that failed."),
    Feature("fee_share", "ppm", *PPM, "Fees paid against payments."),
    Feature("tokens_in", "transfers", 0, 1 << 40, "Token transfers received."),
    Feature("tokens_out", "transfers", 0, 1 << 40, "Token transfers sent."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer."""
    count = s.count_in + s.count_out
    return [
        f.call,
        f.failed,
        f.token,
        f.log_fee,
        rules.ratio_ppm(s.calls, count),
        rules.ratio_ppm(s.failures, count),
        rules.ratio_ppm(s.fees, s.volume_out),
        s.tokens_in,
        s.tokens_out,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    count = s[ACCOUNT.count_in] + s[ACCOUNT.count_out]
    row[0] = f[FACT.call]
    row[1] = f[FACT.failed]
    row[2] = f[FACT.token]
    row[3] = f[FACT.log_fee]
    row[4] = fast.ratio_ppm(s[ACCOUNT.calls], count)
    row[5] = fast.ratio_ppm(s[ACCOUNT.failures], count)
    row[6] = fast.ratio_ppm(s[ACCOUNT.fees], s[ACCOUNT.volume_out])
    row[7] = s[ACCOUNT.tokens_in]
    row[8] = s[ACCOUNT.tokens_out]
