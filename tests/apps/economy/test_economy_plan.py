from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import groupby
from statistics import median

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.apps.economy import Category, EconomySize, Kind, Plan, plan_economy
from tallystick.apps.economy._calls import MIXER_DELAY_S, MIXER_FEE_WEI, MIXER_NOTE_WEI, TOKEN_SUPPLY, calldata
from tallystick.errors import RangeError

_SMALL = EconomySize(accounts=60, days=20)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_economy(1)


def _digest_in_other_process(hash_seed: str) -> str:
    code = "from tallystick.apps.economy import *; print(plan_economy(7, EconomySize(60, 20)).digest().hex())"
    environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_plan_is_the_same_under_every_hash_seed() -> None:
    here = plan_economy(7, _SMALL).digest().hex()
    assert {here} == {_digest_in_other_process(seed) for seed in ("0", "1")}


def test_plan_depends_on_seed_size_and_start() -> None:
    plans = [plan_economy(1, _SMALL), plan_economy(2, _SMALL), plan_economy(1, EconomySize(61, 20)),
             plan_economy(1, EconomySize(60, 20, 1_800)), plan_economy(1, _SMALL, 1_600_000_000)]  # fmt: skip
    assert len({plan.digest() for plan in plans}) == len(plans)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1), st.sampled_from([60, 120]), st.sampled_from([10, 30]), st.sampled_from([600, 3_600]))
def test_plan_never_spends_what_is_not_there(seed: int, accounts: int, days: int, block_s: int) -> None:
    _replay(plan_economy(seed, EconomySize(accounts, days, block_s)))


def test_plan_of_default_size_never_spends_what_is_not_there(plan: Plan) -> None:
    _replay(plan)


def _replay(plan: Plan) -> None:
    """Independent books: full gas limits are paid, a block spends only what stood there before it."""
    coin = defaultdict(int, {account.name: account.start_wei for account in plan.accounts})
    tokens: defaultdict[str, int] = defaultdict(int)
    notes: dict[int, tuple[int, str]] = {}
    pool = [0, 0]
    nonces: Counter[str] = Counter()
    for time, block in groupby(plan.actions, key=lambda action: action.timestamp):
        arriving_coin: Counter[str] = Counter()
        arriving_tokens: Counter[str] = Counter()
        gas, price = 0, 1 << 256
        for act in block:
            assert act.nonce == nonces[act.sender]
            nonces[act.sender] += 1
            assert 0 < act.gas_price_wei < price
            gas, price = gas + act.gas_limit, act.gas_price_wei
            coin[act.sender] -= act.value_wei + act.gas_limit * act.gas_price_wei
            assert coin[act.sender] >= 0
            if act.kind is Kind.TRANSFER:
                arriving_coin[act.target] += act.value_wei
            elif act.kind is Kind.DEPLOY and act.target == "token":
                arriving_tokens[act.sender] += TOKEN_SUPPLY
            elif act.kind is Kind.SEED:
                pool = [act.value_wei, act.amount]
                arriving_tokens[act.sender] -= act.amount
            elif act.kind is Kind.TOKEN_TRANSFER and act.succeeds:
                tokens[act.sender] -= act.amount
                arriving_tokens[act.beneficiary] += act.amount
            elif act.kind is Kind.BUY:
                units = 997 * act.value_wei * pool[1] // (1_000 * pool[0] + 997 * act.value_wei)
                pool = [pool[0] + act.value_wei, pool[1] - units]
                arriving_tokens[act.sender] += units
            elif act.kind is Kind.SELL:
                got = 997 * act.amount * pool[0] // (1_000 * pool[1] + 997 * act.amount)
                pool = [pool[0] - got, pool[1] + act.amount]
                tokens[act.sender] -= act.amount
                arriving_coin[act.sender] += got
            elif act.kind is Kind.MIXER_DEPOSIT:
                assert act.amount not in notes
                assert act.value_wei == MIXER_NOTE_WEI
                notes[act.amount] = (time, act.beneficiary)
            elif act.kind is Kind.MIXER_WITHDRAW:
                since, owner = notes.pop(act.amount)
                assert owner == act.beneficiary
                assert time >= since + MIXER_DELAY_S
                arriving_coin[owner] += MIXER_NOTE_WEI - MIXER_FEE_WEI
                arriving_coin[act.sender] += MIXER_FEE_WEI
            elif act.kind is Kind.TOKEN_TRANSFER:
                assert act.amount > tokens[act.sender]
            assert tokens[act.sender] >= 0
        assert gas <= 15_000_000
        for name, wei in arriving_coin.items():
            coin[name] += wei
        for name, units in arriving_tokens.items():
            tokens[name] += units
    assert sum(tokens.values()) + pool[1] == TOKEN_SUPPLY


def test_plan_is_in_time_order_on_the_block_grid(plan: Plan) -> None:
    times = [action.timestamp for action in plan.actions]
    assert times == sorted(times)
    assert all((time - plan.start) % plan.size.block_s == 0 for time in times)
    assert plan.start < times[0]
    assert times[-1] <= plan.end
    assert plan.blocks == len(set(times))


