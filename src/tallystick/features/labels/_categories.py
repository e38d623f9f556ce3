"""Categories that exposure tells apart, and the words of label lists that mean them."""

from __future__ import annotations

from typing import Final

__all__ = ["CATEGORIES", "EXCHANGES", "SYNONYMS", "exposure_category"]

CATEGORIES: Final = ("sanction", "mixer", "phishing", "hack", "exchange", "gambling")
"""In this order everywhere: a category's index is its number in states and feeds."""

SYNONYMS: Final = {
    "sanction": ("ofac", "sanctioned", "sanctions"),
    "mixer": ("coinjoin", "mixing", "mixing_service", "tornado-cash", "tumbler", "typhoon-cash"),
    "phishing": (
        "fraud",
        "investment_fraud",
        "phish",
        "phish-hack",
        "phish_hack",
        "ponzi",
        "ponzi_scheme",
        "pyramid_scheme",
        "scam",
    ),
    "hack": ("exploit", "hacker", "heist", "service_hack", "theft"),
    "exchange": ("binance-deposit", "cex"),
    "gambling": ("casino", "etheroll", "zethr"),
}
"""Other words for a category: swindles of every kind count as phishing, thefts as hack."""

EXCHANGES: Final = (
    "abcc", "allbit", "ascendex", "bgogo", "binance", "bitfinex", "bithumb", "bitmart", "bitmex", "bitstamp",
    "bittrex", "cobinhood", "coinbase", "coinbit", "coinhako", "coinone", "coinsquare", "coss-io", "crex24",
    "crypto-com", "deribit", "digifinex", "ftx", "gate-io", "gemini", "hitbtc", "hoo-com", "hotbit", "huobi",
    "korbit", "kraken", "kucoin", "latoken", "okx", "paribu", "poloniex", "quadrigacx", "tidex", "topbtc",
    "upbit", "yunbi", "zb-com",
)  # fmt: skip
"""Exchanges that keep their customers' coins: Etherscan's cloud names them and has no word for their kind."""

_BY_WORD: Final = {
    **{word: category for category, words in SYNONYMS.items() for word in words},
    **dict.fromkeys(EXCHANGES, "exchange"),
    **{category: category for category in CATEGORIES},
}


def exposure_category(word: str) -> int | None:
    """Index in :data:`CATEGORIES` of what a list says; ``None`` where it fits none.

    Examples
    --------
    >>> exposure_category("Ponzi_scheme"), exposure_category("kraken"), exposure_category("miner")
    (2, 4, None)
    """
    category = _BY_WORD.get(word.strip().lower())
    return None if category is None else CATEGORIES.index(category)
