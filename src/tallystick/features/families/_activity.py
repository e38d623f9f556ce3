"""Decayed counts and volumes at three half-lives, and bursts: short against long memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features import _rules as rules
from tallystick.features import _rules_fast as fast
from tallystick.features._spec import PPM, Feature
from tallystick.features._state import ACCOUNT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

FEATURES = (
    Feature("count_in_1h", "transfers, Q12", 0, (1 << 32) - 1, "Incoming transfers, halved every hour.", 3_600),
    Feature("count_out_1h", "transfers, Q12", 0, (1 << 32) - 1, "Outgoing transfers, halved every hour.", 3_600),
    Feature("log_volume_in_1h", "log2 gwei, Q4", 0, 1_023, "Income, halved every hour.", 3_600),
    Feature("log_volume_out_1h", "log2 gwei, Q4", 0, 1_023, "Payments, halved every hour.", 3_600),
    Feature("count_in_1d", "transfers, Q12", 0, (1 << 32) - 1, "Incoming transfers, halved every day.", 86_400),
    Feature("count_out_1d", "transfers, Q12", 0, (1 << 32) - 1, "Outgoing transfers, halved every day.", 86_400),
    Feature("log_volume_in_1d", "log2 gwei, Q4", 0, 1_023, "Income, halved every day.", 86_400),
    Feature("log_volume_out_1d", "log2 gwei, Q4", 0, 1_023, "Payments, halved every day.", 86_400),
    Feature("count_in_7d", "transfers, Q12", 0, (1 << 32) - 1, "Incoming transfers, halved every week.", 7 * 86_400),
    Feature("count_out_7d", "transfers, Q12", 0, (1 << 32) - 1, "Outgoing transfers, halved every week.", 7 * 86_400),
    Feature("log_volume_in_7d", "log2 gwei, Q4", 0, 1_023, "Income, halved every week.", 7 * 86_400),
    Feature("log_volume_out_7d", "log2 gwei, Q4", 0, 1_023, "Payments, halved every week.", 7 * 86_400),
    Feature("burst_1h_1d", "ppm", *PPM, "Transfers at half-life 1h against 1d: near one million in a burst."),
    Feature("burst_1d_7d", "ppm", *PPM, "Transfers at half-life 1d against 7d: near one million in a burst."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 9, hour 30, Ann receives 1.5 ether. Before it she received at hours 0 and 7 and paid at hours 2 and 3.

    >>> from tallystick.features._example import example
    >>> e = example("activity")
    >>> e["count_in_1h"], e["count_out_1h"]  # one is 4,096; 23 halvings leave nothing of one
    (4096, 0)
    >>> e["log_volume_in_1h"], e["log_volume_out_1h"]  # 1.5 ether and 107 gwei; 3 and 2 ether have become 26 gwei
    (502, 90)

    A day has 32 ticks of 45 minutes: 40 since hour 0, 38 since 2, 36 since 3, 31 since 7.

    >>> e["count_in_1d"], e["count_out_1d"]  # 2**(-40/32) + 2**(-31/32) + 1 and 2**(-38/32) + 2**(-36/32), Q12
    (7910, 3675)
    >>> e["log_volume_in_1d"], e["log_volume_out_1d"]  # 4.48 and 2.23 ether
    (528, 512)
    >>> e["count_in_7d"], e["count_out_7d"], e["log_volume_in_7d"], e["log_volume_out_7d"]
    (11368, 7272, 540, 528)
    >>> e["burst_1h_1d"], e["burst_1d_7d"]  # 4096 of 7910 + 3675; these of 11368 + 7272
    (353560, 621512)
    """
    return [
        s.decayed_count_in_1h,
        s.decayed_count_out_1h,
        rules.log2_q4(s.decayed_volume_in_1h),
        rules.log2_q4(s.decayed_volume_out_1h),
        s.decayed_count_in_1d,
        s.decayed_count_out_1d,
        rules.log2_q4(s.decayed_volume_in_1d),
        rules.log2_q4(s.decayed_volume_out_1d),
        s.decayed_count_in_7d,
        s.decayed_count_out_7d,
        rules.log2_q4(s.decayed_volume_in_7d),
        rules.log2_q4(s.decayed_volume_out_7d),
        rules.ratio_ppm(s.decayed_count_in_1h + s.decayed_count_out_1h, s.decayed_count_in_1d + s.decayed_count_out_1d),
        rules.ratio_ppm(s.decayed_count_in_1d + s.decayed_count_out_1d, s.decayed_count_in_7d + s.decayed_count_out_7d),
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = s[ACCOUNT.decayed_count_in_1h]
    row[1] = s[ACCOUNT.decayed_count_out_1h]
    row[2] = fast.log2_q4(s[ACCOUNT.decayed_volume_in_1h])
    row[3] = fast.log2_q4(s[ACCOUNT.decayed_volume_out_1h])
    row[4] = s[ACCOUNT.decayed_count_in_1d]
    row[5] = s[ACCOUNT.decayed_count_out_1d]
    row[6] = fast.log2_q4(s[ACCOUNT.decayed_volume_in_1d])
    row[7] = fast.log2_q4(s[ACCOUNT.decayed_volume_out_1d])
    row[8] = s[ACCOUNT.decayed_count_in_7d]
    row[9] = s[ACCOUNT.decayed_count_out_7d]
    row[10] = fast.log2_q4(s[ACCOUNT.decayed_volume_in_7d])
    row[11] = fast.log2_q4(s[ACCOUNT.decayed_volume_out_7d])
    row[12] = fast.ratio_ppm(
        s[ACCOUNT.decayed_count_in_1h] + s[ACCOUNT.decayed_count_out_1h],
        s[ACCOUNT.decayed_count_in_1d] + s[ACCOUNT.decayed_count_out_1d],
    )
    row[13] = fast.ratio_ppm(
        s[ACCOUNT.decayed_count_in_1d] + s[ACCOUNT.decayed_count_out_1d],
        s[ACCOUNT.decayed_count_in_7d] + s[ACCOUNT.decayed_count_out_7d],
    )
