"""Wash trading: rings that trade with themselves to feign a market."""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._dice import Dice
from tallystick.apps.economy._model import DAY_S, HOUR_S, Category
from tallystick.apps.economy._society import Society
from tallystick.apps.economy._world import Agent
from tallystick.units import WEI_PER_ETHER

__all__ = ["open_rings"]

_RING: Final = 5


def open_rings(society: Society, accounts: int) -> None:
    """Open rings of five, each funded by one of them."""
    world = society.world
    for number in range(max(accounts // _RING, 1)):
        ring = [world.open(f"ring-{number}/member-{member}", Category.WASH, "ring member") for member in range(_RING)]
        dice = world.dice(f"ring-{number}")
        world.spawn(_trade(society, ring, dice), world.start + dice.below(world.size.days * DAY_S // 2))


def _trade(society: Society, ring: list[str], dice: Dice) -> Agent:
    """Fund the ring, then send tokens and coin around it, through the exchange contract or straight."""
    world, wait = society.world, 2 * society.world.size.block_s
    society.withdraw(dice.pick(society.exchanges), ring[0], dice.between(60, 150) * WEI_PER_ETHER)
    yield dice.geometric(HOUR_S, 6 * HOUR_S)
    stake = world.balance(ring[0]) // (len(ring) + 1)
    for member in ring[1:]:
        world.pay(ring[0], member, stake)
    yield wait
    world.buy(ring[0], stake // 2)
    for _ in range(dice.between(4, 8)):
        yield dice.geometric(4 * HOUR_S, 6 * DAY_S)
        coin = stake * dice.between(20, 45) // 100
        for seller, buyer in zip(ring, ring[1:] + ring[:1], strict=True):
            _swap(society, seller, buyer, coin, dice)
            yield dice.geometric(wait, 4 * HOUR_S)
            coin = coin * dice.between(985, 999) // 1_000


def _swap(society: Society, seller: str, buyer: str, coin: int, dice: Dice) -> None:
    # The token goes one way and its price the other, so that nobody gains; some rounds go through the contract.
    world = society.world
    units = world.tokens(seller)
    if units == 0 or dice.chance(200_000):
        world.buy(buyer, coin // 4)
    elif dice.chance(200_000):
        world.sell(seller, units * dice.between(90, 100) // 100)
    else:
        world.send_tokens(seller, buyer, units * dice.between(900, 1_000) // 1_000)
    world.pay(buyer, seller, coin)
