"""How people name a source: ``KIND:PATH_OR_URL[#FIRST:LAST]``."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from tallystick.chain import safe_url
from tallystick.errors import RangeError, SourceError

__all__ = ["ALL_BLOCKS", "BlockRange", "SourceSpec", "parse_block_range", "split_kind", "safe_source"]

_BLOCK_LIMIT: Final = 1 << 32  # block numbers are 32 bit in every table
_NUMBER = re.compile(r"[0-9][0-9_]*", re.ASCII)


@dataclass(frozen=True)
class BlockRange:
    """Half-open range of block numbers; ``None`` leaves a side open.

    Examples
    --------
    >>> 9 in BlockRange(5, 10), 10 in BlockRange(5, 10), str(BlockRange(None, 10))
    (True, False, ':10')
    """

    first: int | None = None
    last: int | None = None

    @property
    def bounds(self) -> tuple[int, int]:
        """Both sides as numbers, half-open; an open side is the limit of a 32-bit block number."""
        return self.first or 0, _BLOCK_LIMIT if self.last is None else self.last

    @property
    def is_open(self) -> bool:
        """True where neither side is given."""
        return self.first is None and self.last is None

    def __contains__(self, block: object) -> bool:
        first, last = self.bounds
        return isinstance(block, int) and first <= block < last

    def __str__(self) -> str:
        first, last = ("" if side is None else str(side) for side in (self.first, self.last))
        return f"{first}:{last}"


ALL_BLOCKS: Final = BlockRange()


@dataclass(frozen=True)
class SourceSpec:
    """A parsed source name.

    Examples
    --------
    >>> str(SourceSpec("xblock", "data/tsgn", BlockRange(5, None)))
    'xblock:data/tsgn#5:'
    """

    kind: str
    path: str
    range: BlockRange = ALL_BLOCKS

    def __str__(self) -> str:
        needs_range = not self.range.is_open or "#" in self.path
        return f"{self.kind}:{self.path}" + (f"#{self.range}" if needs_range else "")


def safe_source(text: str) -> str:
    """Name of a source for messages: of a URL, what may be secret in it is left out.

    Examples
    --------
    >>> safe_source("rpc:https://node.example/v3/0123456789abcdef#5:9")
    'rpc:https://node.example/…#5:9'
    >>> safe_source("xblock:data/tsgn")
    'xblock:data/tsgn'
    """
    kind, colon, rest = text.partition(":")
    if "://" not in rest:
        return text
    url, mark, blocks = rest.partition("#")
    return f"{kind}{colon}{safe_url(url)}{mark}{blocks}"


def split_kind(text: str, kinds: Collection[str], what: str = "source") -> tuple[str, str]:
    """Split ``KIND:REST`` and check the kind.

    Raises
    ------
    SourceError
        No kind, an unknown kind (with the nearest known one), or nothing after it.
    """
    kind, colon, rest = text.partition(":")
    known = ", ".join(sorted(kinds))
    if not colon:
        raise SourceError(f"a {what} is written KIND:PATH; kinds are {known}", name=text)
    if kind not in kinds:
        close = get_close_matches(kind, list(kinds), n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"kinds are {known}"
        raise SourceError(f"unknown kind of {what} {kind!r}; {hint}", name=text)
    if not rest or rest.startswith("#"):
        raise SourceError(f"no path or URL after {kind!r}", name=text)
    return kind, rest


def parse_block_range(text: str) -> BlockRange:
    """Read ``FIRST:LAST``, half-open; either side may be empty.

    Raises
    ------
    RangeError
        No colon, a side that is not a number, 2**32 or more, or ``FIRST > LAST``.

    Examples
    --------
    >>> parse_block_range("10:20"), parse_block_range(":1_000")
    (BlockRange(first=10, last=20), BlockRange(first=None, last=1000))
    """
    first_text, colon, last_text = text.partition(":")
    if not colon:
        raise RangeError("a block range is written FIRST:LAST, half-open", value=text)
    first, last = _side(first_text, text), _side(last_text, text)
    if first is not None and last is not None and first > last:
        raise RangeError(f"block range is backwards: {first} > {last}", value=text)
    return BlockRange(first, last)


def _side(side: str, text: str) -> int | None:
    if not side:
        return None
    if _NUMBER.fullmatch(side) is None or len(side) > 20:
        raise RangeError(f"{side[:40]!r} is not a block number", value=text[:80])
    number = int(side)
    if number > _BLOCK_LIMIT:
        raise RangeError(f"block number {number} is above 2**32", value=text)
    return number
