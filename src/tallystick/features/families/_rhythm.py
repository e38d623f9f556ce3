"""Rhythm: gaps, spans, and how evenly an account acts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features import _rules as rules
from tallystick.features import _rules_fast as fast
from tallystick.features._spec import Feature
from tallystick.features._state import ACCOUNT, FACT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

_NOT_BOTH = 1 << 40

FEATURES = (
    Feature("gap_s", "s", -1, 1 << 32, "Since the subject's last transfer; -1 at its first."),
    Feature("gap_same_s", "s", -1, 1 << 32, "Since its last transfer in this direction; -1 at the first."),
    Feature("age_s", "s", -1, 1 << 32, "Since the subject's first transfer."),
    Feature("active_days", "days", 0, 1 << 40, "UTC days with a transfer."),
    Feature("rate", "transfers a day, thousandths", 0, 1 << 50, "Transfers against age plus one day."),
    Feature("since_in_s", "s", -1, 1 << 32, "Since its last income; 0 for this one, -1 for none."),
    Feature("since_out_s", "s", -1, 1 << 32, "Since its last payment; 0 for this one, -1 for none."),
    Feature(
        "in_to_out_s", "s", -(1 << 32), 1 << 40, "From its first income to its first payment; 2**40 until it has both."
    ),
    Feature("mean_log_gap", "log2 s, Q8", -1, 16_368, "Mean log gap between transfers; -1 below two."),
    Feature("variance_log_gap", "log2 s squared, Q8", -1, 2_093_058, "Variance of the log gap; -1 below three."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    Up to line 16 Ann has transfers at hours 0, 2, 3, 7, 30, 48, 49 and 50; those at 2, 3, 49 and 50 are payments.

    >>> from tallystick.features._example import example
    >>> e = example("rhythm")
    >>> e["gap_s"], e["gap_same_s"], e["age_s"], e["active_days"]  # 1, 1 and 50 hours
    (3600, 3600, 180000, 3)
    >>> e["rate"]  # 8 transfers in 180_000 + 86_400 s: 2.594 a day
    2594
    >>> e["since_in_s"], e["since_out_s"], e["in_to_out_s"]  # the payment itself counts
    (7200, 0, 7200)

    The gaps are 2, 1, 4, 23, 18, 1 and 1 hours; log2_q4 of their seconds is 220, 204, 236, 276, 271, 204 and 204.

    >>> e["mean_log_gap"], e["variance_log_gap"]  # 16 * 1615 // 7
    (3691, 851)
    """
    count = s.count_in + s.count_out
    return [
        f.gap,
        f.gap_same,
        f.time - s.first_time,
        s.active_days,
        count * 86_400_000 // (f.time - s.first_time + 86_400),
        f.time - s.last_in_time if s.count_in else rules.NEVER,
        f.time - s.last_out_time if s.count_out else rules.NEVER,
        s.first_out_time - s.first_in_time if s.count_in and s.count_out else _NOT_BOTH,
        rules.mean_q4(s.log_gap, count - 1),
        rules.variance(s.log_gap, s.log_gap_sq, count - 1),
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    count = s[ACCOUNT.count_in] + s[ACCOUNT.count_out]
    row[0] = f[FACT.gap]
    row[1] = f[FACT.gap_same]
    row[2] = f[FACT.time] - s[ACCOUNT.first_time]
    row[3] = s[ACCOUNT.active_days]
    row[4] = count * 86_400_000 // (f[FACT.time] - s[ACCOUNT.first_time] + 86_400)
    row[5] = f[FACT.time] - s[ACCOUNT.last_in_time] if s[ACCOUNT.count_in] else fast.NEVER
    row[6] = f[FACT.time] - s[ACCOUNT.last_out_time] if s[ACCOUNT.count_out] else fast.NEVER
    row[7] = (
        s[ACCOUNT.first_out_time] - s[ACCOUNT.first_in_time]
        if s[ACCOUNT.count_in] and s[ACCOUNT.count_out]
        else _NOT_BOTH
    )
    row[8] = fast.mean_q4(s[ACCOUNT.log_gap], count - 1)
    row[9] = fast.variance(s[ACCOUNT.log_gap], s[ACCOUNT.log_gap_sq], count - 1)
