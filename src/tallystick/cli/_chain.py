"""``tally chain``: the embedded chain, kept up in the foreground."""

from __future__ import annotations

import json
import signal
import sys
import threading

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.settings import Settings

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the verb."""
    chain = typer.Typer(
        help="The embedded chain: a local EVM chain with its state in the project.", no_args_is_help=True
    )
    chain.command("up", help=_up.__doc__)(with_settings("project", "embedded_port")(_up))
    chain.command("status", help=_status.__doc__)(with_settings("project", "rpc_url", "chain_id")(_status))
    app.add_typer(chain, name="chain")


def _up(*, settings: Settings, out: Output) -> None:
    """Start the embedded chain, say where it is, and keep it until Ctrl-C.

    Example: tally chain up --embedded-port 8545
    """
    from tallystick.chain import EmbeddedChain
    from tallystick.store import make_folder

    folder = make_folder(settings.project / "chain")
    with EmbeddedChain(folder, settings.embedded_port) as chain:
        stopped = threading.Event()
        signal.signal(signal.SIGINT, lambda *_: stopped.set())
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        accounts = [{"address": account.address, "private_key": account.private_key} for account in chain.accounts]
        lines = [
            f"url       {chain.url}",
            f"chain id  {chain.chain_id}",
            f"state     {folder}",
            "accounts, play money:",
        ]
        lines += [f"  {account['address']}  key {account['private_key']}" for account in accounts]
        facts = {"url": chain.url, "chain_id": chain.chain_id, "accounts": accounts}
        # Not through the redactor: these keys are of a public test phrase and meant to be seen.
        sys.stdout.write((json.dumps(facts) if out.as_json else "\n".join(lines)) + "\n")
        sys.stdout.flush()
        out.say("Ctrl-C stops it; the state is kept.")
        stopped.wait()
    out.say("stopped")


def _status(*, settings: Settings, out: Output) -> None:
    """Say which chain the settings name, and its height.

    Example: tally chain status --rpc-url http://127.0.0.1:8545
    """
    from tallystick.chain import connect, find_running, safe_url
    from tallystick.errors import Unreachable

    url = settings.rpc_url or find_running(settings.project / "chain")
    if url is None:
        cause = f"no embedded chain is up in {settings.project}"
        raise Unreachable(cause, next_step="`tally chain up` starts one; --rpc-url names another.")
    w3 = connect(url, settings.chain_id)
    facts = {"url": safe_url(url), "chain_id": w3.eth.chain_id, "block_number": w3.eth.block_number}
    out.result(facts, rows_text(list(facts.items())))
