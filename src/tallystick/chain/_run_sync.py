"""Let synchronous callers use the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

__all__ = ["iterate_sync", "run_sync"]

T = TypeVar("T")


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a loop of its own; not for use inside a running loop.

    Examples
    --------
    >>> async def answer() -> int:
    ...     return 42
    >>> run_sync(answer())
    42
    """
    return asyncio.run(coroutine)


def iterate_sync(items: AsyncIterator[T]) -> Iterator[T]:
    """Iterate over an asynchronous iterator, on a loop of its own; closes it when the caller stops early.

    Examples
    --------
    >>> async def count() -> AsyncIterator[int]:
    ...     yield 1
    ...     yield 2
    >>> list(iterate_sync(count()))
    [1, 2]
    """
    with asyncio.Runner() as runner:
        try:
            while True:
                try:
                    item = runner.run(_next(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            close = getattr(items, "aclose", None)
            if close is not None:
                runner.run(close())


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)
