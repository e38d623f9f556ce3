"""What a node's refusal means: one table of codes and of texts seen in the wild."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tallystick.errors import ChainError, PrunedHistory, RateLimited, UnsupportedMethod

__all__ = ["Refusal", "RpcError", "classify", "is_loopback", "is_range_too_wide", "safe_url"]


class RpcError(msgspec.Struct, frozen=True):
    """The ``error`` object of a JSON-RPC answer."""

    code: int = 0
    message: str = ""


class Refusal(Enum):
    """What to do about a refusal."""

    FINAL = "raise"
    LIMITED = "wait, then ask again, slower"
    TOO_LARGE = "ask for less at once"


_RANGE_TOO_WIDE: Final = re.compile(
    r"query returned more than|block range|range is too|range too|too many results|logs? .*limit|exceeds? the range"
    r"|limited to|max(imum)? results",
    re.IGNORECASE,
)
_TOO_LARGE: Final = re.compile(
    r"response (size )?(is )?too large|response size .*exceed|batch.*(too large|too many|limit|exceed|not supported)"
    r"|request entity too large|max.*batch",
    re.IGNORECASE,
)
_LIMITED: Final = re.compile(
    r"rate.?limit|too many requests|request (count|limit|rate)|compute units|throughput|requests per", re.IGNORECASE
)
# geth, erigon, nethermind, besu, reth, anvil
_PRUNED: Final = re.compile(
    r"missing trie node|(history|data|state|block).*(pruned|pruning)|pruned history|historical state|header not found"
    r"|state (is )?not available|state .*unavailable|block #?\S* ?not found|unknown block|BlockOutOfRange"
    r"|max(imum)? proof window|world state unavailable|no state available",
    re.IGNORECASE,
)
_UNSUPPORTED: Final = re.compile(
    r"method .*(not found|does not exist|not available|not supported|not whitelisted)|unsupported method"
    r"|unknown method|did not match any variant",  # the last by anvil's websocket
    re.IGNORECASE,
)
_LIMITED_CODES: Final = frozenset({-32005, -32029, 429})
_PRUNED_CODES: Final = frozenset({-32001, 4444})
_UNSUPPORTED_CODES: Final = frozenset({-32601, -32004})


def classify(error: RpcError, method: str, url: str) -> tuple[Refusal, ChainError]:
    """Turn a node's refusal into one of our errors and what to do about it.

    Texts go before codes, since nodes use one code for many things.

    Examples
    --------
    >>> classify(RpcError(-32000, "missing trie node 5ac1…"), "eth_call", "http://127.0.0.1:8545")[1].code
    'T304'
    """
    text = " ".join(error.message.split()) or "no reason given"
    where: dict[str, Any] = {"url": url, "method": method, "rpc_code": error.code}
    if _TOO_LARGE.search(text):
        return Refusal.TOO_LARGE, ChainError(text, **where)
    if _RANGE_TOO_WIDE.search(text):
        return Refusal.FINAL, ChainError(text, next_step="Ask for fewer blocks at once.", **where)
    if error.code in _LIMITED_CODES or _LIMITED.search(text):
        return Refusal.LIMITED, RateLimited(text, **where)
    if error.code in _UNSUPPORTED_CODES or _UNSUPPORTED.search(text):
        return Refusal.FINAL, UnsupportedMethod(f"the node does not have {method}: {text}", **where)
    if error.code in _PRUNED_CODES or _PRUNED.search(text):
        return Refusal.FINAL, PrunedHistory(text, **where)
    return Refusal.FINAL, ChainError(text, **where)


def is_range_too_wide(error: ChainError) -> bool:
    """Whether a node refused because a block range holds too much."""
    return type(error) is ChainError and bool(_RANGE_TOO_WIDE.search(error.cause) or _TOO_LARGE.search(error.cause))


def safe_url(url: str) -> str:
    """URL without user, path and query, where hosted nodes have their keys; for messages.

    Examples
    --------
    >>> safe_url("https://me:pw@node.example:8545/v3/0123456789abcdef?key=1")
    'https://node.example:8545/…'
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" + ("/…" if parts.path.strip("/") or parts.query else "")


def is_loopback(url: str) -> bool:
    """Whether a URL is on this machine.

    Examples
    --------
    >>> is_loopback("http://127.0.0.1:8545"), is_loopback("https://node.example")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
