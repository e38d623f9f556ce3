"""One small world and one program for all tests of the application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.apps.fraud import LedgerSession, Scored, Scorer, open_ledger, score_stream
from tallystick.exact import Program
from tallystick.settings import Settings
from tallystick.store import Project

from .world import World, make_program, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def program(world: World) -> Program:
    return make_program(world)


@pytest.fixture
def scorer(program: Program) -> Scorer:
    return Scorer(program)


@pytest.fixture(scope="session")
def scored(world: World, program: Program) -> Scored:
    """The whole world in one piece."""
    scorer = Scorer(program)
    (only,) = score_stream(world.source(), scorer)
    return only


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(commit_transfers=200)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.open(tmp_path / "project") as opened:
        yield opened


@pytest.fixture(scope="session")
def ledger(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> Iterator[LedgerSession]:
    """An embedded chain of this application's own."""
    with open_ledger(tmp_path_factory.mktemp("fraud-chain"), settings) as session:
        yield session
