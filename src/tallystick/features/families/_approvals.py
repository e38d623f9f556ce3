"""Approvals: who may spend an account's tokens, and who does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features._spec import Feature
from tallystick.features._state import ACCOUNT, FACT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

FEATURES = (
    Feature("approval", "0 or 1", 0, 1, "The transaction approves a spender of tokens."),
    Feature("approvals", "transactions", 0, (1 << 32) - 1, "Approving transactions that the subject signed."),
    Feature("since_approval_s", "s", -1, 1 << 32, "Since its last approval before this transfer; -1 for none."),
    Feature("pulled", "0 or 1", 0, 1, "A token payment that another account than its payer signed."),
    Feature(
        "pulled_payments", "transfers", 0, (1 << 32) - 1, "Token payments of the subject that another account signed."
    ),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 11 Cy lets Dan spend tokens. At line 13, an hour later, Cy's tokens move in a transaction that Dan signed.

    >>> from tallystick.features._example import example, row_at
    >>> e = example("approvals")
    >>> e["approval"], e["approvals"], e["since_approval_s"]
    (0, 1, 3600)
    >>> e["pulled"], e["pulled_payments"]
    (1, 1)
    >>> row_at(11, "sender")["approval"]
    1
    """
    return [
        f.approval,
        s.approvals,
        f.since_approval,
        f.pulled,
        s.pulled,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.approval]
    row[1] = s[ACCOUNT.approvals]
    row[2] = f[FACT.since_approval]
    row[3] = f[FACT.pulled]
    row[4] = s[ACCOUNT.pulled]
