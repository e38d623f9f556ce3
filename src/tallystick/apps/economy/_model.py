"""What a plan is made of: accounts with their truth, actions in time order."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from enum import StrEnum
from typing import Final

import msgspec

from tallystick.errors import RangeError
from tallystick.hashing import keccak256
from tallystick.units import Address, Hash, UnixSeconds, Wei

__all__ = ["DAY_S", "DEFAULT_START", "HOUR_S", "Account", "Action", "Category", "EconomySize", "Kind", "Plan"]

HOUR_S: Final = 3_600
DAY_S: Final = 24 * HOUR_S
DEFAULT_START: Final = UnixSeconds(1_514_764_800)  # 2018-01-01, in the period the shipped model was trained on


class Category(StrEnum):
    """Truth about an account."""

    PHISHING = "phishing"
    STRUCTURING = "structuring"
    WASH = "wash"
    MIXER_USER = "mixer_user"
    NORMAL = "normal"
    SERVICE = "service"


class Kind(StrEnum):
    """What an action does."""

    DEPLOY = "deploy"
    SEED = "seed"
    TRANSFER = "transfer"
    TOKEN_TRANSFER = "token_transfer"
    TOKEN_APPROVE = "token_approve"
    BUY = "buy"
    SELL = "sell"
    MIXER_DEPOSIT = "mixer_deposit"
    MIXER_WITHDRAW = "mixer_withdraw"


@dataclass(frozen=True)
class EconomySize:
    """How large an economy is; about ten transactions are made per account in 120 days.

    Parameters
    ----------
    accounts
        Accounts wished for, in [40, 100_000]. From 300 on, the plan has within a tenth of that; below, the
        institutions and one operation of each fraud weigh more, and it has up to twice as many.
    days
        Simulated period, in [7, 1000].
    block_s
        Time between two blocks, in seconds; every action falls on a multiple of it.
    """

    accounts: int = 600
    days: int = 120
    block_s: int = HOUR_S

    def __post_init__(self) -> None:
        for name, low, high in (("accounts", 40, 100_000), ("days", 7, 1_000), ("block_s", 12, HOUR_S)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise RangeError(f"{name} must be in [{low}, {high}]", name=name, value=value)


@dataclass(frozen=True)
class Account:
    """One account: its address, what it truly is, and what it holds before the first action."""

    name: str
    address: Address
    category: Category
    role: str
    start_wei: Wei
    is_contract: bool = False


@dataclass(frozen=True)
class Action:
    """One intended transaction.

    Parameters
    ----------
    timestamp
        Time of its block.
    sender, target
        Names of accounts; the target is the receiver, or the contract called or deployed.
    value_wei
        Coin sent along.
    amount
        Token units of a token action or sale; number of the note for the mixer.
    beneficiary
        Name of the account that receives tokens, is allowed to spend, or is paid by the mixer; empty otherwise.
    gas_limit, gas_price_wei
        Legacy fee fields; within a block every price is below the one before, so a node that orders by
        price and one that orders by arrival build the same block.
    succeeds
        False where the transaction is meant to revert.
    """

    timestamp: UnixSeconds
    sender: str
    nonce: int
    kind: Kind
    target: str
    value_wei: Wei
    amount: int
    beneficiary: str
    gas_limit: int
    gas_price_wei: Wei
    succeeds: bool = True


@dataclass(frozen=True)
class Plan:
    """An economy before it happens."""

    seed: int
    size: EconomySize
    start: UnixSeconds
    accounts: tuple[Account, ...]
    actions: tuple[Action, ...]

    @property
    def end(self) -> int:
        """First second after the planned period."""
        return self.start + self.size.days * DAY_S

    @property
    def blocks(self) -> int:
        """Number of blocks that hold the actions."""
        return len({action.timestamp for action in self.actions})

    def digest(self) -> Hash:
        """Keccak-256 of the plan's JSON: equal plans, equal digests, on every platform."""
        # All integers as text: those above 64 bits are not read alike by every JSON reader.
        record = {
            "version": "1",
            "seed": str(self.seed),
            "size": [str(value) for value in astuple(self.size)],
            "start": str(self.start),
            "accounts": [
                (row.name, row.address.hex(), row.category, row.role, str(row.start_wei), row.is_contract)
                for row in self.accounts
            ],
            "actions": [_as_text(action) for action in self.actions],
        }
        return keccak256(msgspec.json.encode(record))


def _as_text(action: Action) -> tuple[str | bool, ...]:
    values = (getattr(action, field.name) for field in fields(action))
    return tuple(str(value) if type(value) is int else value for value in values)
