"""Look-alikes and dust: address poisoning."""

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
    Feature(
        "lookalike",
        "0 or 1",
        0,
        1,
        "A new counterparty with the first and last four digits of another of the subject's last ones.",
    ),
    Feature("lookalikes", "transfers", 0, (1 << 32) - 1, "Transfers of the subject with such a counterparty."),
    Feature(
        "dust",
        "0 or 1",
        0,
        1,
        "Next to nothing: below 10,000 gwei, or of a token nothing or below 10 ppm of what the subject received of it.",
    ),
    Feature("twin", "0 or 1", 0, 1, "The subject shares its first and last four digits with an older account."),
    Feature("partner_twin", "0 or 1", 0, 1, "The counterparty does."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    Bob's address begins and ends with ``b2b2``, and so does Fob's, which came later. At line 14 Fob sent Ann 1,000
    gwei; at line 16 she pays Fob.

    >>> from tallystick.features._example import example, row_at
    >>> e = example("lookalike")
    >>> e["lookalike"], e["lookalikes"]  # lines 14 and 16
    (1, 2)
    >>> e["twin"], e["partner_twin"]
    (0, 1)
    >>> e["dust"], row_at(14, "receiver")["dust"]  # 1 ether is none
    (0, 1)
    """
    return [
        f.lookalike,
        s.lookalikes,
        f.dust,
        s.kind >> 3 & 1,
        p.kind >> 3 & 1,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.lookalike]
    row[1] = s[ACCOUNT.lookalikes]
    row[2] = f[FACT.dust]
    row[3] = s[ACCOUNT.kind] >> 3 & 1
    row[4] = p[ACCOUNT.kind] >> 3 & 1
