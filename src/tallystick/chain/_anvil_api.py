"""What a simulation asks of the embedded chain beyond plain Ethereum JSON-RPC."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final

import httpx
import msgspec

from tallystick.errors import ChainError, Unreachable

__all__ = ["AnvilApi"]

_TIMEOUT_S: Final = 120


class AnvilApi:
    """Synchronous calls to one anvil: time, mining, impersonation, snapshots.

    Parameters
    ----------
    url
        Loopback URL of the chain.
    transport
        Replaces the network; for tests.
    """

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url
        self._http = httpx.Client(timeout=_TIMEOUT_S, transport=transport, trust_env=False)

    def __enter__(self) -> AnvilApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def call(self, method: str, *params: Any) -> Any:
        """Send one JSON-RPC call and return its result.

        Raises
        ------
        Unreachable
            No answer.
        ChainError
            The node refused; the cause is its own text.
        """
        return self.batch([(method, params)])[0]

    def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Send many calls in one request, carried out in order; return their results in order."""
        if not calls:
            return []
        body = [
            {"jsonrpc": "2.0", "id": index, "method": method, "params": list(params)}
            for index, (method, params) in enumerate(calls)
        ]
        try:
            answer = self._http.post(
                self.url, content=msgspec.json.encode(body), headers={"content-type": "application/json"}
            )
            replies = msgspec.json.decode(answer.content, type=list[dict[str, Any]])
        except httpx.HTTPError as error:
            raise Unreachable(f"no answer from the embedded chain: {error}", url=self.url) from error
        except msgspec.DecodeError as error:
            raise ChainError(f"answer is not JSON-RPC: HTTP {answer.status_code}", url=self.url) from error
        for reply in replies:
            if "error" in reply:
                failed = body[reply["id"]]["method"] if isinstance(reply.get("id"), int) else None
                details = reply["error"]
                raise ChainError(str(details["message"]), url=self.url, method=failed, rpc_code=details["code"])
        return [reply["result"] for reply in sorted(replies, key=lambda reply: reply["id"])]

    def block_number(self) -> int:
        """Number of the head."""
        return int(self.call("eth_blockNumber"), 16)

    def set_next_block_timestamp(self, timestamp: int) -> None:
        """Give the next block this time (UTC seconds); it must not be before the head's."""
        self.call("evm_setNextBlockTimestamp", timestamp)

    def set_next_block_base_fee(self, wei: int) -> None:
        """Give the next block this base fee per gas, in wei."""
        self.call("anvil_setNextBlockBaseFeePerGas", hex(wei))

    def set_coinbase(self, address: str) -> None:
        """Pay the fees of the coming blocks to this account."""
        self.call("anvil_setCoinbase", address)

    def set_automine(self, on: bool) -> None:
        """Mine a block at each transaction, or only when :meth:`mine` is called."""
        self.call("evm_setAutomine", on)

    def mine(self, blocks: int = 1, interval_s: int | None = None) -> None:
        """Mine blocks now; ``interval_s`` is the time between them, in seconds."""
        self.call("anvil_mine", *([hex(blocks)] if interval_s is None else [hex(blocks), hex(interval_s)]))

    def impersonate(self, address: str) -> None:
        """Accept unsigned transactions from this account."""
        self.call("anvil_impersonateAccount", address)

    def stop_impersonating(self, address: str) -> None:
        """Accept only signed transactions from this account again."""
        self.call("anvil_stopImpersonatingAccount", address)

    def set_balance(self, address: str, wei: int) -> None:
        """Set an account's balance, in wei."""
        self.call("anvil_setBalance", address, hex(wei))

    def snapshot(self) -> str:
        """Remember the chain as it is; the name is good for one :meth:`revert`."""
        return str(self.call("evm_snapshot"))

    def revert(self, name: str) -> None:
        """Take the chain back to a snapshot.

        Raises
        ------
        ChainError
            There is no such snapshot, or it was used before.
        """
        if self.call("evm_revert", name) is not True:
            raise ChainError("there is no such snapshot", url=self.url, method="evm_revert")

    def reorg(self, depth: int) -> None:
        """Replace the last ``depth`` blocks by as many empty ones."""
        self.call("anvil_reorg", depth, [])
