"""One JSON-RPC request and its answer: batching, retries, backoff, rate."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpx
import msgspec

from tallystick.chain._clock import Clock
from tallystick.chain._rate_limit import RateLimit
from tallystick.chain._rpc_errors import Refusal, RpcError, classify, is_loopback, safe_url
from tallystick.errors import ChainError, RateLimited, Unreachable
from tallystick.settings import Settings

__all__ = ["Call", "RpcOptions", "RpcTransport"]

Call: TypeAlias = tuple[str, Sequence[Any]]  # method, parameters

_HEADERS: Final = {"content-type": "application/json"}
_NO_RESULT: Final = msgspec.Raw(b"")
_TRY_AGAIN_STATUS: Final = frozenset({408, 500, 502, 503, 504})


@dataclass(frozen=True)
class RpcOptions:
    """How a node is asked; see the settings of the same names.

    ``backoff_s`` is the wait before the first retry; it doubles up to ``backoff_max_s``, without chance.
    """

    batch_size: int = 50
    concurrency: int = 4
    requests_per_s: int = 20
    retries: int = 5
    timeout_s: float = 30
    chain_id: int = 0
    backoff_s: float = 0.25
    backoff_max_s: float = 30

    @classmethod
    def of(cls, settings: Settings) -> RpcOptions:
        """Take the options from the settings table."""
        return cls(
            batch_size=settings.rpc_batch_size,
            concurrency=settings.rpc_concurrency,
            requests_per_s=settings.rpc_requests_per_s,
            retries=settings.rpc_retries,
            timeout_s=settings.rpc_timeout_s,
            chain_id=settings.chain_id,
        )

    def wait_s(self, tries: int) -> float:
        """Seconds to wait before the next of ``tries`` failed ones.

        Examples
        --------
        >>> [RpcOptions().wait_s(tries) for tries in (1, 2, 3, 12)]
        [0.25, 0.5, 1.0, 30]
        """
        return min(self.backoff_s * (1 << (tries - 1)), self.backoff_max_s)


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: msgspec.Raw = _NO_RESULT
    error: RpcError | None = None


class _TryAgain(Exception):
    """The request failed in a way that may pass."""

    def __init__(self, error: ChainError, after_s: float | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.after_s = after_s


class _TooLarge(Exception):
    """The node wants smaller batches."""

    def __init__(self, error: ChainError) -> None:
        super().__init__(error)
        self.error = error


class RpcTransport:
    """Sends batches to one node over an HTTP-shaped transport."""

    def __init__(self, url: str, options: RpcOptions, http: httpx.AsyncBaseTransport | None, clock: Clock) -> None:
        self.safe_url = safe_url(url)
        self.rate = None if is_loopback(url) else RateLimit(options.requests_per_s, clock)
        self._url = url
        self._options = options
        self._clock = clock
        self._ids = itertools.count(1)
        self._slots = asyncio.Semaphore(options.concurrency)
        self._answered_before = False
        self._http = httpx.AsyncClient(timeout=options.timeout_s, transport=http, trust_env=not is_loopback(url))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(self, calls: Sequence[Call]) -> list[msgspec.Raw]:
        """Send calls in one batch, again where that helps; return raw results in order."""
        results: dict[int, msgspec.Raw] = {}
        waiting = list(range(len(calls)))
        for tries in itertools.count(1):
            try:
                answers = await self._request([calls[index] for index in waiting])
                refused = self._sort_out(calls, waiting, answers, results)
            except _TryAgain as problem:
                refused = problem
            except _TooLarge as problem:
                await self._send_less(calls, waiting, results, problem)
                refused = None
            if refused is None:
                return [results[index] for index in range(len(calls))]
            if tries > self._options.retries:
                raise refused.error from refused.__cause__
            waiting = [index for index in waiting if index not in results]
            after_s = refused.after_s if refused.after_s is not None else self._options.wait_s(tries)
            await self._clock.sleep(min(after_s, self._options.backoff_max_s))
        raise AssertionError("unreachable")

    async def _send_less(
        self, calls: Sequence[Call], asked: list[int], results: dict[int, msgspec.Raw], problem: _TooLarge
    ) -> None:
        """Send what is still open: alone if part of it was answered, else in two halves."""
        if len(asked) == 1:
            raise problem.error
        open_calls = [index for index in asked if index not in results]
        middle = len(open_calls) // 2 if len(open_calls) == len(asked) else 0
        for part in (open_calls[:middle], open_calls[middle:]):
            if part:
                results.update(zip(part, await self.send([calls[index] for index in part]), strict=True))

    async def _request(self, calls: list[Call]) -> dict[int, _Reply]:
        """Send one HTTP request; return replies by position."""
        ids = [next(self._ids) for _ in calls]
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in zip(ids, calls, strict=True)
        ]
        content = msgspec.json.encode(body if len(body) > 1 else body[0])
        async with self._slots:
            ticket = await self.rate.acquire() if self.rate else 0
            answer = await self._post(content)
            self._answered_before = True
            replies = self._decode(answer, calls, ticket)
        if self.rate:
            self.rate.succeeded()
        positions = {number: position for position, number in enumerate(ids)}
        return {positions[reply.id]: reply for reply in replies if isinstance(reply.id, int) and reply.id in positions}

    async def _post(self, content: bytes) -> httpx.Response:
        try:
            return await self._http.post(self._url, content=content, headers=_HEADERS)
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise Unreachable(f"not a URL of a node: {error}", url=self.safe_url) from error
        except httpx.TransportError as error:
            problem = Unreachable(f"no answer: {str(error) or type(error).__name__}", url=self.safe_url)
            if isinstance(error, httpx.ConnectError) and not self._answered_before:
                raise problem from error  # a wrong URL shows at once; a node that was there may come back
            raise _TryAgain(problem) from error

    def _decode(self, answer: httpx.Response, calls: list[Call], ticket: int) -> list[_Reply]:
        method, status = calls[0][0], answer.status_code
        if status == 429:
            self._slow_down(ticket)
            raise _TryAgain(RateLimited("too many requests", url=self.safe_url, method=method), _retry_after_s(answer))
        if status == 413:
            raise _TooLarge(ChainError("request too large: HTTP 413", url=self.safe_url, method=method))
        try:
            decoded = msgspec.json.decode(answer.content, type=list[_Reply] | _Reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = ChainError(f"answer is not JSON-RPC: HTTP {status}", url=self.safe_url, method=method)
            if status in _TRY_AGAIN_STATUS:
                raise _TryAgain(problem, _retry_after_s(answer)) from error
            raise problem from error
        replies = decoded if isinstance(decoded, list) else [decoded]
        for reply in replies:
            if reply.error is not None:
                self._refuse(reply, len(calls), method, ticket)
        return replies

    def _refuse(self, reply: _Reply, asked: int, method: str, ticket: int) -> None:
        """Act on refusals that concern the request as a whole; leave those of single calls."""
        assert reply.error is not None
        refusal, error = classify(reply.error, method, self.safe_url)
        if refusal is Refusal.LIMITED:
            self._slow_down(ticket)
        if reply.id is None or (asked == 1 and refusal is Refusal.TOO_LARGE):
            if refusal is Refusal.TOO_LARGE:
                raise _TooLarge(error)
            raise _TryAgain(error) if refusal is Refusal.LIMITED else error

    def _sort_out(
        self, calls: Sequence[Call], waiting: list[int], answers: dict[int, _Reply], results: dict[int, msgspec.Raw]
    ) -> _TryAgain | None:
        """Keep results; raise final refusals; return what asks for another try."""
        again: _TryAgain | None = None
        too_large: _TooLarge | None = None
        for position, index in enumerate(waiting):
            method, reply = calls[index][0], answers.get(position)
            if reply is None or (reply.error is None and reply.result is _NO_RESULT):
                again = _TryAgain(ChainError("the node left a call unanswered", url=self.safe_url, method=method))
            elif reply.error is None:
                results[index] = reply.result
            else:
                refusal, error = classify(reply.error, method, self.safe_url)
                if refusal is Refusal.FINAL:
                    raise error
                if refusal is Refusal.LIMITED:
                    again = _TryAgain(error)
                else:
                    too_large = _TooLarge(error)
        if too_large is not None:
            raise too_large
        return again

    def _slow_down(self, ticket: int) -> None:
        if self.rate:
            self.rate.refused(ticket)


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds of the Retry-After header; dates, which nodes do not send, count as absent."""
    text = answer.headers.get("retry-after", "").strip()
    return float(text) if text.replace(".", "", 1).isdigit() else None
