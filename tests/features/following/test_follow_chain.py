"""The engine beside real reorganisations of the embedded chain."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from tallystick.apps.economy._calls import artifact
from tallystick.chain import EmbeddedChain, RpcClient, run_sync
from tallystick.features import Engine, FollowedEngine, RowsWithdrawn
from tallystick.hashing import keccak256

from .follow_worlds import Kept, check, labels_of, run_to_head

pytestmark = pytest.mark.chain

GAS = hex(300_000)


def call_data(signature: str, *words: int) -> str:
    return "0x" + keccak256(signature.encode())[:4].hex() + "".join(f"{word:064x}" for word in words)


class Traffic:
    """Random transfers on the embedded chain: its coin, a token, approvals, failures, new contracts."""

    def __init__(self, chain: EmbeddedChain, seed: int) -> None:
        self.api, self.draw = chain.api, random.Random(seed)
        self.accounts = [account.address for account in chain.accounts[:6]]
        code = artifact("Token")["bytecode"] + f"{10**24:064x}"
        deploy = {"from": self.accounts[0], "data": "0x" + code.removeprefix("0x"), "gas": hex(3_000_000)}
        self.api.set_automine(False)
        name = self.api.call("eth_sendTransaction", deploy)
        self.api.mine()
        self.token = self.api.call("eth_getTransactionReceipt", name)["contractAddress"]
        self.start = self.api.block_number() + 1
        for account in self.accounts[1:]:
            data = call_data("transfer(address,uint256)", int(account, 16), 10**21)
            self.api.call("eth_sendTransaction", {"from": self.accounts[0], "to": self.token, "data": data, "gas": GAS})
        self.api.mine()

    def transaction(self) -> dict[str, str]:
        draw = self.draw
        sender, other = draw.sample(self.accounts, 2)
        match draw.choice(("coin", "coin", "coin", "token", "token", "approval", "refused", "contract")):
            case "coin":
                return {"from": sender, "to": other, "value": hex(draw.choice((0, 1, 10**18, draw.randrange(10**19))))}
            case "token":
                data = call_data("transfer(address,uint256)", int(other, 16), draw.randrange(10**20))
            case "approval":
                data = call_data("approve(address,uint256)", int(other, 16), 10**30)
            case "refused":
                data = call_data("transfer(address,uint256)", int(other, 16), 10**30)
            case _:
                return {"from": sender, "data": "0x600160005500", "gas": GAS}
        return {"from": sender, "to": self.token, "data": data, "gas": GAS}

    def mine(self, blocks: int) -> None:
        """Blocks of no, one or several transactions, at times of their own."""
        for _ in range(blocks):
            now = int(self.api.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
            for _ in range(self.draw.choice((0, 1, 1, 2, 4))):
                self.api.call("eth_sendTransaction", self.transaction())
            self.api.set_next_block_timestamp(now + self.draw.choice((1, 2, 12, 30)))
            self.api.mine()

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by others, with transactions in some of them."""
        depth = min(depth, self.api.block_number() - self.start)
        if depth > 0:
            places = sorted(self.draw.randrange(depth) for _ in range(self.draw.randrange(6)))
            self.api.call("anvil_reorg", depth, [[self.transaction(), place] for place in places])

    def latest_s(self) -> int:
        return int(self.api.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)


@pytest.fixture
def chain(embedded_chain: EmbeddedChain) -> Iterator[EmbeddedChain]:
    """The session's chain; what the test changes is taken back."""
    name = embedded_chain.api.snapshot()
    yield embedded_chain
    embedded_chain.api.set_automine(True)
    embedded_chain.api.revert(name)


