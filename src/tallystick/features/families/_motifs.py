"""Motifs: cycles of money, fans, diamonds; found in the rings of recent transfers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features import _rules as rules
from tallystick.features import _rules_fast as fast
from tallystick.features._spec import PPM, WINDOW_S, Feature
from tallystick.features._state import ACCOUNT, FACT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

FEATURES = (
    Feature(
        "cycles_2",
        "cycles",
        0,
        1 << 10,
        "Times the receiver recently paid the sender: money that comes straight back.",
        window_s=WINDOW_S,
    ),
    Feature(
        "cycles_3",
        "cycles",
        0,
        1 << 10,
        "Recent ways in time order from the receiver over one account to the sender.",
        window_s=WINDOW_S,
    ),
    Feature(
        "cycles_4",
        "cycles",
        0,
        1 << 10,
        "Recent ways in time order from the receiver over two accounts to the sender.",
        window_s=WINDOW_S,
    ),
    Feature(
        "cycle_share",
        "ppm",
        0,
        1_000_000,
        "Largest share of a cycle's first amount that this transfer brings back; 0 for none.",
        window_s=WINDOW_S,
    ),
    Feature("cycle_span_s", "s", -1, 1 << 32, "Since the quickest cycle began; -1 for none.", window_s=WINDOW_S),
    Feature("closed_share", "ppm", *PPM, "Share of income that closes a cycle through the subject."),
    Feature(
        "diamond",
        "accounts",
        0,
        8,
        "Accounts side by side through which one payer of the sender recently reached the receiver; 0 below two.",
        window_s=WINDOW_S,
    ),
    Feature(
        "recent_payers",
        "accounts",
        0,
        8,
        "Distinct payers among the subject's last eight incomes before this transfer: fan-in.",
        window_s=WINDOW_S,
    ),
    Feature(
        "recent_payees",
        "accounts",
        0,
        8,
        "Distinct payees among its last eight payments before this transfer: fan-out.",
        window_s=WINDOW_S,
    ),
    Feature(
        "gather_scatter",
        "accounts",
        0,
        8,
        "The smaller of recent payers and payees: gathers from many and pays many.",
        window_s=WINDOW_S,
    ),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 9 Dan pays Ann 1.5 ether. Money had gone from Ann over Bob to Dan, from Ann over Cy to Dan, and from Ann
    over Bob and Cy to Dan.

    >>> from tallystick.features._example import example, row_at
    >>> e = example("motifs")
    >>> e["cycles_2"], e["cycles_3"], e["cycles_4"]  # Ann never paid Dan
    (0, 2, 1)
    >>> e["cycle_share"]  # 1.5 of the 2 that went to Cy, rather than of the 3 to Bob
    750000
    >>> e["cycle_span_s"]  # since line 4, 27 hours
    97200
    >>> e["closed_share"]  # lines 8 and 9 of lines 1, 8 and 9
    666666
    >>> e["diamond"]  # Bob paid Cy and Dan, and both paid Ann
    2
    >>> e["recent_payers"], e["recent_payees"], e["gather_scatter"]  # Mixer and Cy; Bob and Cy
    (2, 2, 2)

    At line 8 Cy pays Ann, who had paid Cy.

    >>> row_at(8, "receiver")["cycles_2"]
    1
    """
    return [
        f.cycles_2,
        f.cycles_3,
        f.cycles_4,
        f.cycle_share,
        f.cycle_span,
        rules.ratio_ppm(s.closed, s.count_in),
        f.diamond,
        f.payers,
        f.payees,
        min(f.payers, f.payees),
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.cycles_2]
    row[1] = f[FACT.cycles_3]
    row[2] = f[FACT.cycles_4]
    row[3] = f[FACT.cycle_share]
    row[4] = f[FACT.cycle_span]
    row[5] = fast.ratio_ppm(s[ACCOUNT.closed], s[ACCOUNT.count_in])
    row[6] = f[FACT.diamond]
    row[7] = f[FACT.payers]
    row[8] = f[FACT.payees]
    row[9] = min(f[FACT.payers], f[FACT.payees])
