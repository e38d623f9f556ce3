"""What accounts can do while a plan is made: acts that cost what they will cost on the chain."""

from __future__ import annotations

from typing import Final

from tallystick.apps.economy._book import Book
from tallystick.apps.economy._calls import (
    MIXER_DELAY_S,
    MIXER_FEE_WEI,
    MIXER_NOTE_WEI,
    TOKEN_SUPPLY,
    account_address,
    contract_address,
    quote,
)
from tallystick.apps.economy._dice import Dice
from tallystick.apps.economy._model import DAY_S, HOUR_S, Account, Action, Category, EconomySize, Kind
from tallystick.units import WEI_PER_ETHER, WEI_PER_GWEI, UnixSeconds, Wei

__all__ = ["GAS_LIMIT", "Acts"]

GAS_LIMIT: Final = {
    Kind.DEPLOY: 2_000_000,
    Kind.SEED: 250_000,
    Kind.TRANSFER: 21_000,
    Kind.TOKEN_TRANSFER: 70_000,
    Kind.TOKEN_APPROVE: 60_000,
    Kind.BUY: 140_000,
    Kind.SELL: 140_000,
    Kind.MIXER_DEPOSIT: 100_000,
    Kind.MIXER_WITHDRAW: 120_000,
}
_BLOCK_GAS: Final = 14_000_000  # below half of the node's limit, so that the base fee never rises
_PRICE_STEP_WEI: Final = 1_000_000  # each transaction of a block offers this much less than the one before
_PRICE_LOW, _PRICE_HIGH = 4, 60  # gwei, the range of ordinary days in early 2018
_POOL_COIN: Final = 2_000 * WEI_PER_ETHER
_POOL_TOKENS: Final = 4_000_000 * WEI_PER_ETHER
_WAKING_S: Final = 12 * HOUR_S  # everybody lives in one part of the world and acts in the first half of each day
_UNLIMITED: Final = (1 << 256) - 1


