"""Ordinary accounts: holders, traders, miners, earners, token users, and people who appear once or twice.

Sizes, counts and gaps follow the quantiles of accounts known to be normal on the mainnet of 2015-2018: amounts of
tens to hundreds of ether from few, busy counterparties, many returns to the same ones, gaps of hours to months.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick.apps.economy._amounts import FINNEY, written
from tallystick.apps.economy._dice import Dice, Quantiles
from tallystick.apps.economy._model import DAY_S, HOUR_S, Category
from tallystick.apps.economy._society import Society
from tallystick.apps.economy._world import Agent
from tallystick.units import WEI_PER_ETHER

__all__ = ["LIVES", "casual_purchase", "open_casual", "open_people"]

_TYPICAL_FINNEY: Final[Quantiles] = (  # an account's typical payment received
    (0, 200), (50_000, 500), (250_000, 11_000), (500_000, 75_000), (750_000, 340_000), (950_000, 2_500_000),
    (1_000_000, 5_000_000),
)  # fmt: skip
_RECEIPTS: Final[Quantiles] = ((0, 1), (250_000, 3), (500_000, 6), (750_000, 12), (950_000, 30), (1_000_000, 60))
_GAP_S: Final[Quantiles] = (
    (0, 300), (250_000, 3 * HOUR_S), (500_000, 24 * HOUR_S), (750_000, 4 * DAY_S), (950_000, 18 * DAY_S),
    (1_000_000, 40 * DAY_S),
)  # fmt: skip
_MAIN_ETHER: Final[Quantiles] = (  # the purchase that most of an account's holding comes from
    (0, 10), (50_000, 31), (250_000, 700), (500_000, 1_800), (750_000, 4_500), (950_000, 15_000), (1_000_000, 25_000),
)  # fmt: skip
_NEWCOMERS: Final = 150_000  # ppm of the casual accounts that come with nothing and fetch small sums when moved


def _holder(society: Society, name: str, dice: Dice) -> Agent:
    """Buys at an exchange, often with a small first try, and mostly keeps."""
    exchange, typical = dice.pick(society.exchanges), dice.quantile(_TYPICAL_FINNEY) * FINNEY
    if dice.chance(450_000):
        society.withdraw(exchange, name, written(dice, dice.between(10, 1_000) * FINNEY, 700_000))
        yield dice.geometric(600, 4 * HOUR_S)
    receipts = dice.quantile(_RECEIPTS)
    main = dice.below(receipts + 1)
    for number in range(receipts):
        if number == main:
            society.withdraw(exchange, name, written(dice, dice.quantile(_MAIN_ETHER) * WEI_PER_ETHER, 500_000))
            yield dice.quantile(_GAP_S)
        source = exchange if dice.chance(850_000) else dice.pick(society.exchanges)
        society.withdraw(source, name, written(dice, typical * dice.geometric(25, 400) // 100, 500_000))
        # Exchanges cap single withdrawals, so many of them come in bursts.
        yield dice.geometric(60, 2 * HOUR_S) if dice.chance(400_000) else dice.quantile(_GAP_S)
        if dice.chance(220_000):
            _spend(society, dice, name, exchange)
    while dice.chance(600_000):
        yield dice.geometric(2 * DAY_S, 40 * DAY_S)
        _spend(society, dice, name, exchange)


def _spend(society: Society, dice: Dice, name: str, exchange: str) -> None:
    part = society.world.balance(name) * dice.geometric(1, 50) // 100
    wei = written(dice, max(part, FINNEY), 920_000)
    if dice.chance(550_000):
        society.deposit(name, exchange, wei)
    else:
        society.world.pay(name, dice.pick(society.people), wei)


def _trader(society: Society, name: str, dice: Dice) -> Agent:
    """Carries coin between exchanges, in rounds, for as long as it pays."""
    first, second = (dice.sample(society.exchanges, 2) + society.exchanges)[:2]
    typical = dice.quantile(_TYPICAL_FINNEY) * FINNEY
    for _ in range(dice.between(3, 16)):
        for _ in range(dice.between(1, 3)):
            society.withdraw(first, name, written(dice, typical * dice.geometric(40, 250) // 100, 450_000))
            yield dice.geometric(1_800, 12 * HOUR_S)
        for _ in range(dice.between(1, 2)):
            part = society.world.balance(name) * dice.between(40, 98) // 100
            society.deposit(name, second, written(dice, part, 900_000))
            yield dice.geometric(HOUR_S, 2 * DAY_S)
        yield dice.quantile(_GAP_S)


def _miner(society: Society, name: str, dice: Dice) -> Agent:
    """Is paid by one pool at nearly even steps and sells most of it now and then."""
    pool, exchange = dice.pick(society.pools), dice.pick(society.exchanges)
    typical, step = dice.geometric(1_000, 60_000) * FINNEY, dice.between(1, 6) * DAY_S
    for number in range(dice.between(8, 45)):
        society.withdraw(pool, name, typical + dice.below(typical // 20))
        yield step + dice.below(2 * HOUR_S)
        if number % 9 == 8 and dice.chance(700_000):
            society.deposit(name, exchange, written(dice, society.world.balance(name) * 8 // 10, 600_000))
            yield dice.geometric(HOUR_S, 2 * DAY_S)


def _earner(society: Society, name: str, dice: Dice) -> Agent:
    """Is paid each fortnight or month; pays shops and friends, saves at an exchange, draws it again."""
    employer, exchange = dice.pick(society.employers), dice.pick(society.exchanges)
    salary = dice.geometric(8_000, 120_000) * FINNEY // 1_000 * 1_000
    friends, shops = dice.sample(society.people, 4), dice.sample(society.shops, 3)
    period = dice.pick((14, 30)) * DAY_S
    while True:
        payday = society.world.now + period
        society.withdraw(employer, name, salary)
        yield dice.geometric(HOUR_S, 2 * DAY_S)
        for _ in range(dice.between(1, 5)):
            receiver = dice.pick(shops) if dice.chance(650_000) else dice.pick(friends)
            if receiver != name:
                society.world.pay(name, receiver, written(dice, salary * dice.geometric(1, 25) // 100, 800_000))
            yield dice.geometric(3 * HOUR_S, 4 * DAY_S)
        if dice.chance(350_000):
            society.deposit(name, exchange, written(dice, society.world.balance(name) * 7 // 10, 800_000))
        elif dice.chance(200_000):
            society.withdraw(exchange, name, written(dice, salary // 2, 700_000))
        yield max(payday - society.world.now, DAY_S)


def _token_user(society: Society, name: str, dice: Dice) -> Agent:
    """Buys tokens on the exchange contract, passes some on, sells some."""
    world = society.world
    society.withdraw(
        dice.pick(society.exchanges), name, written(dice, dice.geometric(20_000, 400_000) * FINNEY, 500_000)
    )
    for _ in range(dice.between(3, 10)):
        yield dice.geometric(3 * HOUR_S, 12 * DAY_S)
        act = dice.below(100)
        if act < 45 or world.tokens(name) == 0:
            world.buy(name, written(dice, world.balance(name) * dice.between(3, 20) // 100, 700_000))
        elif act < 70:
            world.send_tokens(name, dice.pick(society.people), world.tokens(name) * dice.between(5, 50) // 100)
        elif act < 96:
            world.sell(name, world.tokens(name) * dice.between(10, 90) // 100)
        else:
            world.overspend_tokens(name, dice.pick(society.people))


LIVES: Final[tuple[tuple[str, int, Callable[[Society, str, Dice], Agent]], ...]] = (  # role, share in ppm, life
    ("holder", 460_000, _holder),
    ("trader", 140_000, _trader),
    ("miner", 130_000, _miner),
    ("earner", 170_000, _earner),
    ("token user", 100_000, _token_user),
)


def open_people(society: Society, count: int) -> None:
    """Open ordinary accounts and start their lives, most of them in the first two thirds of the period."""
    world = society.world
    for role, share, life in LIVES:
        for number in range(max(count * share // 1_000_000, 1)):
            name = world.open(f"{role}-{number}".replace(" ", "-"), Category.NORMAL, role)
            society.people.append(name)
            dice = world.dice(name)
            start = dice.below(world.size.days * DAY_S * (2 if dice.chance(800_000) else 3) // 3)
            world.spawn(life(society, name, dice), world.start + start)


def open_casual(society: Society, count: int) -> None:
    """Open accounts that act only when something moves them to: a sale, a gift, or a fraud."""
    world = society.world
    for number in range(count):
        name = world.open(f"casual-{number}", Category.NORMAL, "casual")
        society.casual.append(name)
        dice = world.dice(name)
        if not dice.chance(_NEWCOMERS):
            world.spawn(_save(society, name, dice), world.start + dice.below(world.size.days * DAY_S // 2))


def _save(society: Society, name: str, dice: Dice) -> Agent:
    """Buys once or a few times, and leaves it there."""
    exchange, typical = dice.pick(society.exchanges), dice.quantile(_TYPICAL_FINNEY) * FINNEY
    if dice.chance(650_000):
        society.withdraw(exchange, name, written(dice, dice.quantile(_MAIN_ETHER) * WEI_PER_ETHER, 500_000))
        yield dice.geometric(900, 2 * DAY_S)
    for _ in range(dice.between(1, 4)):
        society.withdraw(exchange, name, written(dice, typical * dice.geometric(25, 400) // 100, 500_000))
        yield dice.quantile(_GAP_S)


def casual_purchase(society: Society, payer: str, receiver: str, wei: int, dice: Dice) -> Agent:
    """Pay somebody, after fetching the coin from an exchange if there is not enough."""
    world = society.world
    if world.balance(payer) < wei + FINNEY * 10:
        exchange = dice.pick(society.exchanges)
        extra = dice.pick((20, 50, 100, 500, 1_000)) * FINNEY
        society.withdraw(exchange, payer, written(dice, wei + extra + wei * dice.below(100) // 100, 500_000))
        yield dice.geometric(2 * world.size.block_s, 10 * HOUR_S)
    if not world.pay(payer, receiver, wei):
        world.pay(payer, receiver, world.balance(payer) * 9 // 10)
    if dice.chance(120_000):
        yield dice.geometric(HOUR_S, 12 * HOUR_S)
        world.pay(payer, receiver, wei)
    if dice.chance(120_000):
        yield dice.geometric(DAY_S, 20 * DAY_S)
        world.pay(payer, dice.pick(society.shops), world.balance(payer) * dice.between(10, 60) // 100)
