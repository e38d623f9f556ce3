"""Phishing collectors, and the honest sales that look like them.

Collectors follow the quantiles of accounts known as phishing on the mainnet of 2016-2018: short lives, many small
one-off payments from counterparties that hardly appear elsewhere, drained to few accounts.
"""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._amounts import FINNEY, written
from tallystick.apps.economy._dice import Dice, Quantiles
from tallystick.apps.economy._laundering import collect
from tallystick.apps.economy._model import DAY_S, HOUR_S, Category
from tallystick.apps.economy._people import casual_purchase
from tallystick.apps.economy._society import Society
from tallystick.apps.economy._world import Agent
from tallystick.units import WEI_PER_ETHER

__all__ = ["open_gangs", "open_sales"]

_VICTIMS: Final[Quantiles] = (
    (0, 2),
    (50_000, 3),
    (250_000, 8),
    (500_000, 16),
    (750_000, 27),
    (950_000, 70),
    (1_000_000, 100),
)
_LIFE_S: Final[Quantiles] = (
    (0, 4 * HOUR_S), (50_000, 8 * HOUR_S), (250_000, 2 * DAY_S), (500_000, 7 * DAY_S), (750_000, 25 * DAY_S),
    (950_000, 90 * DAY_S), (1_000_000, 110 * DAY_S),
)  # fmt: skip
_TYPICAL_FINNEY: Final[Quantiles] = (
    (0, 5), (50_000, 9), (250_000, 300), (500_000, 514), (750_000, 860), (950_000, 2_600), (1_000_000, 6_000),
)  # fmt: skip
_SPREAD_PERCENT: Final[Quantiles] = (
    (0, 3), (100_000, 25), (400_000, 90), (600_000, 110), (800_000, 250), (950_000, 900), (1_000_000, 3_000),
)  # fmt: skip
_DRAIN_LAG_S: Final[Quantiles] = (
    (0, 120), (250_000, 1_200), (500_000, 4 * HOUR_S), (750_000, 2 * DAY_S), (1_000_000, 15 * DAY_S),
)  # fmt: skip
_GANG: Final = 4  # collectors that share their ways out


