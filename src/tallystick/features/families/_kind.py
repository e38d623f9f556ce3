"""Kind: what an account is, and who paid it first."""

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
    Feature("signs", "0 or 1", 0, 1, "The subject signed a transaction: a person or a machine with a key."),
    Feature("called", "0 or 1", 0, 1, "It was called with a method: a contract."),
    Feature("is_token", "0 or 1", 0, 1, "It is a token contract."),
    Feature("partner_signs", "0 or 1", 0, 1, "The counterparty signed a transaction."),
    Feature("partner_called", "0 or 1", 0, 1, "The counterparty was called with a method."),
    Feature("partner_is_token", "0 or 1", 0, 1, "The counterparty is a token contract."),
    Feature("with_funder", "0 or 1", 0, 1, "The counterparty is the account that paid the subject first."),
    Feature(
        "funder_rank", "accounts", 0, (1 << 32) - 1, "Accounts that the subject's first payer had paid first before."
    ),
    Feature("funded", "accounts", 0, (1 << 32) - 1, "Accounts that the subject was the first to pay."),
    Feature("partner_funded", "accounts", 0, (1 << 32) - 1, "Accounts that the counterparty was the first to pay."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 16 Ann pays Fob, who signed line 14. Ann is the first to pay Fob, as she was the first to pay Cy before.

    >>> from tallystick.features._example import example, row_at
    >>> e = example("kind")
    >>> e["signs"], e["called"], e["is_token"]
    (1, 0, 0)
    >>> e["partner_signs"], e["partner_called"], e["partner_is_token"]
    (1, 0, 0)
    >>> e["with_funder"]  # before this transfer nobody had paid Fob
    0
    >>> e["funder_rank"], e["funded"], e["partner_funded"]  # one before; Fob first paid nobody; Cy and Fob
    (1, 0, 2)

    At line 8 Cy pays Ann, its funder. At line 12 Token is called.

    >>> row_at(8, "sender")["with_funder"]
    1
    >>> [row_at(12, "receiver")[name] for name in ("signs", "called", "is_token")]
    [0, 1, 1]
    >>> [row_at(12, "sender")[name] for name in ("partner_signs", "partner_called", "partner_is_token")]
    [0, 1, 1]
    """
    return [
        s.kind & 1,
        s.kind >> 1 & 1,
        s.kind >> 2 & 1,
        p.kind & 1,
        p.kind >> 1 & 1,
        p.kind >> 2 & 1,
        f.from_funder,
        s.funder_rank,
        s.funded,
        p.funded,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = s[ACCOUNT.kind] & 1
    row[1] = s[ACCOUNT.kind] >> 1 & 1
    row[2] = s[ACCOUNT.kind] >> 2 & 1
    row[3] = p[ACCOUNT.kind] & 1
    row[4] = p[ACCOUNT.kind] >> 1 & 1
    row[5] = p[ACCOUNT.kind] >> 2 & 1
    row[6] = f[FACT.from_funder]
    row[7] = s[ACCOUNT.funder_rank]
    row[8] = s[ACCOUNT.funded]
    row[9] = p[ACCOUNT.funded]
