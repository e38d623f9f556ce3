"""Carry a plan out: real transactions, block by block, on the embedded chain."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from tallystick.apps.economy._calls import calldata
from tallystick.apps.economy._model import Account, Action, Kind, Plan
from tallystick.apps.economy._truth import Truth
from tallystick.chain import AnvilApi, EmbeddedChain
from tallystick.errors import ChainError, TransactionFailed
from tallystick.units import format_address, parse_hash

__all__ = ["Progress", "run_economy"]

Progress = Callable[[int, int], None]  # (transactions done, transactions in all)

_READ_BATCH: Final = 200
_SETTLE_S: Final = 0.3
_HINT: Final = "Start the economy on a chain of its own: remove the chain's folder and run again."


def run_economy(chain: EmbeddedChain | AnvilApi, plan: Plan, progress: Progress | None = None) -> Truth:
    """Make every planned transaction, then read all of them back and check them.

    Senders are impersonated and institutions get their first coin by ``anvil_setBalance``; all else is paid by
    transactions. Blocks are mined one by one with their planned times. Running again on the same chain
    continues after the last block that was mined, or, when all are there, only reads them back.

    On a chain made with ``genesis_timestamp=plan.start`` and nothing else on it, the same plan gives the same
    block hashes every time. On a chain whose head is later than that, all times are shifted alike.

    Parameters
    ----------
    chain
        The embedded chain, or calls to one that another process keeps.
    plan
        From :func:`plan_economy`.
    progress
        Called with (done, total) after each block.

    Raises
    ------
    ChainError
        The chain has transactions of these accounts that are not this plan's.
    TransactionFailed
        A transaction was refused, or is not on the chain where it was planned.
    """
    api = chain.api if isinstance(chain, EmbeddedChain) else chain
    run = _Run(api, plan, {account.name: account for account in plan.accounts})
    automine = bool(api.call("anvil_getAutomine"))
    api.set_automine(False)
    api.call("anvil_autoImpersonateAccount", True)
    try:
        run.send(progress or (lambda done, total: None))
    except BaseException:
        # The node may still be at work on a batch we no longer wait for; mined later, it would have another time.
        time.sleep(_SETTLE_S)
        api.call("anvil_dropAllTransactions")
        raise
    finally:
        api.call("anvil_autoImpersonateAccount", False)
        api.set_automine(automine)
    return run.read_back()


@dataclass
class _Run:
    api: AnvilApi
    plan: Plan
    accounts: dict[str, Account]
    shift_s: int = 0

    def send(self, progress: Progress) -> None:
        actions = self.plan.actions
        done = self._already_done()
        if done == len(actions):
            return
        self.api.call("anvil_dropAllTransactions")  # what an interrupted run left unmined
        self.api.set_next_block_base_fee(0)
        if done == 0:
            self._fund()
        for planned, group in groupby(actions[done:], key=lambda action: action.timestamp):
            block = list(group)
            self._send_block(planned + self.shift_s, block)
            done += len(block)
            progress(done, len(actions))

    def _already_done(self) -> int:
        # Blocks are mined whole and in order, so the nonces say how far an earlier run came.
        senders = sorted({action.sender for action in self.plan.actions})
        calls = [("eth_getTransactionCount", [self._address(name), "latest"]) for name in senders]
        nonces = dict(zip(senders, (int(nonce, 16) for nonce in self._batches(calls)), strict=True))
        done = sum(nonces.values())
        expected = dict.fromkeys(senders, 0)
        for action in self.plan.actions[:done]:
            expected[action.sender] += 1
        if expected != nonces:
            raise ChainError("the chain has other transactions of these accounts", url=self.api.url, next_step=_HINT)
        first = self.plan.actions[0].timestamp
        if done:
            self.shift_s = self._time_of_first() - first
        else:
            head = int(self.api.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
            late, step = max(head + 1 - first, 0), self.plan.size.block_s
            self.shift_s = -(-late // step) * step
        return done

    def _time_of_first(self) -> int:
        deployer = self._address(self.plan.actions[0].sender)
        for header in self._headers(full=True):
            if any(tx["from"] == deployer and int(tx["nonce"], 16) == 0 for tx in header["transactions"]):
                return int(header["timestamp"], 16)
        raise ChainError("the chain no longer has the first block of the economy", url=self.api.url, next_step=_HINT)

    def _fund(self) -> None:
        funded = [account for account in self.plan.accounts if account.start_wei]
        self._batches([("anvil_setBalance", [format_address(a.address), hex(a.start_wei)]) for a in funded])

    def _send_block(self, timestamp: int, actions: Sequence[Action]) -> None:
        try:
            self.api.batch([("eth_sendTransaction", [self._transaction(action)]) for action in actions])
        except ChainError as error:
            cause = f"a transaction of the economy was refused: {error.cause}"
            raise TransactionFailed(cause, url=self.api.url, next_step=_HINT) from error
        self.api.call("evm_mine", {"timestamp": timestamp, "blocks": 1})

    def _transaction(self, action: Action) -> dict[str, str]:
        fields = {
            "from": self._address(action.sender),
            "value": hex(action.value_wei),
            "gas": hex(action.gas_limit),
            "gasPrice": hex(action.gas_price_wei),
            "nonce": hex(action.nonce),
            "input": "0x" + calldata(action, self.accounts, self.plan.seed).hex(),
        }
        return fields if action.kind is Kind.DEPLOY else {**fields, "to": self._address(action.target)}

    def read_back(self) -> Truth:
        # Others may mine after the economy within the second of its last block: the first block of a time is ours.
        headers = reversed(self._headers(full=False))
        numbers = {int(header["timestamp"], 16): int(header["number"], 16) for header in headers}
        groups = groupby(self.plan.actions, key=lambda action: action.timestamp)
        blocks = [(planned + self.shift_s, list(group)) for planned, group in groups]
        missing = [planned for planned, _ in blocks if planned not in numbers]
        if missing:
            raise TransactionFailed(f"no block has the time {missing[0]}", url=self.api.url, next_step=_HINT)
        receipts = self._batches([("eth_getBlockReceipts", [hex(numbers[planned])]) for planned, _ in blocks])
        pairs: list[tuple[Action, dict[str, Any]]] = []
        for (planned, actions), found in zip(blocks, receipts, strict=True):
            if [receipt["from"] for receipt in found] != [self._address(action.sender) for action in actions]:
                cause = "a block does not hold the planned transactions in their order"
                raise TransactionFailed(cause, url=self.api.url, block=numbers[planned], next_step=_HINT)
            pairs += zip(actions, found, strict=True)
        return Truth(
            plan_digest=self.plan.digest(),
            time_shift_s=self.shift_s,
            first_block=numbers[blocks[0][0]],
            last_block=numbers[blocks[-1][0]],
            first_hash=parse_hash(receipts[0][0]["blockHash"]),
            last_hash=parse_hash(receipts[-1][0]["blockHash"]),
            transactions=len(pairs),
            reverted=sum(not _succeeded(receipt) for _, receipt in pairs),
            unexpected=tuple(_complaint(*pair) for pair in pairs if pair[0].succeeds != _succeeded(pair[1])),
            gas_used=sum(int(receipt["gasUsed"], 16) for _, receipt in pairs),
            accounts=self.plan.accounts,
        )

    def _headers(self, full: bool) -> list[dict[str, Any]]:
        head = self.api.block_number()
        return self._batches([("eth_getBlockByNumber", [hex(number), full]) for number in range(head + 1)])

    def _batches(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(calls), _READ_BATCH):
            found += self.api.batch(calls[start : start + _READ_BATCH])
        return found

    def _address(self, name: str) -> str:
        return format_address(self.accounts[name].address)


def _succeeded(receipt: dict[str, Any]) -> bool:
    return int(receipt["status"], 16) == 1


def _complaint(action: Action, receipt: dict[str, Any]) -> str:
    done = "succeeded" if _succeeded(receipt) else "reverted"
    return f"{receipt['transactionHash']}: {action.kind.value} of {action.sender} (nonce {action.nonce}) {done}"
