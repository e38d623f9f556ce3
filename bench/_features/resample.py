"""F1, average precision, and the interval of a difference between two models on the same rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1_000


@dataclass(frozen=True)
class Scores:
    """What one model says about the judged rows.

    Parameters
    ----------
    score
        (n,) float64, higher is more likely marked.
    bar
        Marked at or above.
    others_bar
        Not marked at or below.
    """

    score: np.ndarray
    bar: float
    others_bar: float

    @classmethod
    def with_bars(cls, score: np.ndarray, check_truth: np.ndarray, check_score: np.ndarray) -> Scores:
        """Take both thresholds where F1 is best on the validation part."""
        return cls(score, best_bar(check_truth, check_score), -best_bar(~check_truth, -check_score))

    def of_others(self) -> Scores:
        """The same, looking for the rows that are not marked."""
        return Scores(-self.score, -self.others_bar, -self.bar)


@dataclass(frozen=True)
class Judged:
    """What two models say about the same rows.

    Parameters
    ----------
    truth
        (n,) bool.
    group
        (n,) int64; rows of one group are drawn together.
    """

    truth: np.ndarray
    ours: Scores
    peer: Scores
    group: np.ndarray

    def of_others(self) -> Judged:
        """The same, looking for the rows that are not marked."""
        return Judged(~self.truth, self.ours.of_others(), self.peer.of_others(), self.group)


Measure = Callable[[np.ndarray], float]  # of one weight a row


def f1(truth: np.ndarray, score: np.ndarray, bar: float) -> Measure:
    """F1 of the positives, as a function of the rows' weights."""
    positive = score >= bar
    hit, said = truth & positive, truth.astype(float) + positive

    def of(weight: np.ndarray) -> float:
        total = float(weight @ said)
        return 2 * float(weight @ hit) / total if total else 0.0

    return of


def average_precision(truth: np.ndarray, score: np.ndarray) -> Measure:
    """Mean precision over the positives in falling order of score; equal scores count as one step."""
    order = np.argsort(-score, kind="stable")
    ranked = truth[order].astype(float)
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))

    def of(weight: np.ndarray) -> float:
        weight = weight[order]
        hits, seen = np.cumsum(weight * ranked)[ends], np.cumsum(weight)[ends]
        gained = np.diff(hits, prepend=0)
        return float(gained @ (hits / np.maximum(seen, 1e-12)) / hits[-1]) if hits[-1] else 0.0

    return of


def best_bar(truth: np.ndarray, score: np.ndarray) -> float:
    """Threshold with the highest F1."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    hits, said = np.cumsum(truth[order]), np.arange(1, len(order) + 1)
    found = np.where(np.append(np.diff(ranked) != 0, True), 2 * hits / (said + truth.sum()), -1)
    return float(ranked[int(found.argmax())])


def compare(judged: Judged, seed: int = 1) -> dict[str, dict[str, float]]:
    """Both measures for both models, with a 95 % interval of the difference.

    Paired bootstrap by group: groups are drawn with replacement, and both models are measured on the same draw.
    """
    both = judged.ours, judged.peer
    pairs = {
        "f1": [f1(judged.truth, model.score, model.bar) for model in both],
        "average_precision": [average_precision(judged.truth, model.score) for model in both],
    }
    _, group = np.unique(judged.group, return_inverse=True)
    groups = int(group.max()) + 1
    random = np.random.default_rng(seed)
    found: dict[str, list[float]] = {name: [] for name in pairs}
    for _ in range(RESAMPLES):
        drawn = np.bincount(random.integers(0, groups, groups), minlength=groups)[group].astype(float)
        for name, (ours, peer) in pairs.items():
            found[name].append(ours(drawn) - peer(drawn))
    once = np.ones(len(group))
    return {name: interval(ours(once), peer(once), found[name]) for name, (ours, peer) in pairs.items()}


def interval(ours: float, peer: float, differences: list[float]) -> dict[str, float]:
    low, high = np.quantile(differences, (0.025, 0.975))
    values = {"ours": ours, "peer": peer, "difference": ours - peer, "low": low, "high": high}
    return {name: round(float(value), 4) for name, value in values.items()}
