"""The counterparty's own view of itself: who stands on the other side."""

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
    Feature("partner_count_in", "transfers", 0, 1 << 40, "Its incoming transfers."),
    Feature("partner_count_out", "transfers", 0, 1 << 40, "Its outgoing transfers."),
    Feature("partner_log_volume_in", "log2 gwei, Q4", 0, 1_023, "All its income."),
    Feature("partner_log_volume_out", "log2 gwei, Q4", 0, 1_023, "All its payments."),
    Feature("partner_partners_in", "accounts", 0, 1 << 40, "Distinct accounts that paid it."),
    Feature("partner_partners_out", "accounts", 0, 1 << 40, "Distinct accounts it paid."),
    Feature("partner_fresh_share_in", "ppm", *PPM, "Share of its income from accounts never seen before."),
    Feature("partner_fresh_share_out", "ppm", *PPM, "Share of its payments to accounts never seen before."),
    Feature("partner_mean_log_in", "log2 gwei, Q8", -1, 16_368, "Mean log size of its income; -1 for none."),
    Feature("partner_mean_log_out", "log2 gwei, Q8", -1, 16_368, "Mean log size of its payments; -1 for none."),
    Feature("partner_mean_log_gap", "log2 s, Q8", -1, 16_368, "Mean log gap between its transfers; -1 below two."),
    Feature("partner_round_share_in", "ppm", *PPM, "Share of its income in round amounts."),
    Feature("partner_repeat_share_in", "ppm", *PPM, "Share of its income that repeats the amount before."),
    Feature("partner_repeat_share_out", "ppm", *PPM, "Share of its payments that repeat the amount before."),
    Feature(
        "partner_count_in_1d", "transfers, Q12", 0, (1 << 32) - 1, "Its incoming transfers, halved every day.", 86_400
    ),
    Feature(
        "partner_count_out_1d", "transfers, Q12", 0, (1 << 32) - 1, "Its outgoing transfers, halved every day.", 86_400
    ),
    Feature(
        "partner_degree_of_payers",
        "log2 transfers, Q8",
        -1,
        1 << 20,
        "Mean log activity of its payers when first met; -1 for none.",
    ),
    Feature(
        "partner_degree_of_payees",
        "log2 transfers, Q8",
        -1,
        1 << 20,
        "Mean log activity of its payees when first met; -1 for none.",
    ),
    Feature("partner_active_days", "days", 0, 1 << 40, "UTC days with a transfer of its own."),
    Feature("partner_call_share", "ppm", *PPM, "Share of its transfers with a method call."),
    Feature("partner_pass_through", "ppm", *PPM, "All its payments against all its income."),
    Feature(
        "partner_first_partner_degree",
        "log2 transfers, Q4",
        0,
        1_023,
        "Log activity of the counterparty in its own first transfer.",
    ),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 9 Dan pays Ann; from her side the counterparty is Dan, who received 4 and 1.9 ether from Bob and Cy at
    hours 5 and 6 and pays 1.5 at hour 30.

    >>> from tallystick.features._example import example
    >>> e = example("partner")
    >>> e["partner_count_in"], e["partner_count_out"], e["partner_partners_in"], e["partner_partners_out"]
    (2, 1, 2, 1)
    >>> e["partner_log_volume_in"], e["partner_log_volume_out"]  # 5.9 and 1.5 ether
    (533, 502)
    >>> e["partner_pass_through"], e["partner_call_share"], e["partner_active_days"]  # 1.5 of 5.9
    (254237, 0, 2)
    >>> e["partner_fresh_share_in"], e["partner_fresh_share_out"]  # Bob, Cy and Ann had been seen before
    (0, 0)
    >>> e["partner_mean_log_in"], e["partner_mean_log_out"]  # 16 * (525 + 508) // 2, 16 * 502
    (8264, 8032)
    >>> e["partner_mean_log_gap"]  # 1 and 24 hours: 16 * (204 + 277) // 2
    3848
    >>> e["partner_round_share_in"]  # 4 has one digit, 1.9 two
    1000000
    >>> e["partner_repeat_share_in"], e["partner_repeat_share_out"]
    (0, 0)
    >>> e["partner_count_in_1d"], e["partner_count_out_1d"]  # 4096 * (2**(-34/32) + 2**(-32/32)), 4096
    (4009, 4096)
    >>> e["partner_degree_of_payers"]  # Bob had 3 transfers before line 6, Cy 2 before line 7: 16 * (40 + 32) // 2
    576
    >>> e["partner_degree_of_payees"], e["partner_first_partner_degree"]  # Ann had 4 before line 9; Bob 3
    (768, 40)
    """
    return [
        p.count_in,
        p.count_out,
        rules.log2_q4(p.volume_in),
        rules.log2_q4(p.volume_out),
        p.partners_in,
        p.partners_out,
        rules.ratio_ppm(p.fresh_in, p.count_in),
        rules.ratio_ppm(p.fresh_out, p.count_out),
        rules.mean_q4(p.log_in, p.count_in),
        rules.mean_q4(p.log_out, p.count_out),
        rules.mean_q4(p.log_gap, p.count_in + p.count_out - 1),
        rules.ratio_ppm(p.round_in, p.count_in),
        rules.ratio_ppm(p.repeat_in, p.count_in),
        rules.ratio_ppm(p.repeat_out, p.count_out),
        p.decayed_count_in_1d,
        p.decayed_count_out_1d,
        rules.mean_q4(p.partner_degree_in, p.partners_in),
        rules.mean_q4(p.partner_degree_out, p.partners_out),
        p.active_days,
        rules.ratio_ppm(p.calls, p.count_in + p.count_out),
        rules.ratio_ppm(p.volume_out, p.volume_in),
        p.first_partner_degree,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = p[ACCOUNT.count_in]
    row[1] = p[ACCOUNT.count_out]
    row[2] = fast.log2_q4(p[ACCOUNT.volume_in])
    row[3] = fast.log2_q4(p[ACCOUNT.volume_out])
    row[4] = p[ACCOUNT.partners_in]
    row[5] = p[ACCOUNT.partners_out]
    row[6] = fast.ratio_ppm(p[ACCOUNT.fresh_in], p[ACCOUNT.count_in])
    row[7] = fast.ratio_ppm(p[ACCOUNT.fresh_out], p[ACCOUNT.count_out])
    row[8] = fast.mean_q4(p[ACCOUNT.log_in], p[ACCOUNT.count_in])
    row[9] = fast.mean_q4(p[ACCOUNT.log_out], p[ACCOUNT.count_out])
    row[10] = fast.mean_q4(p[ACCOUNT.log_gap], p[ACCOUNT.count_in] + p[ACCOUNT.count_out] - 1)
    row[11] = fast.ratio_ppm(p[ACCOUNT.round_in], p[ACCOUNT.count_in])
    row[12] = fast.ratio_ppm(p[ACCOUNT.repeat_in], p[ACCOUNT.count_in])
    row[13] = fast.ratio_ppm(p[ACCOUNT.repeat_out], p[ACCOUNT.count_out])
    row[14] = p[ACCOUNT.decayed_count_in_1d]
    row[15] = p[ACCOUNT.decayed_count_out_1d]
    row[16] = fast.mean_q4(p[ACCOUNT.partner_degree_in], p[ACCOUNT.partners_in])
    row[17] = fast.mean_q4(p[ACCOUNT.partner_degree_out], p[ACCOUNT.partners_out])
    row[18] = p[ACCOUNT.active_days]
    row[19] = fast.ratio_ppm(p[ACCOUNT.calls], p[ACCOUNT.count_in] + p[ACCOUNT.count_out])
    row[20] = fast.ratio_ppm(p[ACCOUNT.volume_out], p[ACCOUNT.volume_in])
    row[21] = p[ACCOUNT.first_partner_degree]
