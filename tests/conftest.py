from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from tallystick.settings import load_settings

# Compiled functions make a first example slow; a deadline would then fail on luck.
hypothesis_settings.register_profile("tallystick", deadline=None)
hypothesis_settings.load_profile("tallystick")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the public data sets (setting `data`); skips where it is absent, but fails in CI."""
    folder = load_settings().settings.data
    if not folder.is_dir():
        message = f"no data sets at {folder}; set TALLY_DATA"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def embedded_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One embedded chain for the whole session; use `chain.api.snapshot()` and `revert()` around changes."""
    from tallystick.chain import EmbeddedChain

    with EmbeddedChain(tmp_path_factory.mktemp("embedded-chain")) as chain:
        yield chain
