"""Exposure: how much of an account's money came from labelled sources, and how near they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.compiling import inlined
from tallystick.features._label_categories import CATEGORIES
from tallystick.features._spec import Feature
from tallystick.features._state import ACCOUNT, FACT

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
    """Compute the family for subject ``s`` and counterparty ``p``; both already hold the transfer."""
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
