"""The baselines are honest: nothing, a planted feature, and plain aggregates."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from tallystick.errors import MissingExtra
from tallystick.features import SPEC
from tallystick.learn import AccountRows, Recipe, Split, TimeSplit, judge, verdicts
from tallystick.learn._aggregates import aggregates_after
from tallystick.learn._baselines import always_no, best_single_feature, lightgbm_on_aggregates


@pytest.fixture
def split(rows: AccountRows) -> Split:
    return TimeSplit.at_share(rows, 700_000).apply(rows, SPEC)


def planted(rows: AccountRows, values: np.ndarray, name: str) -> AccountRows:
    matrix = rows.rows.copy()
    matrix[:, SPEC.names.index(name)] = values
    return replace(rows, rows=matrix)


def test_always_no(split: Split, truth: np.ndarray) -> None:
    found = always_no(split)
    assert len(found.score) == len(found.flag) == len(split.test)
    assert not found.flag.any()
    for measures in judge(verdicts(split.test, found), truth, 10_000)["after"].values():
        assert (measures["f1"], measures["precision"], measures["recall"], measures["auc"]) == (0, 0, 0, 0.5)
        assert measures["average_precision"] == measures["positives"] / measures["accounts"]


@pytest.mark.parametrize(("sign", "words"), [(1, "fee_share at least "), (-1, "fee_share at most ")])
def test_best_single_feature_finds_what_was_planted(
    rows: AccountRows, truth: np.ndarray, sign: int, words: str
) -> None:
    noise = np.random.default_rng(1).integers(0, 1_000, len(rows))
    planted_rows = planted(rows, sign * np.where(truth[rows.account] == 1, 5_000, noise), "fee_share")
    parts = TimeSplit.at_share(planted_rows, 700_000).apply(planted_rows, SPEC)
    name, found = best_single_feature(parts, truth)
    assert name.startswith(words)
    after = judge(verdicts(parts.test, found), truth, 10_000)["after"]
    assert all(measures["f1"] == measures["auc"] == 1 for measures in after.values())
    assert np.array_equal(found.flag, truth[parts.test.account] == 1)  # at every row, not only at checkpoints


def test_best_single_feature_looks_at_the_training_accounts_only(rows: AccountRows, truth: np.ndarray) -> None:
    early = TimeSplit.at_share(rows, 700_000)
    first = rows.first_time[rows.account] < early.cutoff
    helps_later = planted(rows, np.where(first, 0, truth[rows.account]), "fee_share")
    name, _ = best_single_feature(early.apply(helps_later, SPEC), truth)
    assert not name.startswith("fee_share")


def test_lightgbm_on_aggregates(split: Split, truth: np.ndarray) -> None:
    one, two = (lightgbm_on_aggregates(split, truth, 1, threads) for threads in (1, 2))
    assert np.array_equal(one.score, two.score)
    assert np.array_equal(one.flag, one.score >= 0.5)
    assert judge(verdicts(split.test, one), truth, 10_000)["after"]["end"]["auc"] > 0.95


def test_lightgbm_on_aggregates_knows_no_more_than_each_rows_past(split: Split, truth: np.ndarray) -> None:
    """The score of a row is the same where the rows after it are not there."""
    whole = lightgbm_on_aggregates(split, truth, 1, 1)
    assert len(whole.score) == len(split.test)
    early = split.test.transfer <= 3
    cut = lightgbm_on_aggregates(Split(split.train, split.test.where(early)), truth, 1, 1)
    assert np.array_equal(cut.score, whole.score[early])
    assert aggregates_after(split.test, np.arange(len(split.test))).shape == (len(split.test), 49)


def test_invalid_without_the_libraries(
    split: Split, truth: np.ndarray, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingExtra, match="lightgbm"):
        lightgbm_on_aggregates(split, truth, 1, 1)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(MissingExtra, match="scikit-learn"):
        best_single_feature(split, truth)
