"""Where the code of a test goes and what is already added where it begins: the cheapest choice, in expected gas.

Where a sequence begins, some number is *already added* for it. A leaf of that value has nothing to do; another one adds
the difference. So each tree has one value that costs nothing, which goes into the base. Which one, which side of a
test is jumped to, and where a comparison times a difference is better than a jump, is found from the leaves up: for
every value that may be already added, and for both ways a piece of code may end (it falls into what follows, or must
jump there), the least expected gas.

Gas is counted in units of 1 / SHARE_ONE, in integers: the same program gives the same code everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tallystick.targets.evm.branch._tree import SHARE_ONE, Sequel, Split, listing

__all__ = ["Layout", "Plan", "Plans"]

_ADD: Final = 6 * SHARE_ONE  # PUSH, ADD
_EXIT: Final = 11 * SHARE_ONE  # PUSH, JUMP
_LABEL: Final = 1  # JUMPDEST
_BRANCH: Final = 16 * SHARE_ONE  # DUP, PUSH, JUMPI: a test without its comparison
_COMPARE: Final = 6 * SHARE_ONE  # PUSH, LT
_NOT: Final = 3 * SHARE_ONE  # ISZERO
_SELECT: Final = 14 * SHARE_ONE  # DUP, PUSH, MUL, ADD: a test that multiplies, without its comparison
_WIDTH: Final = 8  # values kept for a place; others cost what any value costs


class Layout(NamedTuple):
    """How a test is written, and its expected gas."""

    gas: int
    jump_right: bool  # the side that is jumped to
    leave: bool  # the jump goes to what follows: that side has nothing to add
    select: bool  # no jump: add the comparison times the difference of two leaves


@dataclass(slots=True)
class Plan:
    """Least expected gas of a place, by value already added; ``other`` holds for any value."""

    other: int
    costs: dict[int, int] = field(default_factory=dict)

    def at(self, added: int) -> int:
        """Expected gas where ``added`` is already added."""
        return self.costs.get(added, self.other)

    def best(self) -> tuple[int, int]:
        """Least expected gas, and the value for it: of several the smallest."""
        return min((gas, added) for added, gas in self.costs.items())

    @staticmethod
    def of(other: int, costs: Iterable[tuple[int, int]]) -> Plan:
        """Keep the cheapest values."""
        kept: dict[int, int] = {}
        for added, gas in costs:
            if gas < kept.get(added, other + (not kept)):
                kept[added] = gas
        chosen = sorted(kept.items(), key=lambda item: (item[1], item[0]))[:_WIDTH]
        return Plan(other, dict(chosen))


class Plans:
    """The plans of every place below a sequence; index True is where the code must jump away at its end."""

    def __init__(self, root: Sequel) -> None:
        self._sequels: dict[Sequel, tuple[Plan, Plan]] = {}
        self._splits: dict[Split, tuple[Plan, Plan]] = {}
        for sequel in reversed(listing(root)):
            for split in sequel.splits:
                self._splits[split] = (self._plan_split(split, False), self._plan_split(split, True))
            self._sequels[sequel] = (self._plan_sequel(sequel, False), self._plan_sequel(sequel, True))

    def of(self, sequel: Sequel, leave: bool) -> Plan:
        """Plan of a sequence."""
        return self._sequels[sequel][leave]

    def order(self, sequel: Sequel, leave: bool) -> list[Split]:
        """The splits in the order of the code: last is the one that is cheapest to end with a jump."""
        splits = list(sequel.splits)
        if leave:
            extra = [self._splits[split][True].best()[0] - self._splits[split][False].best()[0] for split in splits]
            last = min(range(len(splits)), key=extra.__getitem__)
            splits.append(splits.pop(last))
        return splits

    def shares(self, sequel: Sequel, leave: bool, added: int) -> tuple[int, list[int]]:
        """What to add at a sequence's begin, and the value that is already added for each test in its order."""
        plans = self._in_order(sequel, leave)
        bests = [plan.best() for plan in plans]
        chosen = [value for _, value in bests]
        missing = sequel.constant + sum(chosen) - added
        if missing == 0:
            return 0, chosen
        extra = [plan.at(value - missing) - gas for plan, (gas, value) in zip(plans, bests, strict=True)]
        place = min(range(len(plans)), key=extra.__getitem__)
        if extra[place] >= _ADD:
            return missing, chosen
        chosen[place] -= missing
        return 0, chosen

    def layout(self, split: Split, leave: bool, added: int) -> Layout:
        """The cheapest way to write a split."""
        return min(self._layouts(split, leave, added))

    def _in_order(self, sequel: Sequel, leave: bool) -> list[Plan]:
        splits = self.order(sequel, leave)
        return [self._splits[split][leave and place == len(splits) - 1] for place, split in enumerate(splits)]

    def _plan_sequel(self, sequel: Sequel, leave: bool) -> Plan:
        if not sequel.splits:
            gas = _EXIT * leave
            return Plan(gas + _ADD, {sequel.constant: gas})
        plans = self._in_order(sequel, leave)
        bests = [plan.best() for plan in plans]
        gas = sum(least for least, _ in bests)
        total = sequel.constant + sum(value for _, value in bests)
        pairs = list(zip(plans, bests, strict=True))
        other = min(gas + _ADD, *(gas - least + plan.other for plan, (least, _) in pairs))
        moved = (
            (total - value + one, gas - least + cost)
            for plan, (least, value) in pairs
            for one, cost in plan.costs.items()
        )
        return Plan.of(other, [(total, gas), *moved])

    def _plan_split(self, split: Split, leave: bool) -> Plan:
        values = {added: None for side in (split.left, split.right) for added in self.of(side, leave).costs}
        other = min(self._layouts(split, leave, None)).gas
        return Plan.of(other, ((added, min(self._layouts(split, leave, added)).gas) for added in values))

    def _layouts(self, split: Split, leave: bool, added: int | None) -> list[Layout]:
        compare = _COMPARE if split.threshold else 0  # "above zero" is the value itself
        layouts = []
        for jump_right in (True, False):
            jump, fall = (split.right, split.left) if jump_right else (split.left, split.right)
            share = SHARE_ONE - split.share if jump_right else split.share
            branch = _BRANCH + (compare or (0 if jump_right else _NOT))
            if not jump.splits and jump.constant == added:
                gas = branch + ((SHARE_ONE - share) * self._gas(fall, leave, added) >> 16)
                layouts.append(Layout(gas, jump_right, True, False))
            else:
                there = (share * self._gas(jump, leave, added) >> 16) + share * _LABEL
                here = (SHARE_ONE - share) * self._gas(fall, True, added) >> 16
                layouts.append(Layout(branch + there + here, jump_right, False, False))
        if not (split.left.splits or split.right.splits):
            miss = added not in (split.left.constant, split.right.constant)
            jump_right = added != split.right.constant  # the comparison is 1 on the side that has something to add
            gas = _SELECT + (compare or (_COMPARE if jump_right else _NOT)) + _ADD * miss + _EXIT * leave
            layouts.append(Layout(gas, jump_right, False, True))
        return layouts

    def _gas(self, sequel: Sequel, leave: bool, added: int | None) -> int:
        plan = self.of(sequel, leave)
        return plan.other if added is None else plan.at(added)
