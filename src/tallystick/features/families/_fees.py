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
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 16 Ann has had 8 transfers of ether, one of which failed, and paid 6 ether. Each transaction that she signed
    cost 2_100_000 gwei; there were 4.

    >>> from tallystick.features._example import example, row_at
    >>> e = example("fees")
    >>> e["call"], e["failed"], e["token"], e["call_share"]
    (0, 0, 0, 0)
    >>> e["log_fee"]  # log2_q4(2_100_000)
    352
    >>> e["failure_share"], e["fee_share"]  # 1 of 8; 8_400_000 of 6_000_000_000 gwei
    (125000, 1400)
    >>> e["tokens_in"], e["tokens_out"]
    (0, 0)

    Cy calls a method at line 11, and has received and sent one token payment at line 13. Line 15 is the one that fails.

    >>> row_at(11, "sender")["call"], row_at(11, "sender")["call_share"]  # 1 of 5
    (1, 200000)
    >>> [row_at(13, "sender")[name] for name in ("token", "tokens_in", "tokens_out")], row_at(15, "sender")["failed"]
    ([1, 1, 1], 1)
    """
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
