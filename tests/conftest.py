from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.settings import load_settings


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the public data sets (setting `data`); skips where it is absent."""
    folder = load_settings().settings.data
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}; set TALLY_DATA")
    return folder


@pytest.fixture(scope="session")
def embedded_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """One embedded chain for the whole session; use `chain.api.snapshot()` and `revert()` around changes."""
    from tallystick.chain import EmbeddedChain

    with EmbeddedChain(tmp_path_factory.mktemp("embedded-chain")) as chain:
        yield chain
