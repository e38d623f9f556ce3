"""From the name of a source to the source."""

from __future__ import annotations

from tallystick.settings import Settings
from tallystick.sources._registry import source_class, source_kinds
from tallystick.sources._source import Source
from tallystick.sources._spec import SourceSpec, parse_block_range, split_kind

__all__ = ["open_source", "parse_source"]


def parse_source(text: str) -> SourceSpec:
    """Read ``KIND:PATH_OR_URL[#FIRST:LAST]``.

    What follows the last ``#`` is a half-open range of blocks, either side of which may be empty. A
    path that itself holds a ``#`` needs one more at its end, with the range or ``#:``.

    Raises
    ------
    SourceError
        No kind, an unknown kind, or no path.
    RangeError
        The range is not two numbers, or backwards.

    Examples
    --------
    >>> parse_source("xblock:data/tsgn#4000000:5000000")
    SourceSpec(kind='xblock', path='data/tsgn', range=BlockRange(first=4000000, last=5000000))
    """
    kind, rest = split_kind(text, source_kinds())
    path, mark, blocks = rest.rpartition("#")
    if not mark:
        return SourceSpec(kind, rest)
    return SourceSpec(kind, path, parse_block_range(blocks))


def open_source(source: SourceSpec | str, *, settings: Settings | None = None, skip_bad_rows: bool = False) -> Source:
    """Open a source by its name; nothing is read yet.

    Parameters
    ----------
    source
        A name as :func:`parse_source` reads it, or what it gave.
    settings
        Settings of the run; the defaults when omitted.
    skip_bad_rows
        Count malformed rows and leave them out, instead of stopping at the first.

    Raises
    ------
    SourceError, RangeError
        As :func:`parse_source`.
    """
    spec = parse_source(source) if isinstance(source, str) else source
    if not isinstance(source, str):
        split_kind(str(spec), source_kinds())
    return source_class(spec.kind)(spec, settings=settings, skip_bad_rows=skip_bad_rows)
