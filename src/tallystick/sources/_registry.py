"""Back-ends by kind: ours by name, others by entry point, each loaded when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from tallystick.errors import SourceError
from tallystick.sources._source import Source

__all__ = ["SOURCE_GROUP", "installed", "load", "source_class", "source_kinds"]

SOURCE_GROUP: Final = "tallystick.sources"

_SOURCES: Final = {
    "blocks": "tallystick.sources._blocks:BlocksSource",
    "cryo": "tallystick.sources._cryo:CryoSource",
    "etl": "tallystick.sources._etl:EtlSource",
    "generated": "tallystick.sources._generated:GeneratedSource",
    "rpc": "tallystick.sources._rpc:RpcSource",
    "tedge": "tallystick.sources._tedge:TedgeSource",
    "xblock": "tallystick.sources._xblock:XblockSource",
}


def installed(group: str, own: dict[str, str]) -> dict[str, str]:
    """``module:attribute`` by kind: other packages' entry points, then our own, which win."""
    found: dict[str, str] = {point.name: point.value for point in _points(group)}
    return found | own


def _points(group: str) -> list[EntryPoint]:
    return list(entry_points(group=group))


def load(target: str, kind: str) -> Any:
    """Import what ``module:attribute`` names.

    Raises
    ------
    SourceError
        The module or its attribute cannot be loaded.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SourceError(f"back-end {target} of kind {kind!r} cannot be loaded: {error}", name=kind) from error


def source_kinds() -> list[str]:
    """Every known kind of source, sorted; loads none of them."""
    return sorted(installed(SOURCE_GROUP, _SOURCES))


def source_class(kind: str) -> type[Source]:
    """Back-end class of a known kind."""
    found: type[Source] = load(installed(SOURCE_GROUP, _SOURCES)[kind], kind)
    assert issubclass(found, Source), f"{found} is not a Source"
    return found
