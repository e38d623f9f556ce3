"""Size and repetition: how large, how round, how unlike the account's own past."""

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
    Feature("log_value", "log2 gwei, Q4", 0, 1_023, "Size of the transfer."),
    Feature("digits", "digits", 0, 19, "Significant decimal digits of the amount in gwei: round amounts have few."),
    Feature(
        "log_over_mean", "log2, Q4", -10_000, 1_023, "Size against the subject's mean before; -10000 at its first."
    ),
    Feature("over_max_in", "ppm", *PPM, "Size against the subject's largest income before."),
    Feature("over_max_out", "ppm", *PPM, "Size against the subject's largest payment before."),
    Feature("over_balance", "ppm", *PPM, "Size against the subject's net income before."),
    Feature("repeat", "0 or 1", 0, 1, "The same amount as the subject's last transfer in this direction."),
    Feature("log_max_in", "log2 gwei, Q4", 0, 1_023, "Largest income."),
    Feature("log_max_out", "log2 gwei, Q4", 0, 1_023, "Largest payment."),
    Feature("max_share_in", "ppm", *PPM, "Largest income against all income."),
    Feature("max_share_out", "ppm", *PPM, "Largest payment against all payments."),
    Feature("zero_share_in", "ppm", *PPM, "Share of incoming transfers of nothing."),
    Feature("zero_share_out", "ppm", *PPM, "Share of outgoing transfers of nothing."),
    Feature("round_share_in", "ppm", *PPM, "Share of incoming amounts with one or two significant digits."),
    Feature("round_share_out", "ppm", *PPM, "Share of outgoing amounts with one or two significant digits."),
    Feature("repeat_share_in", "ppm", *PPM, "Share of incoming amounts equal to the one before."),
    Feature("repeat_share_out", "ppm", *PPM, "Share of outgoing amounts equal to the one before."),
    Feature("mean_log_in", "log2 gwei, Q8", -1, 16_368, "Mean log size of income; -1 for none."),
    Feature("mean_log_out", "log2 gwei, Q8", -1, 16_368, "Mean log size of payments; -1 for none."),
    Feature(
        "variance_log_in", "log2 gwei squared, Q8", -1, 2_093_058, "Variance of the log size of income; -1 below two."
    ),
    Feature(
        "variance_log_out",
        "log2 gwei squared, Q8",
        -1,
        2_093_058,
        "Variance of the log size of payments; -1 below two.",
    ),
    Feature("first_log_value", "log2 gwei, Q4", 0, 1_023, "Size of the subject's first transfer."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 16 Ann pays 1 ether. Before it she received 6, 0.9, 1.5 and 0.000001 ether and paid 3, 2 and 0: the last
    one failed. The logs of these sizes are 534, 490, 502, 175 and 518, 509, 0.

    >>> from tallystick.features._example import example
    >>> e = example("size")
    >>> e["log_value"], e["digits"]  # of 1_000_000_000 gwei: 16 * 30 + 13, and one digit before the zeros
    (493, 1)
    >>> e["log_over_mean"]  # 493 - 2728 // 7
    104
    >>> e["over_max_in"], e["over_max_out"], e["over_balance"]  # 1 of 6, of 3, of 8.400001 - 5
    (166666, 333333, 294117)
    >>> e["repeat"], e["repeat_share_in"], e["repeat_share_out"]  # the payment that failed was 2 again: 1 of 4
    (0, 0, 250000)
    >>> e["log_max_in"], e["log_max_out"], e["first_log_value"]  # 6, 3 and 6 ether
    (534, 518, 534)
    >>> e["max_share_in"], e["max_share_out"]  # 6 of 8.400001, 3 of 6
    (714285, 500000)
    >>> e["zero_share_in"], e["zero_share_out"]  # what failed moved nothing: 1 of 4
    (0, 250000)
    >>> e["round_share_in"], e["round_share_out"]  # 1.5 has two digits, and nothing has none: 3 of 4
    (1000000, 750000)
    >>> e["mean_log_in"], e["mean_log_out"]  # 16 * (534 + 490 + 502 + 175) // 4, 16 * (518 + 509 + 0 + 493) // 4
    (6804, 6080)
    >>> e["variance_log_in"], e["variance_log_out"]  # of the same numbers
    (21133, 48213)
    """
    return [
        f.log_value,
        f.digits,
        f.log_over_mean,
        f.over_max_in,
        f.over_max_out,
        f.over_balance,
        f.repeat,
        rules.log2_q4(s.max_in),
        rules.log2_q4(s.max_out),
        rules.ratio_ppm(s.max_in, s.volume_in),
        rules.ratio_ppm(s.max_out, s.volume_out),
        rules.ratio_ppm(s.zero_in, s.count_in),
        rules.ratio_ppm(s.zero_out, s.count_out),
        rules.ratio_ppm(s.round_in, s.count_in),
        rules.ratio_ppm(s.round_out, s.count_out),
        rules.ratio_ppm(s.repeat_in, s.count_in),
        rules.ratio_ppm(s.repeat_out, s.count_out),
        rules.mean_q4(s.log_in, s.count_in),
        rules.mean_q4(s.log_out, s.count_out),
        rules.variance(s.log_in, s.log_sq_in, s.count_in),
        rules.variance(s.log_out, s.log_sq_out, s.count_out),
        s.first_log,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.log_value]
    row[1] = f[FACT.digits]
    row[2] = f[FACT.log_over_mean]
    row[3] = f[FACT.over_max_in]
    row[4] = f[FACT.over_max_out]
    row[5] = f[FACT.over_balance]
    row[6] = f[FACT.repeat]
    row[7] = fast.log2_q4(s[ACCOUNT.max_in])
    row[8] = fast.log2_q4(s[ACCOUNT.max_out])
    row[9] = fast.ratio_ppm(s[ACCOUNT.max_in], s[ACCOUNT.volume_in])
    row[10] = fast.ratio_ppm(s[ACCOUNT.max_out], s[ACCOUNT.volume_out])
    row[11] = fast.ratio_ppm(s[ACCOUNT.zero_in], s[ACCOUNT.count_in])
    row[12] = fast.ratio_ppm(s[ACCOUNT.zero_out], s[ACCOUNT.count_out])
    row[13] = fast.ratio_ppm(s[ACCOUNT.round_in], s[ACCOUNT.count_in])
    row[14] = fast.ratio_ppm(s[ACCOUNT.round_out], s[ACCOUNT.count_out])
    row[15] = fast.ratio_ppm(s[ACCOUNT.repeat_in], s[ACCOUNT.count_in])
    row[16] = fast.ratio_ppm(s[ACCOUNT.repeat_out], s[ACCOUNT.count_out])
    row[17] = fast.mean_q4(s[ACCOUNT.log_in], s[ACCOUNT.count_in])
    row[18] = fast.mean_q4(s[ACCOUNT.log_out], s[ACCOUNT.count_out])
    row[19] = fast.variance(s[ACCOUNT.log_in], s[ACCOUNT.log_sq_in], s[ACCOUNT.count_in])
    row[20] = fast.variance(s[ACCOUNT.log_out], s[ACCOUNT.log_sq_out], s[ACCOUNT.count_out])
    row[21] = s[ACCOUNT.first_log]
