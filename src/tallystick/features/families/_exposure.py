"""Exposure: how much of an account's money came from labelled sources, and how near they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features._spec import Feature
from tallystick.features._state import ACCOUNT, FACT
from tallystick.features.labels import CATEGORIES

if TYPE_CHECKING:
    import numpy as np

    from tallystick.features._records import Account, Facts

__all__ = ["FEATURES", "reference", "write"]

_COUNT = len(CATEGORIES)
_SOURCES = tuple(enumerate(CATEGORIES))

FEATURES = tuple(
    feature
    for _, category in _SOURCES
    for feature in (
        Feature(f"exposed_{category}", "ppm", 0, 1_000_000, f"Share of the money it holds that came from: {category}."),
        Feature(f"received_{category}", "ppm", 0, 1_000_000, f"Share of all its income that came from: {category}."),
        Feature(
            f"partner_exposed_{category}",
            "ppm",
            0,
            1_000_000,
            f"Share of the money the counterparty holds that came from: {category}.",
        ),
        Feature(
            f"hops_from_{category}",
            "transfers",
            0,
            15,
            f"Transfers in time order from the nearest labelled source; 15 for none known: {category}.",
        ),
        Feature(
            f"hops_to_{category}",
            "transfers",
            0,
            15,
            f"Transfers to the nearest labelled destination; 15 for none known: {category}.",
        ),
        Feature(f"labelled_{category}", "0 or 1", 0, 1, f"The subject is itself labelled: {category}."),
    )
)


def reference(s: Account, p: Account, f: Facts) -> list[int]:
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer.

    Examples
    --------
    At line 7 Cy pays Dan 1.9 ether. Mixer's 6 made all of Ann's money tainted. Bob held 5 clean and got 3 from Ann: of
    what he pays, 3 / 8 is tainted. Cy got 2 from Ann and 1 from Bob: 2.375 of 3, which is 791,666 ppm. Dan got 4 from
    Bob and 1.9 from Cy: 1.5 + 1.504 of 5.9. Mixer, Ann, Cy, Dan: three hops.

    >>> from tallystick.features._example import example
    >>> e = example("exposure")
    >>> e["exposed_mixer"], e["received_mixer"], e["partner_exposed_mixer"]
    (509180, 509180, 791666)
    >>> e["hops_from_mixer"], e["hops_to_mixer"], e["labelled_mixer"]  # nobody has paid Mixer
    (3, 15, 0)

    Bob's 5 ether came from Exchange, whose label nobody knew on day 1: nothing is said of it, then or later.

    >>> kinds = ("exposed", "received", "partner_exposed", "hops_from", "hops_to", "labelled")
    >>> for category in ("exchange", "sanction", "phishing", "hack", "gambling"):
    ...     print(category, [e[f"{kind}_{category}"] for kind in kinds])
    exchange [0, 0, 0, 15, 15, 0]
    sanction [0, 0, 0, 15, 15, 0]
    phishing [0, 0, 0, 15, 15, 0]
    hack [0, 0, 0, 15, 15, 0]
    gambling [0, 0, 0, 15, 15, 0]
    """
    row = []
    for c, _ in _SOURCES:
        labelled = s.labels >> c & 1
        row += [
            getattr(f, f"exposed_{c}"),
            getattr(f, f"received_{c}"),
            getattr(f, f"partner_exposed_{c}"),
            0 if labelled else 15 - (s.near_from >> 4 * c & 15),
            0 if labelled else 15 - (s.near_to >> 4 * c & 15),
            labelled,
        ]
    return row


@inlined
def write(row: np.ndarray, s: np.ndarray, p: np.ndarray, f: np.ndarray) -> None:
    """Twin of :func:`reference`, into ``row``."""
    for c in range(_COUNT):
        labelled = s[ACCOUNT.labels] >> c & 1
        row[6 * c] = f[FACT.exposed_0 + c]
        row[6 * c + 1] = f[FACT.received_0 + c]
        row[6 * c + 2] = f[FACT.partner_exposed_0 + c]
        row[6 * c + 3] = 0 if labelled else 15 - (s[ACCOUNT.near_from] >> 4 * c & 15)
        row[6 * c + 4] = 0 if labelled else 15 - (s[ACCOUNT.near_to] >> 4 * c & 15)
        row[6 * c + 5] = labelled
