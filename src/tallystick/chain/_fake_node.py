"""A scriptable node without a network: mine, reorganise, refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tallystick.hashing import keccak256

__all__ = ["FakeNode", "FakeTransaction"]

_NOT_FOUND: Final = -32601
_START_TIMESTAMP: Final = 1_700_000_000


@dataclass(frozen=True)
class FakeTransaction:
    """One transaction to put into a block; amounts in wei."""

    sender: str = "0x" + "11" * 20
    recipient: str | None = "0x" + "22" * 20
    value: int = 1
    input: str = "0x"
    gas_used: int = 21_000
    gas_price: int = 10**9
    succeeds: bool = True
    logs: tuple[tuple[str, tuple[str, ...], str], ...] = ()  # (address, topics, data)


@dataclass
class _Trouble:
    make: Callable[[], httpx.Response] | None
    times: int
    method: str | None = None
    error: dict[str, Any] | None = None


@dataclass
class _FakeBlock:
    header: dict[str, Any]
    transactions: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)


class FakeNode(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """An httpx transport that is a node with a chain of its own; hand it to a client as ``transport``.

    Parameters
    ----------
    chain_id
        What ``eth_chainId`` answers.
    block_time_s
        Seconds between blocks.

    Examples
    --------
    >>> node = FakeNode()
    >>> node.mine(3)
    >>> node.reorg(2, blocks=3)
    >>> node.head
    4
    """

    def __init__(self, chain_id: int = 1, block_time_s: int = 12) -> None:
        self.chain_id = chain_id
        self.block_time_s = block_time_s
        self.unsupported: set[str] = set()
        self.pruned_below = 0
        self.max_batch: int | None = None
        self.max_log_range: int | None = None
        self.requests: list[list[str]] = []  # methods of each request
        self._forks = 0
        self._troubles: list[_Trouble] = []
        self._blocks: list[_FakeBlock] = []
        self._append(())

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return len(self._blocks) - 1

    @property
    def hashes(self) -> list[str]:
        """Hashes of the canonical chain, from block 0."""
        return [block.header["hash"] for block in self._blocks]

    def mine(self, blocks: int = 1, transactions: Sequence[FakeTransaction] = ()) -> None:
        """Append blocks, each with these transactions."""
        for _ in range(blocks):
            self._append(transactions)

    def reorg(self, depth: int, blocks: int | None = None, transactions: Sequence[FakeTransaction] = ()) -> None:
        """Remove the last ``depth`` blocks and append others, as many unless told."""
        assert 0 < depth <= self.head, "block 0 stays"
        del self._blocks[-depth:]
        self._forks += 1
        self.mine(depth if blocks is None else blocks, transactions)

    def fail_http(self, status: int, times: int = 1, headers: dict[str, str] | None = None, text: str = "") -> None:
        """Answer the next requests with an HTTP status."""
        self._troubles.append(_Trouble(lambda: httpx.Response(status, headers=headers, text=text), times))

    def fail_call(self, code: int, message: str, times: int = 1, method: str | None = None) -> None:
        """Refuse the next calls (of one method) with a JSON-RPC error."""
        self._troubles.append(_Trouble(None, times, method, {"code": code, "message": message}))

    def drop(self, times: int = 1) -> None:
        """Break the connection of the next requests."""

        def break_off() -> httpx.Response:
            raise httpx.ConnectError("connection refused")

        self._troubles.append(_Trouble(break_off, times))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = json.loads(request.read())
        return self._answer(body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        body = json.loads(await request.aread())
        return self._answer(body)

    def _answer(self, body: Any) -> httpx.Response:
        calls = body if isinstance(body, list) else [body]
        self.requests.append([call["method"] for call in calls])
        for trouble in self._troubles:
            if trouble.make is not None and trouble.times > 0:
                trouble.times -= 1
                return trouble.make()
        if self.max_batch is not None and len(calls) > self.max_batch:
            return httpx.Response(413, text="request entity too large")
        replies = [self._reply(call) for call in calls]
        return httpx.Response(200, json=replies if isinstance(body, list) else replies[0])

    def _reply(self, call: dict[str, Any]) -> dict[str, Any]:
        reply = {"jsonrpc": "2.0", "id": call["id"]}
        for trouble in self._troubles:
            if trouble.error is not None and trouble.times > 0 and trouble.method in (None, call["method"]):
                trouble.times -= 1
                return reply | {"error": trouble.error}
        answer = getattr(self, "_do_" + call["method"], None)
        if answer is None or call["method"] in self.unsupported:
            return reply | {"error": {"code": _NOT_FOUND, "message": "Method not found"}}
        try:
            return reply | {"result": answer(*call["params"])}
        except LookupError as error:
            return reply | {"error": {"code": -32000, "message": str(error.args[0])}}

    def _append(self, transactions: Sequence[FakeTransaction]) -> None:
        number = len(self._blocks)
        parent = self._blocks[-1].header["hash"] if self._blocks else "0x" + "00" * 32
        block_hash = "0x" + keccak256(f"{parent} {number} {self._forks}".encode()).hex()
        timestamp = _START_TIMESTAMP + number * self.block_time_s
        block = _FakeBlock(
            {
                "number": hex(number),
                "hash": block_hash,
                "parentHash": parent,
                "timestamp": hex(timestamp),
                "baseFeePerGas": hex(7),
            }
        )
        for index, transaction in enumerate(transactions):
            place = {"blockNumber": hex(number), "blockHash": block_hash, "transactionIndex": hex(index)}
            name = "0x" + keccak256(f"{block_hash} {index}".encode()).hex()
            block.transactions.append(_transaction(transaction, name, place))
            block.receipts.append(_receipt(transaction, name, place, sum(len(r["logs"]) for r in block.receipts)))
        self._blocks.append(block)

    def _find(self, name: str) -> _FakeBlock | None:
        number = self.head if name in ("latest", "pending", "safe", "finalized") else int(name, 16)
        if number < self.pruned_below:
            raise LookupError("history has been pruned for this block")
        return self._blocks[number] if number <= self.head else None

    def _do_eth_chainId(self) -> str:  # noqa: N802
        return hex(self.chain_id)

    def _do_eth_blockNumber(self) -> str:  # noqa: N802
        return hex(self.head)

    def _do_eth_getBlockByNumber(self, name: str, full: bool) -> dict[str, Any] | None:  # noqa: N802
        block = self._find(name)
        if block is None:
            return None
        return block.header | {"transactions": block.transactions if full else [t["hash"] for t in block.transactions]}

    def _do_eth_getBlockReceipts(self, name: str) -> list[dict[str, Any]] | None:  # noqa: N802
        block = self._find(name)
        return None if block is None else block.receipts

    def _do_eth_getTransactionReceipt(self, name: str) -> dict[str, Any] | None:  # noqa: N802
        every = (receipt for block in self._blocks for receipt in block.receipts)
        return next((receipt for receipt in every if receipt["transactionHash"] == name), None)

    def _do_eth_getLogs(self, query: dict[str, Any]) -> list[dict[str, Any]]:  # noqa: N802
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if self.max_log_range is not None and last - first >= self.max_log_range:
            raise LookupError(f"block range is too wide, at most {self.max_log_range}")
        wanted = query.get("address")
        addresses = None if wanted is None else {wanted} if isinstance(wanted, str) else set(wanted)
        logs = (log for block in self._blocks[first : last + 1] for one in block.receipts for log in one["logs"])
        return [log for log in logs if _matches(log, addresses, query.get("topics") or [])]


def _transaction(one: FakeTransaction, name: str, place: dict[str, str]) -> dict[str, Any]:
    details = {"hash": name, "from": one.sender, "to": one.recipient, "value": hex(one.value)}
    return place | details | {"input": one.input, "gasPrice": hex(one.gas_price), "nonce": "0x0", "type": "0x2"}


def _receipt(one: FakeTransaction, name: str, place: dict[str, str], logs_before: int) -> dict[str, Any]:
    place = place | {"transactionHash": name}
    logs = [
        place | {"address": address, "topics": list(topics), "data": data, "logIndex": hex(logs_before + index)}
        for index, (address, topics, data) in enumerate(one.logs)
    ]
    contract = None if one.recipient is not None else "0x" + keccak256(name.encode()).hex()[:40]
    details = {"gasUsed": hex(one.gas_used), "effectiveGasPrice": hex(one.gas_price), "status": hex(one.succeeds)}
    return place | details | {"contractAddress": contract, "logs": logs}


def _matches(log: dict[str, Any], addresses: set[str] | None, topics: list[Any]) -> bool:
    if addresses is not None and log["address"] not in addresses:
        return False
    for position, wanted in enumerate(topics):
        choices = wanted if isinstance(wanted, list) else [wanted]
        if wanted is not None and (position >= len(log["topics"]) or log["topics"][position] not in choices):
            return False
    return True
