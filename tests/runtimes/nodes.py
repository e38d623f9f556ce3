"""Chains of these tests: one for all, and others with unusual limits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from web3 import Web3

from tallystick.chain import EmbeddedChain, EmbeddedOptions, connect, find_anvil
from tallystick.errors import TransactionFailed


@contextmanager
def unusual_chain(folder: Path, *flags: str, hardfork: str = "prague") -> Iterator[EmbeddedChain]:
    """An anvil with flags that our options do not have."""
    binary = folder / "anvil.sh"
    binary.write_text(f'#!/bin/sh\nexec "{find_anvil()}" {" ".join(flags)} "$@"\n', encoding="utf-8")
    binary.chmod(0o755)
    with EmbeddedChain(folder / "chain", options=EmbeddedOptions(hardfork=hardfork, binary=binary)) as chain:
        yield chain


def put_code(chain: EmbeddedChain, address: str, code: bytes) -> Web3:
    """Put code at an address, as if it had been deployed; return a connection."""
    chain.api.call("anvil_setCode", address, "0x" + code.hex())
    return connect(chain.url)


class CountedCalls:
    """Counts what is asked, and may refuse state overrides as some nodes do."""

    def __init__(self, ask: Any, overrides: bool = True) -> None:
        self.methods: list[str] = []
        self._ask, self._overrides = ask, overrides

    def __call__(self, w3: Web3, method: str, *params: Any) -> Any:
        self.methods.append(method)
        if method == "eth_call" and len(params) > 2 and not self._overrides:
            raise TransactionFailed("invalid params: expected 2 parameters")
        return self._ask(w3, method, *params)
