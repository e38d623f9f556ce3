"""Leakage is an error in every way it could happen, and no split has an account or a second on both sides."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import Leakage, LearnError
from tallystick.features import SPEC, FeatureSpec
from tallystick.learn import AccountRows, GroupFolds, Split, TimeSplit

CUTOFF = 100


def hand_made(account: list[int], time: list[int]) -> AccountRows:
    """Rows of which only accounts and times matter."""
    n = len(account)
    number = np.array([account[: i + 1].count(account[i]) for i in range(n)], np.int64)
    zero = np.zeros(n, np.int64)
    addresses = tuple(bytes(19) + bytes([k]) for k in range(max(account, default=-1) + 1))
    ids, times = np.array(account, np.int64), np.array(time, np.int64)
    return AccountRows(np.zeros((n, 1), np.int64), ids, number, times, zero, zero, zero.astype(bool), addresses)


def other_spec(sees: str) -> FeatureSpec:
    return replace(SPEC, features=(*SPEC.features[:-1], replace(SPEC.features[-1], name="peeks", sees=sees)))


@st.composite
def histories(draw: st.DrawFn) -> AccountRows:
    """Some accounts with rows at rising times."""
    events = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), min_size=2, max_size=40))
    events.sort(key=lambda event: event[0])
    seen: dict[int, int] = {}
    account = [seen.setdefault(name, len(seen)) for _, name in events]
    return hand_made(account, [time for time, _ in events])


@pytest.mark.parametrize("sees", ["labels", "future", ""])
def test_invalid_spec_that_sees_more_than_the_past(rows: AccountRows, sees: str) -> None:
    spec = other_spec(sees)
    split = TimeSplit.at_share(rows, 700_000)
    for refused in (lambda: split.apply(rows, spec), lambda: GroupFolds(3).splits(rows, spec)):
        with pytest.raises(Leakage, match="features see more than the past: peeks") as caught:
            refused()
        assert caught.value.advice == "Leave these features out."


def test_invalid_training_row_at_or_after_the_cutoff() -> None:
    for time in (CUTOFF, CUTOFF + 1):
        split = Split(hand_made([0, 0], [50, time]), hand_made([], []))
        with pytest.raises(Leakage, match=f"a training row is from {time}, not before 100"):
            TimeSplit(CUTOFF).check(split, SPEC)


def test_invalid_judged_account_seen_before_the_cutoff() -> None:
    split = Split(hand_made([0], [50]), hand_made([0, 0], [CUTOFF - 1, 200]))
    with pytest.raises(Leakage, match="a judged row is from 99, before 100"):
        TimeSplit(CUTOFF).check(split, SPEC)


def test_invalid_account_on_both_sides() -> None:
    split = Split(hand_made([0, 1], [50, 60]), hand_made([0, 1], [150, 160]))
    with pytest.raises(Leakage, match="2 accounts are both trained and judged on") as caught:
        TimeSplit(CUTOFF).check(split, SPEC)
    assert caught.value.where["name"] == "0x" + "00" * 20


def test_empty_sides_leak_nothing() -> None:
    TimeSplit(CUTOFF).check(Split(hand_made([], []), hand_made([], [])), SPEC)


def test_apply_drops_late_rows_of_early_accounts() -> None:
    whole = hand_made([0, 1, 0, 2, 2], [10, 20, 100, 100, 110])
    split = TimeSplit(CUTOFF).apply(whole, SPEC)
    assert split.train.account.tolist() == [0, 1]
    assert split.test.account.tolist() == [2, 2]
    assert split.train.addresses == split.test.addresses == whole.addresses


@given(histories(), st.integers(-1, 32))
def test_time_split_shares_no_account_and_no_second(rows: AccountRows, cutoff: int) -> None:
    split = TimeSplit(cutoff).apply(rows, SPEC)
    assert not set(split.train.account) & set(split.test.account)
    assert not set(split.train.time) & set(split.test.time)
    assert all(time < cutoff for time in split.train.time)
    assert all(time >= cutoff for time in split.test.time)
    for account in set(split.test.account.tolist()):  # judged accounts have their whole history
        assert (split.test.account == account).sum() == (rows.account == account).sum()


@given(histories(), st.integers(1, 999_999))
def test_share_splits_or_says_that_it_cannot(rows: AccountRows, share_ppm: int) -> None:
    try:
        protocol = TimeSplit.at_share(rows, share_ppm)
    except LearnError:
        return
    split = protocol.apply(rows, SPEC)
    assert len(split.train)
    assert len(np.unique(split.test.account)) >= len(rows.addresses) * (1_000_000 - share_ppm) / 1_000_000


@given(histories(), st.integers(2, 5))
def test_group_folds_share_no_account_and_judge_each_row_once(rows: AccountRows, folds: int) -> None:
    splits = GroupFolds(folds).splits(rows, SPEC)
    assert len(splits) == folds
    for split in splits:
        assert not set(split.train.account) & set(split.test.account)
        assert len(split.train) + len(split.test) == len(rows)
    assert sum(len(split.test) for split in splits) == len(rows)


def test_at_share_is_a_share_of_the_accounts(rows: AccountRows) -> None:
    split = TimeSplit.at_share(rows, 700_000).apply(rows, SPEC)
    accounts = len(rows.addresses)
    assert len(np.unique(split.test.account)) == accounts - accounts * 7 // 10


@pytest.mark.parametrize("share_ppm", [0, 1, 1_000_000])
def test_invalid_share_leaves_one_side_empty(share_ppm: int) -> None:
    with pytest.raises(LearnError, match=f"a split at {share_ppm} ppm of 3 accounts leaves one side empty"):
        TimeSplit.at_share(hand_made([0, 1, 2], [1, 2, 3]), share_ppm)


def test_invalid_share_where_all_began_together() -> None:
    with pytest.raises(LearnError, match="leaves one side empty"):
        TimeSplit.at_share(hand_made([0, 1, 2], [5, 5, 5]), 700_000)


def test_invalid_folds() -> None:
    with pytest.raises(LearnError, match="at least 2 folds"):
        GroupFolds(1).fold_of([bytes(20)])


_PROGRAM = """
from tallystick.learn import GroupFolds
print(GroupFolds(7).fold_of([bytes([k, 255 - k]) * 10 for k in range(100)]).tolist())
"""


def test_folds_are_the_same_in_another_process() -> None:
    here = GroupFolds(7).fold_of([bytes([k, 255 - k]) * 10 for k in range(100)]).tolist()
    assert here == [int((bytes([k, 255 - k]) * 10).hex(), 16) % 7 for k in range(100)]
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == str(here)