def open_gangs(society: Society, count: int) -> None:
    """Open collectors in gangs with common cash-out addresses, spread over the period."""
    world = society.world
    for gang in range(-(-count // _GANG)):
        dice = world.dice(f"gang-{gang}")
        ways_out = _ways_out(society, gang, dice)
        for member in range(min(_GANG, count - gang * _GANG)):
            name = world.open(f"collector-{gang}-{member}", Category.PHISHING, "collector")
            start = world.start + dice.below(world.size.days * DAY_S * 9 // 10)
            _lure(society, name, start)
            world.spawn(_empty(society, name, ways_out, world.dice(f"{name}/out")), start + HOUR_S)


def _ways_out(society: Society, gang: int, dice: Dice) -> list[str]:
    exchange = dice.pick(society.exchanges)
    ways = [society.deposit_address(f"gang-{gang}", exchange)]
    if dice.chance(700_000):
        runner = society.world.open(f"runner-{gang}", Category.PHISHING, "cash-out")
        society.world.spawn(_run_off(society, runner, exchange, society.world.dice(runner)), society.world.start)
        ways += [runner, runner]
    return ways


def _lure(society: Society, name: str, start: int) -> None:
    # Payments crowd at the beginning: the squares of even times.
    world, dice = society.world, society.world.dice(f"{name}/in")
    life, typical = dice.quantile(_LIFE_S), dice.quantile(_TYPICAL_FINNEY) * FINNEY
    rounds = dice.pick((150_000, 400_000, 500_000, 650_000, 900_000))
    for _ in range(dice.quantile(_VICTIMS)):
        victim = dice.pick(society.casual) if dice.chance(800_000) else dice.pick(society.people)
        wei = written(dice, max(typical * dice.quantile(_SPREAD_PERCENT) // 100, FINNEY), rounds)
        when = start + life * dice.below(1_000) ** 2 // 1_000_000
        world.spawn(casual_purchase(society, victim, name, wei, dice), when)


def _empty(society: Society, name: str, ways_out: list[str], dice: Dice) -> Agent:
    """Look at the takings now and then and carry them off; one in eight never comes back."""
    world, style = society.world, dice.below(100)
    if style < 13:
        return
    patience = dice.geometric(1, 12) if style < 80 else 1
    idle = 0
    while idle < 40:
        yield dice.quantile(_DRAIN_LAG_S) * patience
        takings = world.balance(name)
        if takings < FINNEY * 3:
            idle += 1
            continue
        if style >= 80:
            _trickle(society, name, ways_out, dice, takings)
        elif dice.chance(300_000):
            part = written(dice, takings * dice.between(30, 90) // 100, 800_000)
            world.pay(name, dice.pick(ways_out), min(part, takings * 95 // 100))
            yield dice.geometric(world.size.block_s, 3 * HOUR_S)
            world.drain(name, dice.pick(ways_out))
        else:
            world.drain(name, dice.pick(ways_out))


def _trickle(society: Society, name: str, ways_out: list[str], dice: Dice, takings: int) -> None:
    # Some spread their takings in small sums: to bait the next ones, to each other, to where they buy.
    world = society.world
    for _ in range(dice.between(1, 4)):
        receiver = dice.pick(society.casual) if dice.chance(600_000) else dice.pick(ways_out)
        world.pay(name, receiver, written(dice, takings * dice.geometric(1, 25) // 100, 500_000))
    if dice.chance(350_000):
        world.drain(name, dice.pick(ways_out))


def _run_off(society: Society, runner: str, exchange: str, dice: Dice) -> Agent:
    """Gather what several collectors brought and carry it to an exchange, or through the mixer."""
    world = society.world
    while True:
        yield dice.geometric(6 * HOUR_S, 5 * DAY_S)
        if world.balance(runner) > 12 * WEI_PER_ETHER and dice.chance(300_000):
            note = world.mixer_deposit(runner, _fresh(society, runner))
            if note is not None:
                world.spawn(collect(society, note), world.note_matures(note) + dice.geometric(HOUR_S, 12 * DAY_S))
        elif world.balance(runner) > WEI_PER_ETHER // 5:
            society.deposit(runner, exchange)


def _fresh(society: Society, runner: str) -> str:
    number = sum(name.startswith(f"{runner}/fresh") for name in society.world.accounts)
    return society.world.open(f"{runner}/fresh-{number}", Category.PHISHING, "cash-out")


def open_sales(society: Society, count: int) -> None:
    """Open honest sales: many one-off payments from the same public, kept for weeks, then paid on in the open."""
    world = society.world
    for number in range(count):
        name = world.open(f"sale-{number}", Category.NORMAL, "token sale")
        dice = world.dice(name)
        start = world.start + dice.below(world.size.days * DAY_S // 2)
        typical = dice.geometric(800, 20_000) * FINNEY
        for _ in range(dice.between(15, 45)):
            payer = dice.pick(society.casual) if dice.chance(600_000) else dice.pick(society.people)
            wei = written(dice, typical * dice.geometric(20, 500) // 100, 700_000)
            world.spawn(casual_purchase(society, payer, name, wei, dice), start + dice.below(30 * DAY_S))
        world.spawn(_treasury(society, name, dice), start + 20 * DAY_S)


def _treasury(society: Society, name: str, dice: Dice) -> Agent:
    exchange = dice.pick(society.exchanges)
    while True:
        yield dice.between(5, 20) * DAY_S
        wei = written(dice, society.world.balance(name) * dice.between(8, 25) // 100, 900_000)
        if dice.chance(500_000):
            society.deposit(name, exchange, wei)
        else:
            society.world.pay(name, dice.pick(society.people), wei)
