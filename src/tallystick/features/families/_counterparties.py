"""Counterparties: how many, how new, and what they were like when first met."""

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
    Feature("edge_count", "transfers", 0, 1 << 40, "Transfers before from this sender to this receiver."),
    Feature("edge_reverse", "transfers", 0, 1 << 40, "Transfers before from this receiver to this sender."),
    Feature("edge_age_s", "s", -1, 1 << 32, "Since the first transfer from this sender to this receiver."),
    Feature("partners_in", "accounts", 0, 1 << 40, "Distinct accounts that paid the subject."),
    Feature("partners_out", "accounts", 0, 1 << 40, "Distinct accounts the subject paid."),
    Feature("partner_share_in", "ppm", *PPM, "Distinct payers against incoming transfers."),
    Feature("partner_share_out", "ppm", *PPM, "Distinct payees against outgoing transfers."),
    Feature("fresh_share_in", "ppm", *PPM, "Share of income from accounts never seen before."),
    Feature("fresh_share_out", "ppm", *PPM, "Share of payments to accounts never seen before."),
    Feature(
        "degree_of_payers",
        "log2 transfers, Q8",
        -1,
        1 << 20,
        "Mean log activity of payers when first met; -1 for none.",
    ),
    Feature(
        "degree_of_payees",
        "log2 transfers, Q8",
        -1,
        1 << 20,
        "Mean log activity of payees when first met; -1 for none.",
    ),
    Feature(
        "size_of_payers",
        "log2 gwei, Q8",
        -1,
        1 << 20,
        "Mean log size of the payers' own transfers when first met; -1 for none.",
    ),
    Feature(
        "size_of_payees",
        "log2 gwei, Q8",
        -1,
        1 << 20,
        "Mean log size of the payees' own transfers when first met; -1 for none.",
    ),
    Feature(
        "fan_of_payers",
        "log2 accounts, Q8",
        -1,
        1 << 20,
        "Mean log number of accounts the payers had paid; -1 for none.",
    ),
    Feature(
        "fan_of_payees",
        "log2 accounts, Q8",
        -1,
        1 << 20,
        "Mean log number of accounts that had paid the payees; -1 for none.",
    ),
    Feature("hub_share_in", "ppm", *PPM, "Share of payers that had paid 128 accounts or more: exchanges, pools."),
    Feature(
        "first_partner_degree",
        "log2 transfers, Q4",
        0,
        1_023,
        "Log activity of the counterparty in the subject's first transfer.",
    ),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 16 Ann pays Fob. She was paid by Mixer, Cy, Dan and Fob, and paid Bob, Cy, Bob (which failed) and Fob.

    >>> from tallystick.features._example import example
    >>> e = example("counterparties")
    >>> e["edge_count"], e["edge_reverse"], e["edge_age_s"]  # never from Ann to Fob; line 14 the other way
    (0, 1, 0)
    >>> e["partners_in"], e["partners_out"], e["partner_share_in"], e["partner_share_out"]  # 4 of 4, 3 of 4
    (4, 3, 1000000, 750000)
    >>> e["fresh_share_in"], e["fresh_share_out"]  # Mixer and Fob had no transfer before; of the payees only Cy
    (500000, 250000)

    When they first paid Ann, Mixer had 0 transfers, Cy 3, Dan 2 and Fob 0; log2_q4 gives 0, 40, 32 and 0. When she
    first paid them, Bob had 1, Cy 0 and Fob 1: 16, 0 and 16.

    >>> e["degree_of_payers"], e["degree_of_payees"]  # 16 * 72 // 4, 16 * 32 // 3
    (288, 170)
    >>> e["size_of_payers"]  # their mean logs: 0, (509 + 493 + 508) // 3, (525 + 508) // 2, 0
    4076
    >>> e["size_of_payees"]  # 530 for the 5 ether of line 2, 0, and 175 for the dust
    3760
    >>> e["fan_of_payers"], e["fan_of_payees"]  # Cy had paid one account, Bob had been paid by one: 16 each
    (64, 85)
    >>> e["hub_share_in"], e["first_partner_degree"]  # Mixer had no transfer before line 1
    (0, 0)
    """
    return [
        f.edge_count,
        f.edge_reverse,
        f.edge_age,
        s.partners_in,
        s.partners_out,
        rules.ratio_ppm(s.partners_in, s.count_in),
        rules.ratio_ppm(s.partners_out, s.count_out),
        rules.ratio_ppm(s.fresh_in, s.count_in),
        rules.ratio_ppm(s.fresh_out, s.count_out),
        rules.mean_q4(s.partner_degree_in, s.partners_in),
        rules.mean_q4(s.partner_degree_out, s.partners_out),
        rules.mean_q4(s.partner_log_in, s.partners_in),
        rules.mean_q4(s.partner_log_out, s.partners_out),
        rules.mean_q4(s.partner_fan_in, s.partners_in),
        rules.mean_q4(s.partner_fan_out, s.partners_out),
        rules.ratio_ppm(s.hubs_in, s.partners_in),
        s.first_partner_degree,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.edge_count]
    row[1] = f[FACT.edge_reverse]
    row[2] = f[FACT.edge_age]
    row[3] = s[ACCOUNT.partners_in]
    row[4] = s[ACCOUNT.partners_out]
    row[5] = fast.ratio_ppm(s[ACCOUNT.partners_in], s[ACCOUNT.count_in])
    row[6] = fast.ratio_ppm(s[ACCOUNT.partners_out], s[ACCOUNT.count_out])
    row[7] = fast.ratio_ppm(s[ACCOUNT.fresh_in], s[ACCOUNT.count_in])
    row[8] = fast.ratio_ppm(s[ACCOUNT.fresh_out], s[ACCOUNT.count_out])
    row[9] = fast.mean_q4(s[ACCOUNT.partner_degree_in], s[ACCOUNT.partners_in])
    row[10] = fast.mean_q4(s[ACCOUNT.partner_degree_out], s[ACCOUNT.partners_out])
    row[11] = fast.mean_q4(s[ACCOUNT.partner_log_in], s[ACCOUNT.partners_in])
    row[12] = fast.mean_q4(s[ACCOUNT.partner_log_out], s[ACCOUNT.partners_out])
    row[13] = fast.mean_q4(s[ACCOUNT.partner_fan_in], s[ACCOUNT.partners_in])
    row[14] = fast.mean_q4(s[ACCOUNT.partner_fan_out], s[ACCOUNT.partners_out])
    row[15] = fast.ratio_ppm(s[ACCOUNT.hubs_in], s[ACCOUNT.partners_in])
    row[16] = s[ACCOUNT.first_partner_degree]
