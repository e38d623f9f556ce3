"""``tally program deploy``, on embedded chains and on one that another process keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.chain import connect
from tallystick.exact import save_program

from ..exact.kinds import random_linear
from ..exact.programs import program
from .calls import call, good
from .conftest import Kept

pytestmark = pytest.mark.chain


def test_deploy_and_again() -> None:
    save_program(program(), "p.tally")
    first = good("program", "deploy", "p.tally", "-o", "r.json", "--json").json
    assert (first["contracts"], first["sent"]) == (1, True)
    assert first["gas_used"] > 100_000
    receipt = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert receipt["program_hash"] == "0x" + program().hash.hex() == first["program_hash"]
    again = good("program", "deploy", "p.tally")
    assert "is there" in again.err
    assert "probe_rows    16 agree" in again.out
    assert f"deployment-31337-{program().hash.hex()[:8]}-branch.json" in again.out


def test_other_kinds_take_the_dense_target() -> None:
    save_program(random_linear(2), "p.tally")
    assert good("program", "deploy", "p.tally", "--json").json["contracts"] >= 1
    assert "the dense target" in call("program", "deploy", "p.tally", "--target", "branch").err


def test_nothing_is_sent_without_broadcast(kept: Kept) -> None:
    save_program(program(base=77), "p.tally")
    plan = good("program", "deploy", "p.tally", "--rpc-url", kept.url, "--json").json
    assert (plan["sent"], plan["contracts"][0]["exists"]) == (False, False)
    assert "no EVM target of this name" in call("program", "deploy", "p.tally", "--target", "branhc").err


def test_a_second_time_nothing_is_sent(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """The factory is used where it is; no copy of it is made."""
    save_program(program(base=78), "p.tally")
    monkeypatch.setenv("TALLY_PRIVATE_KEY", kept.accounts[1]["private_key"])
    flags = ("--rpc-url", kept.url, "--broadcast", "--json")
    w3 = connect(kept.url)
    sender = w3.to_checksum_address(kept.accounts[1]["address"])
    before = w3.eth.get_transaction_count(sender)
    assert good("program", "deploy", "p.tally", *flags).json["sent"]
    assert w3.eth.get_transaction_count(sender) == before + 1
    assert not good("program", "deploy", "p.tally", *flags).json["sent"]
    assert w3.eth.get_transaction_count(sender) == before + 1


def test_invalid_factory(kept: Kept) -> None:
    save_program(program(base=79), "p.tally")
    flags = ("--rpc-url", kept.url, "--factory")
    assert "no deployment factory" in call("program", "deploy", "p.tally", *flags, "0x" + "12" * 20).err
    assert call("program", "deploy", "p.tally", *flags, "12").code == 2