@pytest.mark.parametrize("accounts", [300, 600, 1_200])
def test_plan_has_the_size_asked_for(accounts: int) -> None:
    plan = plan_economy(3, EconomySize(accounts=accounts))
    assert accounts * 9 // 10 <= len(plan.accounts) <= accounts * 11 // 10
    assert 8 * accounts <= len(plan.actions) <= 13 * accounts


@pytest.mark.parametrize("accounts", [40, 100])
def test_plan_small_size_has_up_to_twice_the_accounts(accounts: int) -> None:
    assert accounts <= len(plan_economy(3, EconomySize(accounts=accounts)).accounts) <= 2 * accounts


def test_plan_truth_covers_every_account_and_category(plan: Plan) -> None:
    names = {account.name for account in plan.accounts}
    used = {name for act in plan.actions for name in (act.sender, act.target, act.beneficiary) if name}
    assert names == used
    assert len({account.address for account in plan.accounts}) == len(names)
    assert {account.category for account in plan.accounts} == set(Category)
    assert {action.kind for action in plan.actions} == set(Kind)
    assert any(not action.succeeds for action in plan.actions)


def test_plan_smallest_size_has_every_category() -> None:
    plan = plan_economy(5, EconomySize(accounts=40, days=60))
    assert {account.category for account in plan.accounts} == set(Category)


def test_plan_calldata_of_every_action(plan: Plan) -> None:
    accounts = {account.name: account for account in plan.accounts}
    sizes = {kind: {len(calldata(act, accounts, 1)) for act in plan.actions if act.kind is kind} for kind in Kind}
    assert sizes[Kind.TRANSFER] == {0}
    assert sizes[Kind.TOKEN_TRANSFER] == sizes[Kind.SELL] == sizes[Kind.MIXER_WITHDRAW] == {68}
    assert sizes[Kind.BUY] == sizes[Kind.MIXER_DEPOSIT] == {36}


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"accounts": 39}, "accounts must be in"),
        ({"accounts": 100_001}, "accounts must be in"),
        ({"days": 6}, "days must be in"),
        ({"block_s": 11}, "block_s must be in"),
    ],
)
def test_invalid_size(arguments: dict[str, int], cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        EconomySize(**arguments)


@pytest.mark.parametrize(("seed", "start"), [(-1, 0), (1 << 31, 0), (1, -1), (1, 1 << 32)])
def test_invalid_seed_or_start(seed: int, start: int) -> None:
    with pytest.raises(RangeError):
        plan_economy(seed, _SMALL, start)


def _collected(plan: Plan, roles: set[str]) -> dict[str, list[tuple[int, str, int]]]:
    wanted = {account.name for account in plan.accounts if account.role in roles}
    receipts: dict[str, list[tuple[int, str, int]]] = {name: [] for name in wanted}
    for act in plan.actions:
        if act.kind is Kind.TRANSFER and act.target in wanted:
            receipts[act.target].append((act.timestamp, act.sender, act.value_wei))
    return receipts


def test_plan_structuring_stays_below_the_threshold(plan: Plan) -> None:
    receipts = _collected(plan, {"hand", "gatherer"})
    amounts = [wei for rows in receipts.values() for _, _, wei in rows]
    assert len(amounts) > 100
    assert max(amounts) < 10 * 10**18
    assert sum(wei > 9 * 10**18 for wei in amounts) > len(amounts) // 3


def test_plan_rings_send_tokens_among_themselves(plan: Plan) -> None:
    ring = {account.name for account in plan.accounts if account.category is Category.WASH}
    inside = [act for act in plan.actions if act.kind is Kind.TOKEN_TRANSFER and act.sender in ring]
    assert len(inside) > 20
    assert all(act.beneficiary in ring for act in inside)


@pytest.mark.data
def test_plan_collectors_look_like_real_ones(data_dir: object) -> None:
    """Medians over collectors of three economies lie within a factor of 2.5 of those of 679 real ones."""
    real = _real_medians(str(data_dir), "phishing")
    planted: list[tuple[float, ...]] = []
    for seed in range(3):
        for rows in _collected(plan_economy(seed), {"collector"}).values():
            if rows:
                values = [wei / 1e18 for _, _, wei in rows]
                planted.append((len(rows), len({who for _, who, _ in rows}), median(values), sum(values)))
    for index, name in enumerate(("receipts", "payers", "typical", "total")):
        ours = median(row[index] for row in planted)
        assert real[name] / 2.5 < ours < real[name] * 2.5, name


def _real_medians(folder: str, label: str) -> dict[str, float]:
    labels = pl.read_csv(f"{folder}/tsgn/labels.csv.gz").filter(pl.col("label") == label)
    rows = pl.read_csv(f"{folder}/tsgn/transactions.csv.gz", columns=["from", "to", "value_eth"],
                       schema_overrides={"value_eth": pl.Float64})  # fmt: skip
    each = rows.join(labels, left_on="to", right_on="address").group_by("to").agg(
        receipts=pl.len(), payers=pl.col("from").n_unique(), typical=pl.col("value_eth").median(),
        total=pl.col("value_eth").sum(),
    )  # fmt: skip
    return {name: float(each[name].median()) for name in ("receipts", "payers", "typical", "total")}
