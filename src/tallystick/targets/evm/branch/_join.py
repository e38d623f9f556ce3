"""Many trees as one sequence: equal tests are made once, and what a test tells is used.

A sum of trees does not depend on their order. So trees that begin with the same test are entered together: behind it
all their left sides are a sequence of their own, or all their right sides. Leaves that meet in a sequence are one
constant. A test whose outcome is known from an earlier one on the same feature is not made.

A tree that begins with another test can be entered with them too (*pulled* in). It is then written twice, behind each
side, without what is known there. That costs bytes and saves gas; the price says how much gas a byte must save.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tallystick.targets.evm.branch._tree import SHARE_ONE, Sequel, Split, listing

__all__ = ["Pull", "join"]

_ANY = (0, (1 << 64) - 1)
_GAS_A_TEST = 22
_BYTES_A_TEST = 15
_HOSTS = 32


class _Known(NamedTuple):
    """A test of a tree, and what goes when its outcome is known."""

    threshold: int
    reach: int  # share of the tree's rows
    without_right: int  # tests that go if it goes left: itself, and those on its right
    without_left: int


@dataclass(slots=True, eq=False)
class _Group:
    """Trees that begin with the same test."""

    feature: int
    threshold: int
    splits: list[Split] = field(default_factory=list)
    pulled: list[_Group] = field(default_factory=list)
    size: int = 0
    tests: dict[int, list[_Known]] = field(default_factory=dict)  # by feature

    @property
    def share(self) -> int:
        return sum(split.share for split in self.splits) // len(self.splits)


@dataclass(slots=True)
class _Todo:
    """A sequence to fill from parts, where some features are known to be in [low, high]."""

    target: Sequel
    parts: list[Sequel]
    known: dict[int, tuple[int, int]]
    reach: int  # share of rows that come here


class Pull(NamedTuple):
    """How trees are pulled.

    Parameters
    ----------
    price
        Expected gas that a byte of code must save, in units of 1 / SHARE_ONE.
    order
        Which trees others are pulled into first: 0 those that save most, 1 those that save most for each one pulled,
        2 those that save most and are many. None is best for every model.
    """

    price: int
    order: int = 0


def join(parts: Sequence[Sequel], pull: Pull | None = None) -> Sequel:
    """One sequence that adds what all of these add; they stay as they are.

    Parameters
    ----------
    parts
        Trees.
    pull
        How trees are pulled; None for not at all.
    """
    result = Sequel(0)
    waiting = [_Todo(result, list(parts), {}, SHARE_ONE)]
    while waiting:
        waiting += _fill(waiting.pop(), pull)
    _drop_idle(result)
    return result


def _fill(todo: _Todo, pull: Pull | None) -> list[_Todo]:
    """Put the constant and one test of each group into the sequence; what is behind the tests is left to do."""
    groups = _groups(todo)
    if pull and len(groups) > 1:
        groups = _pull(groups, todo.reach, pull)
    more = []
    for group in groups:
        split = Split(group.feature, group.threshold, group.share, Sequel(0), Sequel(0))
        todo.target.splits.append(split)
        more += [_behind(todo, group, split, left) for left in (True, False)]
    return more


def _behind(todo: _Todo, group: _Group, split: Split, left: bool) -> _Todo:
    """What is left to do on one side of a group's test."""
    parts = [one.left if left else one.right for one in group.splits]
    parts += [Sequel(0, [_narrowed(one, split, left)]) for other in group.pulled for one in other.splits]
    low, high = todo.known.get(group.feature, _ANY)
    bounds = (low, group.threshold) if left else (group.threshold + 1, high)
    share = split.share if left else SHARE_ONE - split.share
    known = todo.known | {group.feature: bounds}
    return _Todo(split.left if left else split.right, parts, known, todo.reach * share // SHARE_ONE)


def _narrowed(split: Split, known: Split, left: bool) -> Split:
    """A pulled test with its share among the rows that are left."""
    if split.feature != known.feature:
        return split
    if left:
        share = split.share * SHARE_ONE // known.share
    else:
        share = (split.share - known.share) * SHARE_ONE // (SHARE_ONE - known.share)
    share = min(max(share, SHARE_ONE >> 10), SHARE_ONE - (SHARE_ONE >> 10))
    return Split(split.feature, split.threshold, share, split.left, split.right)


def _groups(todo: _Todo) -> list[_Group]:
    """The parts' tests that have to be made, equal ones together; constants go into the sequence."""
    groups: dict[tuple[int, int], _Group] = {}
    stack = list(reversed(todo.parts))
    while stack:
        part = stack.pop()
        todo.target.constant += part.constant
        for split in part.splits:
            low, high = todo.known.get(split.feature, _ANY)
            if high <= split.threshold:
                stack.append(split.left)
            elif low > split.threshold:
                stack.append(split.right)
            else:
                key = (split.feature, split.threshold)
                groups.setdefault(key, _Group(*key)).splits.append(split)
    return list(groups.values())


def _pull(groups: list[_Group], reach: int, pull: Pull) -> list[_Group]:
    """Enter groups with others where that pays; those that save the most by it come first."""
    for group in groups:
        _measure(group)
    asking: dict[int, list[_Group]] = {}
    for group in groups:
        for feature in group.tests:
            asking.setdefault(feature, []).append(group)
    ranking: list[tuple[int, _Group, list[_Group]]] = []
    for host in _hosts(groups, asking):
        others = [other for other in asking[host.feature] if other is not host]
        scores = [_score(host, other, reach, pull.price) for other in others]
        guests = [other for other, score in zip(others, scores, strict=True) if score > 0]
        gain = sum(score for score in scores if score > 0)
        rank = (gain, gain // (1 + len(guests)), gain * len(host.splits))[pull.order]
        ranking.append((rank, host, guests))
    ranking.sort(key=lambda ranked: -ranked[0])
    free = dict.fromkeys(groups)
    kept = []
    for _, host, guests in ranking:
        if host in free:
            del free[host]
            host.pulled = [other for other in guests if other in free]
            kept.append(host)
            for other in host.pulled:
                del free[other]
    return kept + list(free)


def _hosts(groups: list[_Group], asking: dict[int, list[_Group]]) -> list[_Group]:
    """The groups that others may be pulled into: those that likely tell most, for bounded time."""
    if len(groups) <= _HOSTS:
        return groups
    weights = {
        feature: sum(known.reach for other in others for known in other.tests[feature])
        for feature, others in asking.items()
    }
    return sorted(groups, key=lambda group: -weights[group.feature] * min(group.share, SHARE_ONE - group.share))[
        :_HOSTS
    ]


def _score(group: _Group, other: _Group, reach: int, price: int) -> int:
    """Expected gas that pulling ``other`` into ``group`` saves, less the price of the bytes."""
    saved, left_size, right_size = 0, other.size, other.size
    share = group.share
    for known in other.tests.get(group.feature, ()):
        if known.threshold >= group.threshold:
            saved += known.reach * share
            left_size -= known.without_right
        if known.threshold <= group.threshold:
            saved += known.reach * (SHARE_ONE - share)
            right_size -= known.without_left
    if not saved:
        return 0
    bytes_more = (max(left_size, 0) + max(right_size, 0) - other.size) * _BYTES_A_TEST
    gas = saved * _GAS_A_TEST // SHARE_ONE * reach // SHARE_ONE
    return gas - bytes_more * price


def _measure(group: _Group) -> None:
    """Note the group's tests and their reach."""
    root = Sequel(0, group.splits)
    order = listing(root)
    sizes: dict[Sequel, int] = {}
    for sequel in reversed(order):
        sizes[sequel] = sum(1 + sizes[split.left] + sizes[split.right] for split in sequel.splits)
    reach = {root: SHARE_ONE}
    for sequel in order:
        for split in sequel.splits:
            here = reach[sequel]
            reach[split.left] = here * split.share // SHARE_ONE
            reach[split.right] = here - reach[split.left]
            known = _Known(split.threshold, here, 1 + sizes[split.right], 1 + sizes[split.left])
            group.tests.setdefault(split.feature, []).append(known)
    group.size = sizes[root]


def _drop_idle(root: Sequel) -> None:
    """Take out tests with the same constant on both sides."""
    for sequel in reversed(listing(root)):
        kept = []
        for split in sequel.splits:
            if split.left.splits or split.right.splits or split.left.constant != split.right.constant:
                kept.append(split)
            else:
                sequel.constant += split.left.constant
        sequel.splits = kept
