"""Cutting one tree into two whose sum it is, for trees too large for one contract."""

from __future__ import annotations

from tallystick.targets.evm.branch._tree import Sequel, Split, listing

__all__ = ["cut_part", "size_of"]


def size_of(part: Sequel) -> int:
    """Tests in a part."""
    return sum(len(sequel.splits) for sequel in listing(part))


def cut_part(part: Sequel) -> tuple[Sequel, Sequel]:
    """Split a tree of at least two tests into two trees; on every row, what they add is what it adds.

    The first is the tree with one branch taken out, the second is that branch behind the conditions that lead to it;
    everywhere else they add 0. The branch has at most half of the tests, and at least nearly a quarter.
    """
    path = _path(part)
    last, left = path[-1]
    branch = last.left if left else last.right
    first = Sequel(0)
    for split, left in reversed(path):
        sides = (first, split.right) if left else (split.left, first)
        first = Sequel(0, [Split(split.feature, split.threshold, split.share, *sides)])
    second = branch
    for split, left in reversed(_tightest(path)):
        sides = (second, Sequel(0)) if left else (Sequel(0), second)
        second = Sequel(0, [Split(split.feature, split.threshold, split.share, *sides)])
    return first, second


def _path(part: Sequel) -> list[tuple[Split, bool]]:
    """Tests on the way to the branch to take out, always to the larger side, and whether that is the left one."""
    sizes: dict[Sequel, int] = {}
    for sequel in reversed(listing(part)):
        sizes[sequel] = sum(1 + sizes[split.left] + sizes[split.right] for split in sequel.splits)
    path, at = [], part
    while 2 * sizes[at] > sizes[part]:
        split = at.splits[0]
        left = sizes[split.left] >= sizes[split.right]
        path.append((split, left))
        at = split.left if left else split.right
    return path


def _tightest(path: list[tuple[Split, bool]]) -> list[tuple[Split, bool]]:
    """The conditions of a path without those that follow from others: each feature's last one to each side."""
    last: dict[tuple[int, bool], tuple[Split, bool]] = {}
    for split, left in path:
        last[split.feature, left] = (split, left)
    return list(last.values())
