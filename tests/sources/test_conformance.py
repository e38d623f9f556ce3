from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tallystick.errors import SourceError
from tallystick.sources import Source, open_source, source_class, source_kinds

from .checks import CHECKS
from .worlds import WORLDS, Opener


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("kind", source_kinds())
def test_every_kind_conforms(kind: str, check: Callable[[Opener], None], tmp_path: Path) -> None:
    check(WORLDS[kind](tmp_path))


@pytest.mark.parametrize("kind", source_kinds())
def test_class_bears_its_kind(kind: str) -> None:
    assert source_class(kind).kind == kind


class ElsewhereSource(source_class("xblock")):
    kind = "elsewhere"


def test_kinds_of_other_packages_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("elsewhere", f"{__name__}:ElsewhereSource", "tallystick.sources"),
        EntryPoint("broken", "no_such_module:Source", "tallystick.sources"),
        EntryPoint("xblock", "no_such_module:Source", "tallystick.sources"),
    ]
    monkeypatch.setattr("tallystick.sources._registry._points", lambda group: points)
    assert {"broken", "elsewhere"} <= set(source_kinds())
    opened = open_source("elsewhere:somewhere")
    assert isinstance(opened, Source)
    assert opened.kind == "elsewhere"
    assert source_class("xblock").kind == "xblock", "our own kinds cannot be replaced"
    with pytest.raises(SourceError, match="cannot be loaded"):
        open_source("broken:somewhere")
