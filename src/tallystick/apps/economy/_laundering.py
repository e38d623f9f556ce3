"""Structuring below a reporting threshold, and the mixer's users."""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._amounts import FINNEY
from tallystick.apps.economy._calls import MIXER_NOTE_WEI
from tallystick.apps.economy._dice import Dice
from tallystick.apps.economy._model import DAY_S, HOUR_S, Category
from tallystick.apps.economy._society import Society
from tallystick.apps.economy._world import Agent
from tallystick.units import WEI_PER_ETHER

__all__ = ["open_mixing", "open_structuring"]

_THRESHOLD: Final = 10 * WEI_PER_ETHER  # what the exchanges of this economy report
_HANDS: Final = 11  # accounts of one structuring operation besides source and gatherer


def open_structuring(society: Society, accounts: int) -> None:
    """Open operations: a source splits a sum just below the threshold over many hands, who bring it together again."""
    world = society.world
    for number in range(max(accounts // (_HANDS + 2), 1)):
        base = f"structuring-{number}"
        source = world.open(f"{base}/source", Category.STRUCTURING, "source")
        target = world.open(f"{base}/gatherer", Category.STRUCTURING, "gatherer")
        hands = [world.open(f"{base}/hand-{hand}", Category.STRUCTURING, "hand") for hand in range(_HANDS)]
        dice = world.dice(base)
        start = world.start + dice.below(world.size.days * DAY_S // 2)
        world.spawn(_split(society, source, target, hands, dice), start)


def _split(society: Society, source: str, target: str, hands: list[str], dice: Dice) -> Agent:
    world, exchange = society.world, dice.pick(society.exchanges)
    first, second = hands[: len(hands) // 2 + 1], hands[len(hands) // 2 + 1 :]
    for _ in range(dice.between(2, 4)):
        society.withdraw(exchange, source, dice.between(6, 12) * 10 * WEI_PER_ETHER)
        yield dice.geometric(HOUR_S, DAY_S)
        while world.balance(source) > _THRESHOLD:
            hand = dice.pick(first)
            world.pay(source, hand, _just_below(dice))
            world.spawn(_pass_on(society, hand, second, target, dice), world.now + dice.geometric(HOUR_S, 12 * HOUR_S))
            yield dice.geometric(900, 5 * HOUR_S)
        yield dice.between(3, 12) * DAY_S
        society.deposit(target, exchange)


def _pass_on(society: Society, hand: str, others: list[str], target: str, dice: Dice) -> Agent:
    # One or two more hops, each a little smaller than the last.
    world = society.world
    for _ in range(dice.between(0, 1)):
        other = dice.pick(others)
        world.pay(hand, other, min(world.balance(hand) * 99 // 100, _just_below(dice)))
        yield dice.geometric(2 * world.size.block_s, 10 * HOUR_S)
        hand = other
    world.pay(hand, target, min(world.balance(hand) * 99 // 100, _just_below(dice)))


def _just_below(dice: Dice) -> int:
    return _THRESHOLD - dice.between(50, 900) * FINNEY


def open_mixing(society: Society, count: int) -> None:
    """Open users who pay notes into the mixer and go on at fresh addresses."""
    world = society.world
    for number in range(count):
        name = world.open(f"mixing-{number}", Category.MIXER_USER, "depositor")
        dice = world.dice(name)
        world.spawn(_mix(society, name, dice), world.start + dice.below(world.size.days * DAY_S * 7 // 10))


def _mix(society: Society, name: str, dice: Dice) -> Agent:
    world, exchange = society.world, dice.pick(society.exchanges)
    notes = dice.between(1, 3)
    fresh = world.open(f"{name}/fresh", Category.MIXER_USER, "recipient")
    society.withdraw(exchange, name, notes * MIXER_NOTE_WEI + dice.between(1, 3) * WEI_PER_ETHER)
    yield dice.geometric(HOUR_S, 2 * DAY_S)
    for _ in range(notes):
        note = world.mixer_deposit(name, fresh)
        if note is not None:
            world.spawn(collect(society, note), world.note_matures(note) + dice.geometric(HOUR_S, 12 * DAY_S))
        yield dice.geometric(900, DAY_S)
    yield 16 * DAY_S
    while world.balance(fresh) > WEI_PER_ETHER:
        if dice.chance(500_000):
            society.deposit(fresh, dice.pick(society.exchanges), world.balance(fresh) * 9 // 10)
        else:
            world.pay(fresh, dice.pick(society.people), dice.between(1, 8) * WEI_PER_ETHER)
        yield dice.geometric(6 * HOUR_S, 8 * DAY_S)


def collect(society: Society, note: int) -> Agent:
    """Have the relayer take a note out once it is mature."""
    while not society.world.mixer_withdraw(society.relayer, note):
        yield HOUR_S
