"""Assets: the token of the transfer, each in its own units; zeros for the chain's own coin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features._spec import PPM, Feature
from tallystick.features._state import ACCOUNT, FACT

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

FEATURES = (
    Feature(
        "log_asset_value",
        "log2 units, Q4",
        0,
        4_111,
        "Size in the asset's own smallest units: wei for the chain's own coin.",
    ),
    Feature("assets", "tokens", 0, (1 << 32) - 1, "Distinct tokens the subject ever received or sent."),
    Feature("asset_first", "0 or 1", 0, 1, "Its first transfer of this token."),
    Feature("asset_over_in", "ppm", *PPM, "Size against all it received of this token before."),
    Feature("asset_over_out", "ppm", *PPM, "Size against all it sent of this token before."),
    Feature("asset_pass_through", "ppm", *PPM, "All it sent of this token against all it received."),
    Feature("asset_count_in", "transfers", 0, (1 << 32) - 1, "Its incoming transfers of this token."),
    Feature("asset_count_out", "transfers", 0, (1 << 32) - 1, "Its outgoing transfers of this token."),
    Feature("asset_holders", "accounts", 0, (1 << 32) - 1, "Accounts that ever received or sent this token."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 13 Cy pays Dan 500 of the 800 tokens that Exchange paid at line 10.

    >>> from tallystick.features._example import example
    >>> e = example("assets")
    >>> e["log_asset_value"], e["assets"], e["asset_first"]  # log2_q4(500)
    (159, 1, 0)
    >>> e["asset_over_in"], e["asset_over_out"]  # 500 of 800; nothing was sent before
    (625000, 0)
    >>> e["asset_pass_through"], e["asset_count_in"], e["asset_count_out"]  # with this payment, 500 of 800
    (625000, 1, 1)
    >>> e["asset_holders"]  # Exchange, Cy, Dan
    3
    """
    return [
        f.log_asset,
        s.assets,
        f.asset_first,
        f.asset_over_in,
        f.asset_over_out,
        f.asset_passed,
        f.asset_in,
        f.asset_out,
        f.asset_holders,
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.log_asset]
    row[1] = s[ACCOUNT.assets]
    row[2] = f[FACT.asset_first]
    row[3] = f[FACT.asset_over_in]
    row[4] = f[FACT.asset_over_out]
    row[5] = f[FACT.asset_passed]
    row[6] = f[FACT.asset_in]
    row[7] = f[FACT.asset_out]
    row[8] = f[FACT.asset_holders]
