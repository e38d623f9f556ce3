"""Flow: what comes in, what goes on, and how soon."""

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
    Feature("incoming", "0 or 1", 0, 1, "The subject is the receiver."),
    Feature("transfers", "transfers", 0, 1 << 40, "Transfers of the subject, this one included."),
    Feature("count_in", "transfers", 0, 1 << 40, "Incoming transfers."),
    Feature("count_out", "transfers", 0, 1 << 40, "Outgoing transfers."),
    Feature("in_share", "ppm", *PPM, "Incoming against all transfers."),
    Feature("log_volume_in", "log2 gwei, Q4", 0, 1_023, "All income."),
    Feature("log_volume_out", "log2 gwei, Q4", 0, 1_023, "All payments."),
    Feature("pass_through", "ppm", *PPM, "All payments against all income."),
    Feature("balance_share", "ppm", *PPM, "Net income against its peak."),
    Feature("since_peak_s", "s", -1, 1 << 32, "Since net income stood at its peak; -1 before any."),
    Feature("drain_1h", "ppm", *PPM, "Recent payments against recent income, half-life 1h.", 3_600),
    Feature("drain_1d", "ppm", *PPM, "Recent payments against recent income, half-life 1d.", 86_400),
    Feature("drain_7d", "ppm", *PPM, "Recent payments against recent income, half-life 7d.", 7 * 86_400),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 9 Ann has received 6 + 0.9 + 1.5 = 8.4 ether and paid 3 + 2 = 5.

    >>> from tallystick.features._example import example
    >>> e = example("flow")
    >>> e["incoming"], e["transfers"], e["count_in"], e["count_out"]
    (1, 5, 3, 2)
    >>> e["in_share"], e["pass_through"]  # 3 of 5 transfers; 5 of 8.4 ether
    (600000, 595238)
    >>> e["log_volume_in"], e["log_volume_out"]  # log2_q4 of 8_400_000_000 and 5_000_000_000 gwei
    (543, 530)
    >>> e["balance_share"], e["since_peak_s"]  # 8.4 - 5 = 3.4 of the 6 that line 1 brought, 30 hours ago
    (566666, 108000)

    Halved every day, with 45 minutes a tick, the payments are 3 * 2**(-38/32) + 2 * 2**(-36/32) = 2.23 ether and the
    income is 6 * 2**(-40/32) + 0.9 * 2**(-31/32) + 1.5 = 4.48. Halved every hour, no payment is left.

    >>> e["drain_1h"], e["drain_1d"], e["drain_7d"]
    (0, 498420, 584592)
    """
    return [
        f.incoming,
        s.count_in + s.count_out,
        s.count_in,
        s.count_out,
        rules.ratio_ppm(s.count_in, s.count_in + s.count_out),
        rules.log2_q4(s.volume_in),
        rules.log2_q4(s.volume_out),
        rules.ratio_ppm(s.volume_out, s.volume_in),
        rules.ratio_ppm(s.volume_in - s.volume_out, s.balance_peak),
        f.time - s.balance_peak_time if s.balance_peak else rules.NEVER,
        rules.ratio_ppm(s.decayed_volume_out_1h, s.decayed_volume_in_1h),
        rules.ratio_ppm(s.decayed_volume_out_1d, s.decayed_volume_in_1d),
        rules.ratio_ppm(s.decayed_volume_out_7d, s.decayed_volume_in_7d),
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.incoming]
    row[1] = s[ACCOUNT.count_in] + s[ACCOUNT.count_out]
    row[2] = s[ACCOUNT.count_in]
    row[3] = s[ACCOUNT.count_out]
    row[4] = fast.ratio_ppm(s[ACCOUNT.count_in], s[ACCOUNT.count_in] + s[ACCOUNT.count_out])
    row[5] = fast.log2_q4(s[ACCOUNT.volume_in])
    row[6] = fast.log2_q4(s[ACCOUNT.volume_out])
    row[7] = fast.ratio_ppm(s[ACCOUNT.volume_out], s[ACCOUNT.volume_in])
    row[8] = fast.ratio_ppm(s[ACCOUNT.volume_in] - s[ACCOUNT.volume_out], s[ACCOUNT.balance_peak])
    row[9] = f[FACT.time] - s[ACCOUNT.balance_peak_time] if s[ACCOUNT.balance_peak] else fast.NEVER
    row[10] = fast.ratio_ppm(s[ACCOUNT.decayed_volume_out_1h], s[ACCOUNT.decayed_volume_in_1h])
    row[11] = fast.ratio_ppm(s[ACCOUNT.decayed_volume_out_1d], s[ACCOUNT.decayed_volume_in_1d])
    row[12] = fast.ratio_ppm(s[ACCOUNT.decayed_volume_out_7d], s[ACCOUNT.decayed_volume_in_7d])
