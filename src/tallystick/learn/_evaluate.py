"""Judging: what a model knew about an account after its first few transfers, and at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tallystick.errors import LearnError, MissingExtra
from tallystick.learn._dataset import AccountRows

__all__ = ["CHECKPOINTS", "RowScores", "Verdicts", "judge", "lateness", "rows_after", "verdicts"]

CHECKPOINTS: Final = ("1", "3", "5", "10", "end")
_GWEI_PER_ETHER: Final = 10**9


@dataclass(frozen=True)
class Verdicts:
    """One model's verdict on accounts at one checkpoint; accounts with fewer transfers are left out.

    Parameters
    ----------
    account
        int64, positions of the accounts.
    score
        Any number, larger is worse.
    flag
        bool.
    """

    account: np.ndarray
    score: np.ndarray
    flag: np.ndarray


@dataclass(frozen=True)
class RowScores:
    """What one model says of every judged row: a score, larger is worse, and a flag."""

    score: np.ndarray
    flag: np.ndarray


def rows_after(rows: AccountRows, checkpoint: str) -> np.ndarray:
    """Index of each account's row at a checkpoint, accounts in rising position.

    At ``k`` it is the row of its ``k``-th transfer: a transfer to oneself counts one, and a token transfer counts
    like any other.
    """
    if checkpoint == "end":
        return rows.last_rows()
    reached = np.flatnonzero(rows.transfer >= int(checkpoint))
    _, first = np.unique(rows.account[reached], return_index=True)
    return reached[first]


def verdicts(rows: AccountRows, found: RowScores) -> dict[str, Verdicts]:
    """Verdicts of a model at every checkpoint."""
    result = {}
    for checkpoint in CHECKPOINTS:
        at = rows_after(rows, checkpoint)
        result[checkpoint] = Verdicts(rows.account[at], found.score[at], found.flag[at])
    return result


def judge(found: Mapping[str, Verdicts], labels: np.ndarray, budget_ppm: int) -> dict[str, Any]:
    """Precision, recall, F1, average precision and AUC at every checkpoint, and recall at a review budget.

    Parameters
    ----------
    found
        Verdicts by checkpoint.
    labels
        (accounts,) 0 or 1.
    budget_ppm
        Share of the judged accounts that a reviewer looks at: the worst at the end.

    Raises
    ------
    LearnError
        A checkpoint has accounts of one class only.
    """
    at = {checkpoint: _measure(verdict, labels[verdict.account]) for checkpoint, verdict in found.items()}
    end = found["end"]
    reviewed = max(1, len(end.account) * budget_ppm // 1_000_000)
    truth = labels[end.account]
    caught = _caught(end.score, truth, reviewed)
    return {
        "after": at,
        "review": {
            "budget_ppm": budget_ppm,
            "accounts": reviewed,
            "caught": caught,
            "recall": caught / float(truth.sum()),
            "best_possible_recall": min(reviewed, int(truth.sum())) / int(truth.sum()),
        },
    }


def _caught(score: np.ndarray, truth: np.ndarray, reviewed: int) -> float:
    """Positives among the ``reviewed`` worst scores; among equal scores at the edge, those expected by chance."""
    edge = np.sort(score)[::-1][reviewed - 1]
    above, level = score > edge, score == edge
    return float(truth[above].sum() + (reviewed - above.sum()) * truth[level].mean())


def _measure(verdict: Verdicts, truth: np.ndarray) -> dict[str, float]:
    try:
        from sklearn import metrics
    except ImportError as error:
        raise MissingExtra.of("scikit-learn", "train") from error
    if not 0 < truth.sum() < len(truth):
        raise LearnError("the judged accounts are all of one class; judge a longer period")
    return {
        "accounts": len(truth),
        "positives": int(truth.sum()),
        "precision": float(metrics.precision_score(truth, verdict.flag, zero_division=0)),
        "recall": float(metrics.recall_score(truth, verdict.flag)),
        "f1": float(metrics.f1_score(truth, verdict.flag)),
        "average_precision": float(metrics.average_precision_score(truth, verdict.score)),
        "auc": float(metrics.roc_auc_score(truth, verdict.score)),
    }


def lateness(rows: AccountRows, flag: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """How long after a positive account's first transfer its first flag came, in transfers and in value moved.

    Value is what the account received and sent in its transfers after the first, up to and with the
    one that was flagged; a transfer to oneself is one, and moves its value once. Token transfers are counted, but
    move no value here. Quantiles are over the positive accounts that were flagged at all. The price stands beside:
    how many innocent accounts were flagged at any time.
    """
    positive = labels[rows.account] == 1
    innocent = rows.account[~positive]
    flagged = np.flatnonzero(flag & positive)
    accounts, at = np.unique(rows.account[flagged], return_index=True)
    first_flag = rows.transfer[flagged[at]]
    limit = np.zeros(len(rows.addresses), np.int64)
    limit[accounts] = first_flag
    inside = (rows.transfer > 1) & (rows.transfer <= limit[rows.account])
    value = np.bincount(rows.account[inside], rows.amount[inside] / _GWEI_PER_ETHER, len(rows.addresses))[accounts]
    positives = len(np.unique(rows.account[positive]))
    return {
        "innocent": len(np.unique(innocent)),
        "innocent_flagged": len(np.unique(innocent[flag[~positive]])),
        "positives": positives,
        "flagged": len(accounts),
        "at_first_transfer": int((first_flag == 1).sum()),
        "transfers": _quantiles(first_flag - 1),
        "value_ether": _quantiles(value),
    }


def _quantiles(values: np.ndarray) -> dict[str, float]:
    if len(values) == 0:
        return {}
    return {f"p{q}": float(np.percentile(values, q)) for q in (25, 50, 75, 90)} | {"mean": float(values.mean())}
