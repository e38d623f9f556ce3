"""Common words for what lists call by many names."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["CATEGORIES", "NETWORKS", "category_of", "network_of"]

CATEGORIES: Final = {
    "phish-hack": "phishing",
    "phish / hack": "phishing",
    "mixing_service": "mixer",
    "coinjoin": "mixer",
    "ethereum-mixer": "mixer",
    "tornado-cash": "mixer",
    "service_hack": "hack",
    "heist": "hack",
    "exploit": "hack",
    "ofac-sanctions-lists": "sanction",
    "miner": "miner",
    "mining": "miner",
}

NETWORKS: Final = {
    "ada": "cardano",
    "algo": "algorand",
    "arb": "arbitrum",
    "atom": "cosmos",
    "avax": "avalanche",
    "bch": "bitcoin-cash",
    "bep2": "bnb-beacon-chain",
    "bep20": "bnb-smart-chain",
    "bsc": "bnb-smart-chain",
    "bsv": "bitcoin-sv",
    "btc": "bitcoin",
    "btg": "bitcoin-gold",
    "dash": "dash",
    "doge": "dogecoin",
    "dot": "polkadot",
    "eos": "eos",
    "etc": "ethereum-classic",
    "eth": "ethereum",
    "fil": "filecoin",
    "ltc": "litecoin",
    "matic": "polygon",
    "omni": "bitcoin",
    "sol": "solana",
    "trx": "tron",
    "xbt": "bitcoin",
    "xlm": "stellar",
    "xmr": "monero",
    "xrp": "xrp-ledger",
    "xtz": "tezos",
    "xvg": "verge",
    "zec": "zcash",
}

# Tokens that live on several networks: the form of the address tells which.
_TOKENS: Final = frozenset({"usdt", "usdc"})
_TRON = re.compile(r"T[1-9A-HJ-NP-Za-km-z]{33}", re.ASCII)


def category_of(word: str) -> str:
    """Our word for a list's category; its own, in lower case, where we have none.

    Examples
    --------
    >>> category_of("phish-hack"), category_of("Gambling ")
    ('phishing', 'gambling')
    """
    word = word.strip().lower()
    return CATEGORIES.get(word, word)


def network_of(asset: str, address: str) -> str:
    """Network of an address that a list files under an asset's ticker.

    A ticker that is not in the dictionary is its own network, in lower case. Tokens that live on
    several networks go by the form of the address.

    Examples
    --------
    >>> network_of("XBT", "1..."), network_of("USDT", "0x" + "00" * 20)
    ('bitcoin', 'ethereum')
    """
    ticker = asset.strip().lower()
    if ticker not in _TOKENS:
        return NETWORKS.get(ticker, ticker)
    if address.startswith("0x"):
        return "ethereum"
    return "tron" if _TRON.fullmatch(address) else "bitcoin"
