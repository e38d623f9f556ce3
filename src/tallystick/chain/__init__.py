"""Ledgers as transport: JSON-RPC client, block stream, contracts, signers, the embedded chain."""

from __future__ import annotations

from tallystick.chain._anvil_api import AnvilApi
from tallystick.chain._anvil_install import find_anvil
from tallystick.chain._embedded import EMBEDDED_CHAIN_ID, DevAccount, EmbeddedChain, EmbeddedOptions, find_running

__all__ = [
    "EMBEDDED_CHAIN_ID",
    "AnvilApi",
    "DevAccount",
    "EmbeddedChain",
    "EmbeddedOptions",
    "find_anvil",
    "find_running",
]
