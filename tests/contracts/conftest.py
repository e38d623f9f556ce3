"""The contracts compiled from their sources, on titanoboa's EVM; each test starts from empty contracts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.interpret import set_search_paths

_SOURCES = Path(__file__).parents[2] / "contracts"


def _load(name: str) -> Any:
    set_search_paths([str(_SOURCES)])
    return boa.load_partial(str(_SOURCES / f"{name}.vy"))


@pytest.fixture(scope="session")
def registry_deployer() -> Any:
    return _load("ModelRegistry")


@pytest.fixture(scope="session")
def log_deployer() -> Any:
    return _load("PredictionLog")


@pytest.fixture
def registry(registry_deployer: Any) -> Iterator[Any]:
    with boa.env.anchor():
        yield registry_deployer.deploy()


@pytest.fixture
def log(registry: Any, log_deployer: Any) -> Any:
    return log_deployer.deploy(registry.address)
