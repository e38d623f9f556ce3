from __future__ import annotations

import numpy as np
import pytest
from _features.resample import RESAMPLES, Judged, Scores, average_precision, best_bar, compare, f1
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

# Few distinct scores, so that there are ties.
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(1, 4)), min_size=2, max_size=40).filter(
    lambda rows: any(truth for truth, _, _ in rows)
)


def columns(rows: list[tuple[bool, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth, score, weight = (np.array(column) for column in zip(*rows, strict=True))
    return truth, score.astype(float), weight.astype(float)


@given(ROWS)
def test_average_precision_is_that_of_scikit_learn(rows: list[tuple[bool, int, int]]) -> None:
    truth, score, weight = columns(rows)
    expected = metrics.average_precision_score(truth, score, sample_weight=weight)
    assert average_precision(truth, score)(weight) == pytest.approx(expected)


@given(ROWS, st.integers(0, 6))
def test_f1_is_that_of_scikit_learn(rows: list[tuple[bool, int, int]], bar: int) -> None:
    truth, score, weight = columns(rows)
    expected = metrics.f1_score(truth, score >= bar, sample_weight=weight, zero_division=0)
    assert f1(truth, score, bar)(weight) == pytest.approx(expected)


@given(ROWS)
def test_best_bar_is_best_of_all(rows: list[tuple[bool, int, int]]) -> None:
    truth, score, _ = columns(rows)
    ones = np.ones(len(truth))
    found = f1(truth, score, best_bar(truth, score))(ones)
    assert found == pytest.approx(max(f1(truth, score, bar)(ones) for bar in np.unique(score)))


def scores(score: np.ndarray, truth: np.ndarray) -> Scores:
    return Scores.with_bars(score, truth, score)


def test_compare_finds_no_difference_where_there_is_none() -> None:
    truth = np.arange(50) % 5 == 0
    same = scores(np.sin(np.arange(50.0)), truth)
    for found in compare(Judged(truth, same, same, np.arange(50))).values():
        assert (found["difference"], found["low"], found["high"]) == (0, 0, 0)


def test_compare_is_sure_of_a_large_difference() -> None:
    random = np.random.default_rng(1)
    truth = random.random(2_000) < 0.1
    good = scores(truth + random.normal(0, 0.3, 2_000), truth)
    bad = scores(random.random(2_000), truth)
    for found in compare(Judged(truth, good, bad, np.arange(2_000))).values():
        assert 0.5 < found["low"] < found["difference"] < found["high"] <= 1
        assert found["difference"] == pytest.approx(found["ours"] - found["peer"], abs=1e-3)


def test_compare_draws_groups_whole() -> None:
    # One group holds everything: every draw is the sample itself.
    truth = np.array([True, False, True, False])
    judged = Judged(truth, scores(np.array([3.0, 2, 1, 0]), truth), scores(np.array([0.0, 1, 2, 3]), truth), np.ones(4))
    for found in compare(judged).values():
        assert found["low"] == found["high"] == found["difference"]


def test_of_others_is_the_same_question_the_other_way() -> None:
    truth = np.array([True, True, True, False])
    score = np.array([0.9, 0.8, 0.4, 0.1])
    others = Judged(truth, scores(score, truth), scores(-score, truth), np.arange(4)).of_others()
    assert others.truth.tolist() == [False, False, False, True]
    assert f1(others.truth, others.ours.score, others.ours.bar)(np.ones(4)) == 1
    assert average_precision(others.truth, others.ours.score)(np.ones(4)) == 1


def test_there_are_enough_resamples() -> None:
    assert RESAMPLES >= 1_000