class Acts:
    """Accounts, their books, and acts that are checked against the books and recorded as actions.

    An act that the account cannot afford returns false, and nothing happens.
    """

    def __init__(self, seed: int, size: EconomySize, start: UnixSeconds) -> None:
        self.seed, self.size, self.start = seed, size, start
        self.now: int = start
        self.accounts: dict[str, Account] = {}
        self.actions: list[Action] = []
        self._coin, self._tokens = Book(), Book()
        self._nonces: dict[str, int] = {}
        self._block, self._block_gas, self._block_count = 0, 0, 0
        self._prices = _price_walk(Dice(seed, "gas price"), size.days + 2)
        self._pool_coin, self._pool_tokens = 0, 0
        self._notes: list[tuple[int, str]] = []  # (time of the deposit, beneficiary)
        self._approved: set[str] = set()

    def open(self, name: str, category: Category, role: str, start_wei: int = 0) -> str:
        """Make an account and return its name."""
        assert name not in self.accounts, f"account {name} exists"
        self.accounts[name] = Account(name, account_address(self.seed, name), category, role, Wei(start_wei))
        self._coin.give(name, start_wei, self.start)
        return name

    def dice(self, name: str) -> Dice:
        """Random stream of its own for this name."""
        return Dice(self.seed, name)

    def balance(self, name: str) -> int:
        """Wei the account can spend now, fees included."""
        return self._coin.spendable(name, self._next_block(0))

    def tokens(self, name: str) -> int:
        """Token units the account can spend now."""
        return self._tokens.spendable(name, self._next_block(0))

    def note_matures(self, note: int) -> int:
        """Time from which the mixer pays a note out."""
        return self._notes[note][0] + MIXER_DELAY_S

    def pay(self, sender: str, receiver: str, wei: int) -> bool:
        """Send coin."""
        if wei <= 0:
            return False
        done = self._act(sender, Kind.TRANSFER, receiver, value_wei=wei)
        if done:
            self._coin.give(receiver, wei, self._block)
        return done

    def drain(self, sender: str, receiver: str) -> bool:
        """Send everything but the fee of sending it; the account is left empty to the last wei."""
        price = self._price(self._next_block(GAS_LIMIT[Kind.TRANSFER]))
        return self.pay(sender, receiver, self.balance(sender) - GAS_LIMIT[Kind.TRANSFER] * price)

    def send_tokens(self, sender: str, receiver: str, units: int) -> bool:
        """Send token units."""
        if not 0 < units <= self.tokens(sender):
            return False
        done = self._act(sender, Kind.TOKEN_TRANSFER, "token", amount=units, beneficiary=receiver)
        if done:
            self._tokens.take(sender, units, self._block)
            self._tokens.give(receiver, units, self._block)
        return done

    def overspend_tokens(self, sender: str, receiver: str) -> bool:
        """Send more token units than there are: a transaction that is meant to revert."""
        return self._act(
            sender, Kind.TOKEN_TRANSFER, "token", amount=TOKEN_SUPPLY + 1, beneficiary=receiver, succeeds=False
        )

    def buy(self, sender: str, wei: int) -> bool:
        """Buy token units on the exchange contract for coin."""
        units = quote(wei, self._pool_coin, self._pool_tokens) if wei > 0 else 0
        if units == 0 or not self._act(sender, Kind.BUY, "exchange", value_wei=wei):
            return False
        self._pool_coin += wei
        self._pool_tokens -= units
        self._tokens.give(sender, units, self._block)
        return True

    def sell(self, sender: str, units: int) -> bool:
        """Sell token units on the exchange contract, allowing it to take them at the first time."""
        if not 0 < units <= self.tokens(sender):
            return False
        if sender not in self._approved:
            if not self._act(sender, Kind.TOKEN_APPROVE, "token", amount=_UNLIMITED, beneficiary="exchange"):
                return False
            self._approved.add(sender)
        coin = quote(units, self._pool_tokens, self._pool_coin)
        if coin == 0 or not self._act(sender, Kind.SELL, "exchange", amount=units):
            return False
        self._tokens.take(sender, units, self._block)
        self._pool_tokens += units
        self._pool_coin -= coin
        self._coin.give(sender, coin, self._block)
        return True

    def mixer_deposit(self, sender: str, beneficiary: str) -> int | None:
        """Pay a note into the mixer for an account; return its number, or null when it cannot be afforded."""
        note = len(self._notes)
        done = self._act(sender, Kind.MIXER_DEPOSIT, "mixer", MIXER_NOTE_WEI, amount=note, beneficiary=beneficiary)
        if not done:
            return None
        self._notes.append((self._block, beneficiary))
        return note

    def mixer_withdraw(self, relayer: str, note: int) -> bool:
        """Have a matured note paid out, by a relayer who earns the fee."""
        beneficiary = self._notes[note][1]
        if self._next_block(GAS_LIMIT[Kind.MIXER_WITHDRAW]) < self.note_matures(note):
            return False
        done = self._act(relayer, Kind.MIXER_WITHDRAW, "mixer", amount=note, beneficiary=beneficiary)
        if done:
            self._coin.give(beneficiary, MIXER_NOTE_WEI - MIXER_FEE_WEI, self._block)
            self._coin.give(relayer, MIXER_FEE_WEI, self._block)
        return done

    def set_up_contracts(self, deployer: str) -> None:
        """Deploy token, exchange and mixer and give the exchange its liquidity."""
        for name, nonce in (("token", 0), ("exchange", 1), ("mixer", 4)):
            address = contract_address(self.accounts[deployer].address, nonce)
            self.accounts[name] = Account(name, address, Category.SERVICE, "contract", Wei(0), is_contract=True)
        done = [
            self._act(deployer, Kind.DEPLOY, "token"),
            self._act(deployer, Kind.DEPLOY, "exchange"),
            self._act(deployer, Kind.TOKEN_APPROVE, "token", amount=_UNLIMITED, beneficiary="exchange"),
            self._act(deployer, Kind.SEED, "exchange", _POOL_COIN, amount=_POOL_TOKENS),
            self._act(deployer, Kind.DEPLOY, "mixer"),
        ]
        assert all(done), "the deployer cannot pay for the contracts"
        self._pool_coin, self._pool_tokens = _POOL_COIN, _POOL_TOKENS
        self._tokens.give(deployer, TOKEN_SUPPLY - _POOL_TOKENS, self._block)

    def _act(
        self, sender: str, kind: Kind, target: str, value_wei: int = 0, *,
        amount: int = 0, beneficiary: str = "", succeeds: bool = True,
    ) -> bool:  # fmt: skip
        gas = GAS_LIMIT[kind]
        block = self._next_block(gas)
        price = self._price(block)
        if self._coin.spendable(sender, block) < value_wei + gas * price:
            return False
        if block != self._block:
            self._block, self._block_gas, self._block_count = block, 0, 0
        self._block_gas += gas
        self._block_count += 1
        self._coin.take(sender, value_wei + gas * price, block)
        nonce = self._nonces.get(sender, 0)
        self._nonces[sender] = nonce + 1
        time, value, fee = UnixSeconds(block), Wei(value_wei), Wei(price)
        self.actions.append(Action(time, sender, nonce, kind, target, value, amount, beneficiary, gas, fee, succeeds))
        return True

    def _next_block(self, gas: int) -> int:
        # Time of the block an act of this much gas falls in: the first not before now that has room.
        step = self.size.block_s
        days, moment = divmod(self.now - self.start, DAY_S)
        awake = days * DAY_S + moment * _WAKING_S // DAY_S
        block = max(self.start + max(-(-awake // step), 1) * step, self._block)
        return block + step if block == self._block and self._block_gas + gas > _BLOCK_GAS else block

    def _price(self, block: int) -> int:
        count = self._block_count if block == self._block else 0
        day = min((block - self.start) // DAY_S, len(self._prices) - 1)
        return self._prices[day] * WEI_PER_GWEI - count * _PRICE_STEP_WEI


def _price_walk(dice: Dice, days: int) -> list[int]:
    # gwei of each day: up or down by a fifth, kept in the range
    prices = [dice.between(_PRICE_LOW, _PRICE_HIGH)]
    for _ in range(days):
        step = max(prices[-1] // 5, 1)
        prices.append(min(max(prices[-1] + dice.between(-step, step), _PRICE_LOW), _PRICE_HIGH))
    return prices
