"""Who is there: the institutions everybody deals with, and the groups the other lives choose from."""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.apps.economy._dice import Dice
from tallystick.apps.economy._model import DAY_S, HOUR_S, Category
from tallystick.apps.economy._world import Agent, World
from tallystick.units import WEI_PER_ETHER

__all__ = ["Society", "open_services"]

_HOT_WALLET = 3_000_000 * WEI_PER_ETHER
_COLD_MOVE = 20_000 * WEI_PER_ETHER


@dataclass
class Society:
    """The world and the groups in it."""

    world: World
    exchanges: list[str] = field(default_factory=list)
    pools: list[str] = field(default_factory=list)
    employers: list[str] = field(default_factory=list)
    shops: list[str] = field(default_factory=list)
    relayer: str = ""
    market_maker: str = ""
    people: list[str] = field(default_factory=list)  # normal accounts that send and receive
    casual: list[str] = field(default_factory=list)  # normal accounts that appear for one purchase, or one mistake

    def withdraw(self, exchange: str, user: str, wei: int) -> bool:
        """An exchange pays a user from its hot wallet."""
        return self.world.pay(exchange, user, wei)

    def deposit(self, user: str, exchange: str, wei: int | None = None) -> bool:
        """A user pays an exchange, all of it when no amount is given, through an address of their own there."""
        world = self.world
        address = self.deposit_address(user, exchange)
        done = world.drain(user, address) if wei is None else world.pay(user, address, wei)
        if done:
            world.spawn(_sweep(self, address, exchange), world.now + 2 * world.size.block_s)
        return done

    def deposit_address(self, user: str, exchange: str) -> str:
        """The address at which the exchange credits this user."""
        name = f"{exchange}/deposit/{user}"
        if name not in self.world.accounts:
            self.world.open(name, Category.SERVICE, "deposit address")
        return name


def open_services(world: World) -> Society:
    """Open exchanges, mining pools, employers, shops, a relayer and the deployer of the contracts."""
    society = Society(world)
    for number in range(max(world.size.accounts // 200, 2)):
        exchange = world.open(f"exchange-{number}", Category.SERVICE, "exchange hot wallet", _HOT_WALLET)
        cold = world.open(f"exchange-{number}/cold", Category.SERVICE, "exchange cold wallet")
        world.spawn(_keep_cold(society, exchange, cold), world.start + DAY_S)
        society.exchanges.append(exchange)
    for number in range(max(world.size.accounts // 300, 1)):
        pool = world.open(f"pool-{number}", Category.SERVICE, "mining pool", 50_000 * WEI_PER_ETHER)
        society.pools.append(pool)
        employer = world.open(f"employer-{number}", Category.SERVICE, "employer", 50_000 * WEI_PER_ETHER)
        society.employers.append(employer)
    for number in range(max(world.size.accounts // 100, 2)):
        shop = world.open(f"shop-{number}", Category.SERVICE, "shop")
        world.spawn(_keep_shop(society, shop), world.start + 5 * DAY_S)
        society.shops.append(shop)
    society.relayer = world.open("relayer", Category.SERVICE, "relayer", 10 * WEI_PER_ETHER)
    society.market_maker = world.open("market-maker", Category.SERVICE, "market maker", 5_000 * WEI_PER_ETHER)
    world.set_up_contracts(society.market_maker)
    return society


def _sweep(society: Society, address: str, exchange: str) -> Agent:
    # Deposit addresses are emptied into the hot wallet some time after each payment.
    dice = society.world.dice(f"sweep/{address}/{society.world.now}")
    yield dice.geometric(600, 6 * HOUR_S)
    society.world.drain(address, exchange)


def _keep_cold(society: Society, exchange: str, cold: str) -> Agent:
    dice = society.world.dice(exchange)
    while True:
        yield dice.between(4, 12) * DAY_S
        society.world.pay(exchange, cold, dice.between(1, 4) * _COLD_MOVE // 2)


def _keep_shop(society: Society, shop: str) -> Agent:
    dice = society.world.dice(shop)
    exchange = dice.pick(society.exchanges)
    while True:
        yield dice.between(3, 9) * DAY_S + dice.below(DAY_S)
        if society.world.balance(shop) > WEI_PER_ETHER:
            _pay_supplier(society, dice, shop)
            society.deposit(shop, exchange, society.world.balance(shop) * dice.between(60, 95) // 100)


def _pay_supplier(society: Society, dice: Dice, shop: str) -> None:
    if dice.chance(300_000):
        supplier = dice.pick(society.shops)
        if supplier != shop:
            society.world.pay(shop, supplier, society.world.balance(shop) // dice.between(4, 9))
