"""JSON-RPC over a websocket, in the shape of an httpx transport."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

__all__ = ["WebsocketTransport"]

_SUBSCRIBE_ID: Final = "heads"
_SUBSCRIBE: Final = msgspec.json.encode(
    {"jsonrpc": "2.0", "id": _SUBSCRIBE_ID, "method": "eth_subscribe", "params": ["newHeads"]}
).decode()


class _Message(msgspec.Struct):
    id: int | str | None = None


class WebsocketTransport(httpx.AsyncBaseTransport):
    """One websocket for calls and for news of heads; connects on first use, and again when it was lost.

    Parameters
    ----------
    url
        ``ws://`` or ``wss://``.
    timeout_s
        Longest wait for one answer.
    """

    def __init__(self, url: str, timeout_s: float = 30) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._connecting = asyncio.Lock()
        self._waiting: dict[int | str, asyncio.Future[bytes]] = {}
        self._new_head = asyncio.Event()
        self._wants_heads = False
        self._subscribed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request's body and return the answer to it."""
        content = await request.aread()
        key = _key_of(content)
        socket = await self._connect()
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        assert key is not None, "requests carry ids"
        self._waiting[key] = answer
        try:
            await socket.send(content.decode())
            return httpx.Response(200, content=await asyncio.wait_for(answer, self._timeout_s))
        except ConnectionClosed as error:
            raise httpx.ReadError(f"websocket closed: {error}") from error
        except TimeoutError as error:
            raise httpx.ReadTimeout("no answer on the websocket") from error
        finally:
            self._waiting.pop(key, None)

    async def wait_for_head(self, timeout_s: float) -> bool:
        """Wait until the node announces a head; return whether it did so in time."""
        self._wants_heads = True
        try:
            await self._connect()
            await asyncio.wait_for(self._new_head.wait(), timeout_s)
        except (TimeoutError, httpx.TransportError):
            return False
        self._new_head.clear()
        return True

    async def aclose(self) -> None:
        """Close the websocket."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def _connect(self) -> ClientConnection:
        async with self._connecting:
            if self._reader is None or self._reader.done() or self._socket is None:
                try:
                    self._socket = await connect(
                        self._url, open_timeout=self._timeout_s, max_size=None, compression=None
                    )
                except (OSError, TimeoutError, WebSocketException) as error:
                    raise httpx.ConnectError(str(error) or "websocket timed out") from error
                self._reader = asyncio.create_task(self._read(self._socket))
                self._subscribed = False
            if self._wants_heads and not self._subscribed:
                self._subscribed = True
                await self._socket.send(_SUBSCRIBE)
            return self._socket

    async def _read(self, socket: ClientConnection) -> None:
        """Hand each message to who waits for it, until the websocket closes."""
        try:
            async for message in socket:
                content = message.encode() if isinstance(message, str) else message
                key = _key_of(content)
                if key is None and b'"error"' in content:
                    key = next(iter(self._waiting), None)  # the node could not tell whose request it refuses
                if key is None or key == _SUBSCRIBE_ID:
                    self._new_head.set()  # an announcement, or the first look after subscribing
                elif (answer := self._waiting.get(key)) is not None and not answer.done():
                    answer.set_result(content)
        except ConnectionClosed:
            pass  # those who wait are told below
        finally:
            self._new_head.set()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(httpx.ReadError("websocket closed"))


def _key_of(content: bytes) -> int | str | None:
    """Id of a message, of its smallest call where it is a batch: nodes may answer in another order."""
    decoded = msgspec.json.decode(content, type=list[_Message] | _Message)
    messages = decoded if isinstance(decoded, list) else [decoded]
    return min((message.id for message in messages if isinstance(message.id, int)), default=messages[0].id)
