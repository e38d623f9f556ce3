"""One small world, its rows and its labels for all tests of learning."""

from __future__ import annotations

import numpy as np
import pytest

from tallystick.learn import AccountRows, Recipe, label_array

from .streams import World, make_world


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def rows(world: World) -> AccountRows:
    return world.rows()


@pytest.fixture(scope="session")
def truth(world: World, rows: AccountRows) -> np.ndarray:
    return label_array(rows, world.labels)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Few trees: enough to tell the habits apart."""
    return Recipe(rounds=30)
