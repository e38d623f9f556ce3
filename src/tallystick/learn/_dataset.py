"""Feature rows of labelled accounts: what a model is trained and judged on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tallystick.errors import LearnError, RangeError
from tallystick.features import Engine, EngineOptions, TransferBatch
from tallystick.units import parse_address

__all__ = ["AccountRows", "account_rows", "binary_labels", "running_count"]


@dataclass(frozen=True)
class AccountRows:
    """Rows of some accounts, in chain order; every array has one entry a row.

    Parameters
    ----------
    rows
        (n, features) int64.
    account
        int64, position of the account in ``addresses``.
    transfer
        int64, which transfer of its account the row is, counted from 1.
    time
        int64, UTC seconds.
    amount
        int64, gwei, of the transfer.
    partner
        int64, id of the other account; 0 for nobody.
    incoming
        bool, the account is the receiver.
    addresses
        20 bytes each, in order of first appearance.
    """

    rows: np.ndarray
    account: np.ndarray
    transfer: np.ndarray
    time: np.ndarray
    amount: np.ndarray
    partner: np.ndarray
    incoming: np.ndarray
    addresses: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.account)

    @property
    def first_time(self) -> np.ndarray:
        """(accounts,) int64, time of each account's first row."""
        first = np.full(len(self.addresses), np.iinfo(np.int64).max)
        np.minimum.at(first, self.account, self.time)
        return first

    def where(self, mask: np.ndarray) -> AccountRows:
        """Keep the rows where ``mask`` is true; accounts keep their positions."""
        columns = ("rows", "account", "transfer", "time", "amount", "partner", "incoming")
        return AccountRows(**{name: getattr(self, name)[mask] for name in columns}, addresses=self.addresses)

    def last_rows(self) -> np.ndarray:
        """Indices of each account's last row, accounts in rising position."""
        last = np.full(len(self.addresses), -1)
        last[self.account] = np.arange(len(self))  # later rows overwrite earlier ones
        return last[last >= 0]


def binary_labels(labels: pa.Table, positive: str = "phishing", negative: str = "normal") -> dict[bytes, int]:
    """Labels by address: 1 for the positive category, 0 for the negative.

    Other categories, and addresses that are not 20 bytes, are left out.

    Raises
    ------
    LearnError
        An address has both, or one category has no address.
    """
    result: dict[bytes, int] = {}
    for address, category in zip(labels["address"].to_pylist(), labels["category"].to_pylist(), strict=True):
        if category not in (positive, negative):
            continue
        try:
            account = parse_address(address)
        except RangeError:
            continue  # an account of another kind of chain
        label = int(category == positive)
        if result.setdefault(account, label) != label:
            raise LearnError(f"{address} is labelled both {positive} and {negative}", name=address)
    for category, label in ((positive, 1), (negative, 0)):
        if label not in result.values():
            raise LearnError(f"no address is labelled {category}", name=category)
    return result


def account_rows(
    batches: Iterable[pa.Table], accounts: Mapping[bytes, object], options: EngineOptions | None = None
) -> AccountRows:
    """Run transfers through a fresh engine and keep the rows of some accounts.

    Parameters
    ----------
    batches
        Tables of layout ``transfers``, whole blocks, in chain order.
    accounts
        Addresses to keep.
    options
        What the engine computes; by default everything.

    Raises
    ------
    LearnError
        None of the accounts occurs.
    """
    engine = Engine(options, journal_blocks=0)
    position: dict[int, int] = {}
    addresses: list[bytes] = []
    parts: list[tuple[np.ndarray, ...]] = []
    for table in batches:
        batch = TransferBatch.from_arrow(table)
        before = engine.accounts_known
        result = engine.advance(batch)
        fresh = np.arange(before + 1, engine.accounts_known + 1)
        for known, address in zip(fresh.tolist(), engine.addresses(fresh), strict=True):
            if bytes(address) in accounts:
                position[known] = len(addresses)
                addresses.append(bytes(address))
        wanted = np.zeros(engine.accounts_known + 1, bool)
        wanted[list(position)] = True
        wanted_rows = wanted[result.account]
        # A transfer to oneself is one transfer: the receiver's row stands for it.
        wanted_rows[0::2] &= result.account[0::2] != result.account[1::2]
        keep = np.flatnonzero(wanted_rows)
        ids = np.array([position[account] for account in result.account[keep].tolist()], np.int64)
        transfer = keep // 2
        partner = result.account[keep ^ 1]
        parts.append((result.rows[keep], ids, batch.time[transfer], batch.amount[transfer], partner, keep % 2 == 1))
    if not addresses:
        raise LearnError("no labelled account occurs in the source")
    stacked = [np.concatenate(column) for column in zip(*parts, strict=True)]
    rows, account, time, amount, partner, incoming = stacked
    return AccountRows(rows, account, running_count(account), time, amount, partner, incoming, tuple(addresses))


def running_count(ids: np.ndarray) -> np.ndarray:
    """How often each entry's id has occurred up to and with it."""
    order = np.argsort(ids, kind="stable")
    ranked = ids[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=-1))
    within = np.arange(len(ids)) - np.repeat(starts, np.diff(np.append(starts, len(ids))))
    count = np.empty(len(ids), np.int64)
    count[order] = within + 1
    return count
