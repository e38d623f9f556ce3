"""Which labels count at a time, from the rows of the table, by plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Words apart from the package's own table, so that both must agree.
WORDS = {
    "sanction": "sanction",
    "sanctions": "sanction",
    "mixer": "mixer",
    "coinjoin": "mixer",
    "phishing": "phishing",
    "scam": "phishing",
    "Ponzi_Scheme": "phishing",
    "hack": "hack",
    "heist": "hack",
    "exploit": "hack",
    "exchange": "exchange",
    "kraken": "exchange",
    "gambling": "gambling",
    "normal": None,
    "miner": None,
    "": None,
}


def account_of(address: str) -> bytes | None:
    """The 20 bytes of an address, ``None`` where it has another form."""
    if len(address) != 42 or address[:2].lower() != "0x":
        return None
    if any(digit not in "0123456789abcdef" for digit in address[2:].lower()):
        return None
    return bytes(int(address[at : at + 2], 16) for at in range(2, 42, 2))


def active_labels(
    rows: Iterable[Mapping[str, Any]], time: int, networks: tuple[str, ...] = ("ethereum",), not_before: int = 0
) -> set[tuple[bytes, str]]:
    """Addresses and categories that are labelled at a time: known by then, begun and not ended."""
    found = set()
    for row in rows:
        account, category = account_of(row["address"]), WORDS[row["category"]]
        if account is None or category is None or row["network"] not in networks:
            continue
        begun = row["valid_from"] is None or row["valid_from"] <= time
        ended = row["valid_to"] is not None and row["valid_to"] <= time
        known = row["known_from"] is None or row["known_from"] <= time
        if begun and known and not ended and not_before <= time:
            found.add((account, category))
    return found
