"""An economy that is stopped between two calls, and one whose chain goes on at once: both are taken up again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tallystick.apps.economy import EconomySize, Truth, plan_economy, run_economy
from tallystick.chain import AnvilApi, EmbeddedChain, EmbeddedOptions

pytestmark = pytest.mark.chain
PLAN = plan_economy(1, EconomySize(accounts=60))


def open_chain(folder: Path) -> EmbeddedChain:
    return EmbeddedChain(folder, options=EmbeddedOptions(genesis_timestamp=PLAN.start))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    with open_chain(tmp_path_factory.mktemp("undisturbed")) as chain:
        return run_economy(chain, PLAN)


@pytest.mark.parametrize("after", [1, 40, 150])
def test_stop_between_sending_and_mining(
    undisturbed: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    sent = 0
    batch = AnvilApi.batch

    def stop(self: AnvilApi, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        nonlocal sent
        answer = batch(self, calls)
        sent += bool(calls) and calls[0][0] == "eth_sendTransaction"
        if sent == after:
            sent += 1
            raise KeyboardInterrupt
        return answer

    with open_chain(tmp_path) as chain:
        with monkeypatch.context() as patch:
            patch.setattr(AnvilApi, "batch", stop)
            with pytest.raises(KeyboardInterrupt):
                run_economy(chain, PLAN)
        assert chain.api.call("txpool_status") == {"pending": "0x0", "queued": "0x0"}
        assert chain.api.call("anvil_getAutomine") is True
    with open_chain(tmp_path) as chain:
        assert run_economy(chain, PLAN) == undisturbed


def test_blocks_after_the_economy_in_its_last_second(undisturbed: Truth, tmp_path: Path) -> None:
    with open_chain(tmp_path) as chain:
        assert run_economy(chain, PLAN) == undisturbed
        head = chain.api.call("eth_getBlockByNumber", "latest", False)
        chain.api.call("evm_mine", {"timestamp": int(head["timestamp"], 16), "blocks": 1})
        last = chain.api.call("eth_getBlockByNumber", "latest", False)
        assert (last["timestamp"], last["number"] != head["number"]) == (head["timestamp"], True)
        assert run_economy(chain, PLAN) == undisturbed
