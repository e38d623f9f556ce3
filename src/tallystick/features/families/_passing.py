"""Passing on: an amount that left much as it came."""

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
        "echo",
        "ppm",
        0,
        1_000_000,
        "Likeness of the amount to the most alike of the last eight the other way, of the same asset; 0 for none.",
        window_s=WINDOW_S,
    ),
    Feature("echo_gap_s", "s", -1, 1 << 32, "Since that other amount; -1 for none.", window_s=WINDOW_S),
    Feature("echo_share", "ppm", *PPM, "Share of payments at least nine tenths like a recent income."),
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 7 Cy pays Dan 1.9 ether, having received 2 at line 4 and 1 at line 5: 2 is the more alike.

    >>> from tallystick.features._example import example
    >>> e = example("passing")
    >>> e["echo"], e["echo_gap_s"]  # 1.9 of 2, each kept to 12 bits; three hours
    (950168, 10800)
    >>> e["echo_share"]  # the only payment so far, and above nine tenths
    1000000
    """
    return [
        f.echo,
        f.echo_gap,
        rules.ratio_ppm(s.echoes, s.count_out),
    ]


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    row[0] = f[FACT.echo]
    row[1] = f[FACT.echo_gap]
    row[2] = fast.ratio_ppm(s[ACCOUNT.echoes], s[ACCOUNT.count_out])
