"""Follow the embedded chain through a reorganisation, and compare with an engine that never saw it.

    python examples/follow_chain.py

Starts the embedded chain in a folder that is removed afterwards, makes payments, replaces the last blocks, and shows
which rows are withdrawn. At the end the state's hash is that of a new engine on the canonical chain.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tallystick.chain import EmbeddedChain, RpcClient, run_sync
from tallystick.features import Engine, FollowedEngine, RowsAdded


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(text + "\n")


def pay(chain: EmbeddedChain, payments: int) -> None:
    """One block with payments around a ring of accounts."""
    for k in range(payments):
        sender, recipient = (chain.accounts[(k + step) % len(chain.accounts)].address for step in (0, 1))
        payment = {"from": sender, "to": recipient, "value": hex((k + 1) * 10**18)}
        chain.api.call("eth_sendTransaction", payment)
    chain.api.mine()


async def follow_to_head(followed: FollowedEngine, url: str) -> None:
    """Take every block up to the head, and say what happens."""
    async with RpcClient(url) as client:
        head = await client.block_number()
        async for event in followed.follow(client, stop=head + 1):
            first, last = event.blocks[0].number, event.blocks[-1].number
            if isinstance(event, RowsAdded):
                say(f"blocks {first} to {last}: {len(event.features.rows)} rows added")
            else:
                say(f"blocks {first} to {last}: {2 * event.transfers} rows withdrawn, {event.to_block} stays")


def main() -> None:
    """Run the example."""
    with TemporaryDirectory() as folder, EmbeddedChain(Path(folder, "chain")) as chain:
        chain.api.set_automine(False)
        followed = FollowedEngine(Engine(), start=0)
        for payments in (3, 2, 0, 4):
            pay(chain, payments)
        run_sync(follow_to_head(followed, chain.url))
        followed.save(Path(folder, "followed"))
        say("the last 3 blocks are replaced while nobody follows")
        chain.api.reorg(3)
        pay(chain, 1)
        followed = FollowedEngine.load(Path(folder, "followed"))
        run_sync(follow_to_head(followed, chain.url))
        say("a new engine reads the canonical chain")
        fresh = FollowedEngine(Engine(), start=0)
        run_sync(follow_to_head(fresh, chain.url))
        same = fresh.engine.state_hash() == followed.engine.state_hash()
        say(f"state {followed.engine.state_hash().hex()[:16]}…: {'the same' if same else 'DIFFERENT'}")
        sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
