from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tallystick.apps.economy import (
    Category,
    EconomySize,
    Kind,
    Plan,
    plan_economy,
    read_truth,
    run_economy,
    write_truth,
)
from tallystick.apps.economy._calls import MIXER_NOTE_WEI
from tallystick.chain import AnvilApi, EmbeddedChain, EmbeddedOptions
from tallystick.errors import ChainError, Corrupt, TransactionFailed
from tallystick.store import LABELS, check_table
from tallystick.units import Wei, format_address

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_economy(11, EconomySize(accounts=80, days=60))


def _chain(folder: Path, plan: Plan) -> EmbeddedChain:
    options = EmbeddedOptions(accounts=1, genesis_timestamp=plan.start)
    return EmbeddedChain(folder, options=options)


@pytest.fixture(scope="module")
def done(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The plan carried out, the chain it is on, and the progress that was told."""
    told: list[tuple[int, int]] = []
    with _chain(tmp_path_factory.mktemp("economy"), plan) as chain:
        yield run_economy(chain, plan, lambda *progress: told.append(progress)), chain, told


def test_run_makes_every_planned_transaction(plan: Plan, done: Any) -> None:
    truth, chain, told = done
    accounts = {account.name: account for account in plan.accounts}
    number = truth.first_block
    for time, group in groupby(plan.actions, key=lambda action: action.timestamp):
        actions, block = list(group), chain.api.call("eth_getBlockByNumber", hex(number), True)
        assert int(block["timestamp"], 16) == time
        for action, tx in zip(actions, block["transactions"], strict=True):
            assert tx["from"] == format_address(accounts[action.sender].address)
            assert int(tx["value"], 16) == action.value_wei
            assert int(tx["nonce"], 16) == action.nonce
            assert int(tx["gasPrice"], 16) == action.gas_price_wei
            if action.kind is not Kind.DEPLOY:
                assert tx["to"] == format_address(accounts[action.target].address)
        number += 1
    assert number - 1 == truth.last_block
    assert truth.transactions == len(plan.actions)
    assert told[-1] == (len(plan.actions), len(plan.actions))
    assert len(told) == plan.blocks


def test_run_reports_only_planned_failures(plan: Plan, done: Any) -> None:
    truth = done[0]
    assert truth.unexpected == ()
    assert truth.reverted == sum(not action.succeeds for action in plan.actions)
    assert truth.time_shift_s == 0
    assert truth.plan_digest == plan.digest()
    assert truth.gas_used > 21_000 * len(plan.actions)


def test_run_leaves_contracts_where_they_were_planned(done: Any) -> None:
    truth, chain, _ = done
    for name in ("token", "exchange", "mixer"):
        assert len(chain.api.call("eth_getCode", truth.address_of(name), "latest")) > 100


def test_run_mixer_holds_the_notes_not_yet_taken(plan: Plan, done: Any) -> None:
    truth, chain, _ = done
    kinds = [action.kind for action in plan.actions]
    left = kinds.count(Kind.MIXER_DEPOSIT) - kinds.count(Kind.MIXER_WITHDRAW)
    assert int(chain.api.call("eth_getBalance", truth.address_of("mixer"), "latest"), 16) == left * MIXER_NOTE_WEI


def test_run_again_on_the_same_chain_only_reads(plan: Plan, done: Any) -> None:
    truth, chain, _ = done
    head = chain.api.block_number()
    assert run_economy(chain.api, plan) == truth
    assert chain.api.block_number() == head
    assert chain.api.call("anvil_getAutomine") is True


def test_run_on_a_fresh_chain_gives_the_same_blocks_after_an_interruption(
    plan: Plan, done: Any, tmp_path: Path
) -> None:
    def stop(finished: int, total: int) -> None:
        if finished > total // 2:
            raise KeyboardInterrupt

    with _chain(tmp_path, plan) as chain:
        with pytest.raises(KeyboardInterrupt):
            run_economy(chain, plan, stop)
        assert run_economy(chain, plan) == done[0]


def test_run_shifts_times_on_a_chain_that_is_later(plan: Plan, tmp_path: Path) -> None:
    few = replace(plan, actions=plan.actions[:40])
    later = replace(plan, start=plan.actions[0].timestamp + 10_000)
    with _chain(tmp_path, later) as chain:
        truth = run_economy(chain, few)
        assert truth.time_shift_s == 3 * plan.size.block_s
        assert run_economy(chain, few) == truth


def test_run_names_unexpected_failures(plan: Plan, tmp_path: Path) -> None:
    wrong = replace(plan.actions[0], succeeds=False)
    with _chain(tmp_path, plan) as chain:
        truth = run_economy(chain, replace(plan, actions=(wrong, *plan.actions[1:6])))
    assert len(truth.unexpected) == 1
    assert "deploy of market-maker (nonce 0) succeeded" in truth.unexpected[0]


def test_invalid_run_poor_account_and_other_history(plan: Plan, tmp_path: Path) -> None:
    poor = tuple(replace(account, start_wei=Wei(0)) for account in plan.accounts)
    with _chain(tmp_path, plan) as chain:
        with pytest.raises(TransactionFailed, match="refused: Insufficient funds"):
            run_economy(chain, replace(plan, accounts=poor))
        run_economy(chain, replace(plan, actions=plan.actions[:6]))
        first, rest = plan.actions[0], plan.actions[1:]
        other = replace(first, sender=plan.actions[10].sender)
        with pytest.raises(ChainError, match="other transactions of these accounts"):
            run_economy(chain, replace(plan, actions=(other, *rest)))


class _Altered(AnvilApi):
    """Answers like the chain but for one method."""

    def __init__(self, url: str, method: str, change: Any) -> None:
        super().__init__(url)
        self._method, self._change = method, change

    def batch(self, calls: Any) -> list[Any]:
        answers = super().batch(calls)
        return [
            self._change(answer) if call[0] == self._method else answer
            for call, answer in zip(calls, answers, strict=True)
        ]


@pytest.mark.parametrize(
    ("method", "change", "cause"),
    [
        ("eth_getBlockReceipts", lambda found: found[:-1], "does not hold the planned transactions"),
        ("eth_getBlockByNumber", lambda found: {**found, "timestamp": "0x1", "transactions": []}, "no longer has"),
    ],
)
def test_invalid_run_history_that_differs(plan: Plan, done: Any, method: str, change: Any, cause: str) -> None:
    with _Altered(done[1].url, method, change) as api, pytest.raises(ChainError, match=cause):
        run_economy(api, plan)


def test_invalid_run_missing_block(plan: Plan, done: Any) -> None:
    last = hex(plan.actions[-1].timestamp)
    with _Altered(
        done[1].url,
        "eth_getBlockByNumber",
        lambda found: {**found, "timestamp": "0x1"} if found["timestamp"] == last else found,
    ) as api, pytest.raises(TransactionFailed, match="no block has the time"):  # fmt: skip
        run_economy(api, plan)


def test_truth_round_trip_and_labels(plan: Plan, done: Any, tmp_path: Path) -> None:
    truth = done[0]
    record, table = write_truth(truth, tmp_path / "new")
    assert read_truth(record) == truth
    labels = check_table(pq.read_table(table), LABELS)
    assert labels == truth.labels()
    assert labels.num_rows == len(plan.accounts)
    assert set(labels["category"].to_pylist()) == {category.value for category in Category}
    assert sum(truth.counts().values()) == labels.num_rows
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["labels.parquet", "truth.json"]


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 2}', '{"version": 1}', '{"version": 1, "plan_digest": "0x"}'])
def test_invalid_truth(tmp_path: Path, text: str) -> None:
    (tmp_path / "truth.json").write_text(text)
    with pytest.raises(Corrupt):
        read_truth(tmp_path / "truth.json")