@pytest.mark.parametrize("turns", [12, pytest.param(60, marks=pytest.mark.slow)])
def test_every_reorg_leaves_a_new_engine(chain: EmbeddedChain, tmp_path: Path, turns: int) -> None:
    """Many reorganisations, 1 to 20 blocks deep, with restarts among them, some with a reorganisation meanwhile."""
    traffic = Traffic(chain, seed=3)
    labels = labels_of([*traffic.accounts, traffic.token], traffic.latest_s(), step_s=60)
    followed, kept = FollowedEngine(Engine(labels=labels), traffic.start), Kept()
    traffic.mine(25)
    for turn in range(turns):
        if turn % 4 == 3:
            followed.save(tmp_path)
            traffic.reorganise(traffic.draw.randint(1, 10))
            traffic.mine(traffic.draw.randint(0, 3))
            followed = FollowedEngine.load(tmp_path)
        else:
            run_to_head(followed, kept, chain.url)
        traffic.reorganise(traffic.draw.randint(1, 20))
        run_to_head(followed, kept, chain.url)
        check(followed, kept, labels, chain.url)
        traffic.mine(traffic.draw.randint(0, 4))
    assert 2 * kept.withdrawals > turns  # where empty blocks are replaced, the new ones may be the same blocks
    assert followed.engine._labels.played > 0, "no label began while it ran"


def test_shorter_chain_after_a_snapshot(chain: EmbeddedChain) -> None:
    traffic, kept = Traffic(chain, seed=4), Kept()
    labels = labels_of(traffic.accounts, traffic.latest_s())
    followed = FollowedEngine(Engine(labels=labels), traffic.start)
    name = chain.api.snapshot()
    traffic.mine(9)
    run_to_head(followed, kept, chain.url)
    chain.api.revert(name)
    run_to_head(followed, kept, chain.url)
    assert kept.withdrawals == 1
    check(followed, kept, labels, chain.url)
    traffic.mine(2)
    run_to_head(followed, kept, chain.url)
    check(followed, kept, labels, chain.url)


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_followed_while_it_changes(chain: EmbeddedChain, scheme: str) -> None:
    """Another thread mines and reorganises as fast as it can; nothing is raised, and the end is right."""
    traffic, kept = Traffic(chain, seed=5), Kept()
    labels = labels_of(traffic.accounts, traffic.latest_s())
    followed = FollowedEngine(Engine(labels=labels), traffic.start)
    stopped, failures = Event(), []

    def change() -> None:
        try:
            for turn in range(300):
                if turn >= 20 and kept.withdrawals >= 5:
                    return
                traffic.mine(traffic.draw.randint(1, 3))
                traffic.reorganise(traffic.draw.randint(1, 6))
        except Exception as error:
            failures.append(error)
        finally:
            stopped.set()

    async def run() -> None:
        async with RpcClient(chain.url if scheme == "http" else chain.websocket_url) as client:
            events = followed.follow(client, poll_interval_s=0.005)
            while not stopped.is_set():
                try:
                    kept.take(await asyncio.wait_for(anext(events), 2))
                except (TimeoutError, StopAsyncIteration):  # the chain rests
                    break
            await events.aclose()

    thread = Thread(target=change)
    thread.start()
    run_sync(run())
    thread.join()
    assert not failures
    run_to_head(followed, kept, chain.url)
    check(followed, kept, labels, chain.url)
    assert kept.withdrawals >= 5


def test_withdrawn_rows_are_those_of_the_reorg(chain: EmbeddedChain) -> None:
    traffic, kept = Traffic(chain, seed=6), Kept()
    traffic.mine(12)
    followed = FollowedEngine(Engine(), traffic.start)
    run_to_head(followed, kept, chain.url)
    before, head = followed.blocks, chain.api.block_number()
    chain.api.reorg(7)
    seen: list[Any] = []

    async def run() -> None:
        async with RpcClient(chain.url) as client:
            seen.extend([event async for event in followed.follow(client, stop=head + 1)])

    run_sync(run())
    assert isinstance(seen[0], RowsWithdrawn)
    gone = seen[0].blocks
    assert gone == before[-len(gone) :]
    # Where the removed block was empty, the new one may be the same block.
    assert (gone[0].number, seen[0].to_block) == (seen[0].to_block + 1, gone[0].number - 1)
    assert head - 7 <= seen[0].to_block < head
