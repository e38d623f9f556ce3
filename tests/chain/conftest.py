from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallystick.chain import EmbeddedChain


@pytest.fixture
def anvil(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    """The session's chain; what the test changes is taken back."""
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.set_automine(True)
    embedded_chain.api.revert(name)
