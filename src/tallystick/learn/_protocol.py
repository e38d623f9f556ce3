"""Protocols: what a model may be trained on and what it is judged on. Leakage is an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tallystick.errors import Leakage, LearnError
from tallystick.features import FeatureSpec
from tallystick.learn._dataset import AccountRows

__all__ = ["GroupFolds", "Split", "TimeSplit"]

_MAY_SEE = frozenset({"past"})  # the state before a transfer, and the transfer itself


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows to judge on."""

    train: AccountRows
    test: AccountRows


@dataclass(frozen=True)
class TimeSplit:
    """Strict split by an account's first appearance.

    Trained on are accounts first seen before the cutoff, with their rows before it; judged
    are accounts first seen at or after it, with all their rows. So no account, and no
    second, is on both sides.

    Parameters
    ----------
    cutoff
        UTC seconds.
    """

    cutoff: int

    @classmethod
    def at_share(cls, rows: AccountRows, share_ppm: int) -> TimeSplit:
        """Split so that this share of the accounts, by first appearance, is before the cutoff.

        Raises
        ------
        LearnError
            One side would be empty.
        """
        first = np.sort(rows.first_time[np.unique(rows.account)])
        at = len(first) * share_ppm // 1_000_000
        if not 0 < at < len(first) or first[at] == first[0]:
            cause = f"a split at {share_ppm} ppm of {len(first)} accounts leaves one side empty"
            raise LearnError(cause, value=share_ppm)
        return cls(int(first[at]))

    def apply(self, rows: AccountRows, spec: FeatureSpec) -> Split:
        """Split the rows; see :meth:`check` for what is refused."""
        early = rows.first_time[rows.account] < self.cutoff
        split = Split(rows.where(early & (rows.time < self.cutoff)), rows.where(~early))
        self.check(split, spec)
        return split

    def check(self, split: Split, spec: FeatureSpec) -> None:
        """Refuse a split, or a feature spec, that would let the model see what it must not.

        Raises
        ------
        Leakage
            A feature sees more than the past, a training row is not before the cutoff, a judged
            account was seen before it, or an account is on both sides.
        """
        _check_spec(spec)
        if len(split.train) and int(split.train.time.max()) >= self.cutoff:
            raise Leakage(f"a training row is from {int(split.train.time.max())}, not before {self.cutoff}")
        if len(split.test) and int(split.test.time.min()) < self.cutoff:
            raise Leakage(f"a judged row is from {int(split.test.time.min())}, before {self.cutoff}")
        _check_disjoint(split.train, split.test)


@dataclass(frozen=True)
class GroupFolds:
    """Cross-validation by account: all rows of one account are in one fold, the same in every process.

    Parameters
    ----------
    folds
        How many, at least 2.
    """

    folds: int

    def fold_of(self, addresses: Sequence[bytes]) -> np.ndarray:
        """(accounts,) int64, the fold of each account: its address modulo the number of folds."""
        if self.folds < 2:
            raise LearnError("cross-validation needs at least 2 folds", value=self.folds)
        return np.array([int.from_bytes(address) % self.folds for address in addresses], np.int64)

    def splits(self, rows: AccountRows, spec: FeatureSpec) -> list[Split]:
        """One split for each fold."""
        _check_spec(spec)
        fold = self.fold_of(rows.addresses)[rows.account]
        splits = [Split(rows.where(fold != k), rows.where(fold == k)) for k in range(self.folds)]
        for split in splits:
            _check_disjoint(split.train, split.test)
        return splits


def _check_spec(spec: FeatureSpec) -> None:
    bad = [feature.name for feature in spec.features if feature.sees not in _MAY_SEE]
    if bad:
        raise Leakage(f"features see more than the past: {', '.join(bad)}", next_step="Leave these features out.")


def _check_disjoint(train: AccountRows, test: AccountRows) -> None:
    both = {train.addresses[k] for k in np.unique(train.account)} & {test.addresses[k] for k in np.unique(test.account)}
    if both:
        raise Leakage(f"{len(both)} accounts are both trained and judged on", name="0x" + min(both).hex())
