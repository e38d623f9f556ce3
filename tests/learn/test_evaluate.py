"""Judging against scikit-learn and against hand-made cases."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics

from tallystick.errors import LearnError, MissingExtra
from tallystick.learn import CHECKPOINTS, AccountRows, RowScores, Verdicts, judge, lateness, verdicts
from tallystick.learn._evaluate import rows_after

ETHER = 10**9  # gwei


def hand_made(*rows: tuple[int, int, int]) -> AccountRows:
    """Rows of (account, transfer of its account, amount in ether), a second apart."""
    account, transfer, ether = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    n = len(rows)
    return AccountRows(
        rows=np.zeros((n, 1), np.int64),
        account=account,
        transfer=transfer,
        time=np.arange(n),
        amount=ether * ETHER,
        partner=np.zeros(n, np.int64),
        incoming=np.ones(n, bool),
        addresses=tuple(bytes([k]) * 20 for k in range(int(account.max()) + 1)),
    )


ROWS = hand_made((0, 1, 5), (1, 1, 1), (0, 2, 2), (1, 2, 1), (0, 3, 4), (2, 1, 9), (0, 4, 8))


def test_rows_after() -> None:
    assert rows_after(ROWS, "1").tolist() == [0, 1, 5]
    assert rows_after(ROWS, "2").tolist() == [2, 3]
    assert rows_after(ROWS, "3").tolist() == [4]
    assert rows_after(ROWS, "5").tolist() == []
    assert rows_after(ROWS, "end").tolist() == [6, 3, 5]


@pytest.mark.parametrize("checkpoint", ["1", "3", "5", "10"])
def test_rows_after_are_of_just_that_transfer(rows: AccountRows, checkpoint: str) -> None:
    """No account jumps over a checkpoint: not by a transfer to itself, and not by a token."""
    at = rows_after(rows, checkpoint)
    assert set(rows.transfer[at].tolist()) == {int(checkpoint)}
    count = np.bincount(rows.account)
    assert rows.account[at].tolist() == np.flatnonzero(count >= int(checkpoint)).tolist()


def test_verdicts_at_every_checkpoint() -> None:
    score = np.arange(7)
    found = verdicts(ROWS, RowScores(score, score > 4))
    assert tuple(found) == CHECKPOINTS == ("1", "3", "5", "10", "end")
    assert found["3"].account.tolist() == [0]
    assert found["end"].account.tolist() == [0, 1, 2]
    assert found["end"].score.tolist() == [6, 3, 5]
    assert found["end"].flag.tolist() == [True, False, True]


def random_verdicts(seed: int, count: int = 60) -> tuple[Verdicts, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = (draw.random(count * 2) < 0.4).astype(np.int64)
    account = np.sort(draw.choice(count * 2, count, replace=False))
    score = np.round(draw.normal(labels[account], 1.0), 1)  # with ties
    return Verdicts(account, score, score > 0.5), labels


@pytest.mark.parametrize("seed", range(5))
def test_judge_against_scikit_learn(seed: int) -> None:
    verdict, labels = random_verdicts(seed)
    truth = labels[verdict.account]
    found = judge({"end": verdict}, labels, 200_000)["after"]["end"]
    assert found == {
        "accounts": 60,
        "positives": truth.sum(),
        "precision": metrics.precision_score(truth, verdict.flag),
        "recall": metrics.recall_score(truth, verdict.flag),
        "f1": metrics.f1_score(truth, verdict.flag),
        "average_precision": metrics.average_precision_score(truth, verdict.score),
        "auc": metrics.roc_auc_score(truth, verdict.score),
    }


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    verdict, labels = random_verdicts(seed)
    truth = labels[verdict.account]
    ahead = verdict.score[truth == 1][:, None] - verdict.score[truth == 0]
    pairs = ((ahead > 0) + 0.5 * (ahead == 0)).mean()
    assert judge({"end": verdict}, labels, 1)["after"]["end"]["auc"] == pytest.approx(pairs)


def test_judge_by_hand() -> None:
    account = np.arange(6)
    labels = np.array([1, 1, 1, 0, 0, 0])
    score = np.array([9, 8, 1, 7, 2, 3])
    found = judge({"end": Verdicts(account, score, score >= 7)}, labels, 500_000)
    end = found["after"]["end"]
    assert (end["precision"], end["recall"], end["f1"]) == (2 / 3, 2 / 3, pytest.approx(2 / 3))
    assert end["average_precision"] == pytest.approx((1 + 1 + 3 / 6) / 3)
    assert end["auc"] == pytest.approx(6 / 9)
    review = {"accounts": 3, "caught": 2, "recall": 2 / 3, "best_possible_recall": 1.0}
    assert found["review"] == {"budget_ppm": 500_000, **review}


def test_review_of_one_account_at_least() -> None:
    verdict, labels = random_verdicts(1)
    review = judge({"end": verdict}, labels, 1)["review"]
    worst = labels[verdict.account[np.argmax(verdict.score)]]
    positives = labels[verdict.account].sum()
    assert (review["accounts"], review["caught"], review["recall"]) == (1, worst, worst / positives)
    assert review["best_possible_recall"] == 1 / positives


@pytest.mark.parametrize("labels", [[0, 0, 0], [1, 1, 1]])
def test_invalid_judged_accounts_of_one_class(labels: list[int]) -> None:
    verdict = Verdicts(np.arange(3), np.arange(3), np.zeros(3, bool))
    with pytest.raises(LearnError, match="all of one class"):
        judge({"end": verdict}, np.array(labels), 10_000)


def test_invalid_judge_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    verdict, labels = random_verdicts(1)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match="scikit-learn"):
        judge({"end": verdict}, labels, 10_000)


def test_lateness_by_hand() -> None:
    # Account 0 is flagged at its 3rd transfer, after 2 + 4 ether; 1 is ordinary; 2 at its first; 3 never.
    rows = hand_made((0, 1, 5), (1, 1, 1), (0, 2, 2), (1, 2, 1), (0, 3, 4), (2, 1, 9), (0, 4, 8), (3, 1, 1), (2, 2, 7))
    flag = np.array([0, 1, 0, 1, 1, 1, 1, 0, 0], bool)
    found = lateness(rows, flag, np.array([1, 0, 1, 1]))
    assert (found["positives"], found["flagged"], found["at_first_transfer"]) == (3, 2, 1)
    assert (found["innocent"], found["innocent_flagged"]) == (1, 1)
    assert found["transfers"] == {"p25": 0.5, "p50": 1.0, "p75": 1.5, "p90": pytest.approx(1.8), "mean": 1.0}
    assert found["value_ether"] == {"p25": 1.5, "p50": 3.0, "p75": 4.5, "p90": pytest.approx(5.4), "mean": 3.0}


def test_lateness_of_a_token_transfer_counts_but_moves_nothing() -> None:
    rows = hand_made((0, 1, 0), (0, 2, 0), (0, 3, 5), (1, 1, 1))
    found = lateness(rows, np.array([False, True, True, False]), np.array([1, 0]))
    assert (found["at_first_transfer"], found["transfers"]["p50"], found["value_ether"]["p50"]) == (0, 1.0, 0.0)


def test_lateness_counts_innocent_accounts_once() -> None:
    """Flagged at any time is flagged; accounts without rows are not counted."""
    rows = hand_made((0, 1, 1), (1, 1, 1), (1, 2, 1), (1, 3, 1), (2, 1, 1), (2, 2, 1), (4, 1, 1))
    flag = np.array([0, 1, 0, 1, 0, 0, 1], bool)
    found = lateness(rows, flag, np.array([1, 0, 0, 0, 0]))
    assert (found["innocent"], found["innocent_flagged"]) == (3, 2)
    assert (found["positives"], found["flagged"]) == (1, 0)


def test_lateness_against_a_plain_loop(rows: AccountRows, truth: np.ndarray) -> None:
    flag = np.random.default_rng(3).random(len(rows)) < 0.1
    waited, moved, flagged = [], [], {0: 0, 1: 0}
    for account in range(len(rows.addresses)):
        mine = np.flatnonzero(rows.account == account)
        hits = np.flatnonzero(flag[mine])
        flagged[int(truth[account])] += len(hits) > 0
        if len(hits) and truth[account]:
            waited.append(int(hits[0]))
            moved.append(int(rows.amount[mine[1 : hits[0] + 1]].sum()) / ETHER)
    found = lateness(rows, flag, truth)
    assert (found["flagged"], found["innocent_flagged"]) == (flagged[1], flagged[0])
    assert (found["positives"], found["innocent"]) == (truth.sum(), (1 - truth).sum())
    assert found["at_first_transfer"] == waited.count(0)
    assert found["transfers"]["mean"] == pytest.approx(np.mean(waited))
    assert found["value_ether"]["mean"] == pytest.approx(np.mean(moved))
    assert found["value_ether"]["p90"] == pytest.approx(np.percentile(moved, 90))


def test_lateness_where_nothing_is_flagged() -> None:
    found = lateness(ROWS, np.zeros(7, bool), np.array([1, 0, 1]))
    nobody = {"positives": 2, "flagged": 0, "at_first_transfer": 0, "transfers": {}, "value_ether": {}}
    assert found == {"innocent": 1, "innocent_flagged": 0, **nobody}


def test_lateness_takes_no_notice_of_accounts_without_rows() -> None:
    some = ROWS.where(ROWS.account != 2)
    labels = np.array([1, 0, 1])
    assert lateness(some, np.ones(6, bool), labels)["positives"] == 1
    whole = replace(some, addresses=ROWS.addresses)
    assert lateness(whole, np.ones(6, bool), labels)["flagged"] == 1
