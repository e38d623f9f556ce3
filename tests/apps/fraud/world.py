"""The labelled stream of the tests of learning, and a program trained on it."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tallystick.exact import Program
from tallystick.learn import Recipe, calibrated_fit, label_array


def _load() -> ModuleType:
    spec = spec_from_file_location("labelled_streams", Path(__file__).parents[2] / "learn" / "streams.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_streams = _load()
World, TableSource, make_world = _streams.World, _streams.TableSource, _streams.make_world


def make_program(world: World, rounds: int = 30, threads: int = 1) -> Program:
    """Train on the whole world."""
    rows = world.rows()
    return calibrated_fit(rows, label_array(rows, world.labels), Recipe(rounds=rounds, threads=threads))
