"""Connect by web3.py, try a transaction out, send it and wait for what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tallystick.chain._rpc_errors import RpcError, classify, is_loopback, safe_url
from tallystick.chain._signers import Signer
from tallystick.errors import ChainError, RateLimited, TransactionFailed, Unreachable, WrongChain

if TYPE_CHECKING:
    from web3 import Web3
    from web3.types import TxReceipt

__all__ = ["SendOptions", "connect", "send_transaction", "simulate"]

_REVERTED: Final = "execution reverted"
_NO_REASON: Final = "reverted without a reason"


@dataclass(frozen=True)
class SendOptions:
    """How a transaction is sent.

    Parameters
    ----------
    gas_margin_percent
        Added to the node's estimate.
    timeout_s
        Longest wait for the transaction to be mined.
    poll_s
        Pause between questions whether it was.
    priority_fee_wei
        Tip per gas where the node does not suggest one.
    """

    gas_margin_percent: int = 20
    timeout_s: float = 120
    poll_s: float = 0.05
    priority_fee_wei: int = 10**9


def connect(url: str, chain_id: int = 0, timeout_s: float = 30) -> Web3:
    """Connect to a node over HTTP.

    Parameters
    ----------
    url
        ``http://`` or ``https://``.
    chain_id
        Chain id that the node must report; 0 accepts any.
    timeout_s
        Longest wait for one answer.

    Raises
    ------
    Unreachable
        No answer.
    WrongChain
        The node is on another chain.
    """
    import requests
    from web3 import Web3
    from web3.middleware import ExtraDataToPOAMiddleware

    session = requests.Session()
    session.trust_env = not is_loopback(url)
    w3 = Web3(Web3.HTTPProvider(url, request_kwargs={"timeout": timeout_s}, session=session))
    w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)  # proof-of-authority headers are longer
    with translated(w3):
        found = w3.eth.chain_id
    if chain_id and found != chain_id:
        cause = f"the node is on chain {found}, not {chain_id}"
        raise WrongChain(cause, url=safe_url(url), chain_id=found, expected=chain_id)
    return w3


def simulate(w3: Web3, sender: str, transaction: Mapping[str, Any]) -> bytes:
    """Try a transaction out on the head without sending it; return what it would return.

    Raises
    ------
    TransactionFailed
        It would be refused or revert; the cause is the contract's own reason.
    """
    with translated(w3, account=sender):
        ready: Any = _addressed(w3, {**transaction, "from": sender})
        return bytes(w3.eth.call(ready))


def send_transaction(
    w3: Web3, signer: Signer, transaction: Mapping[str, Any], options: SendOptions | None = None
) -> TxReceipt:
    """Complete a transaction, sign it, send it, and wait until it is mined.

    What the transaction already has is kept; nonce, chain id, EIP-1559 fees (twice the base fee, plus tip) and gas
    (estimate plus margin) are filled in.

    Raises
    ------
    TransactionFailed
        Refused by the node, or reverted: the cause is the contract's own reason.
    ChainError
        It was sent, and not mined in time.
    """
    options = options or SendOptions()
    with translated(w3, account=signer.address):
        ready = _complete(w3, signer.address, transaction, options)
        name = w3.eth.send_raw_transaction(signer.sign_transaction(ready))
        receipt = _wait_for_receipt(w3, name, options)
    if receipt["status"] != 1:
        where: dict[str, Any] = {"tx": "0x" + bytes(name).hex(), "block": receipt["blockNumber"]}
        raise TransactionFailed(_reason_of_mined(w3, ready, receipt), account=signer.address, **where)
    return receipt


@contextmanager
def translated(w3: Web3, **where: Any) -> Iterator[None]:
    """Turn what web3 and its HTTP library raise into our errors."""
    from web3.exceptions import ContractLogicError, Web3RPCError

    url = safe_url(str(getattr(w3.provider, "endpoint_uri", "")))
    try:
        yield
    except ContractLogicError as error:
        raise TransactionFailed(_reason(error), url=url, **where) from error
    except Web3RPCError as error:
        said = (error.rpc_response or {}).get("error", {})
        details = said if isinstance(said, dict) else {"message": str(said)}
        code, text = details.get("code", 0), str(details.get("message", error))
        _, found = classify(RpcError(code, text), "", url)
        if type(found) is not ChainError:
            raise type(found)(found.cause, url=url, rpc_code=code, **where) from error
        raise TransactionFailed(text, url=url, rpc_code=code, **where) from error
    except OSError as error:  # all of the HTTP library's errors are
        if getattr(getattr(error, "response", None), "status_code", None) == 429:
            raise RateLimited("too many requests", url=url, **where) from error
        raise Unreachable(f"no answer: {type(error).__name__}", url=url, **where) from error


def _complete(w3: Web3, sender: str, transaction: Mapping[str, Any], options: SendOptions) -> dict[str, Any]:
    ready: Any = _addressed(w3, {**transaction, "from": sender})
    ready.setdefault("value", 0)
    ready.setdefault("chainId", w3.eth.chain_id)
    if "nonce" not in ready:
        ready["nonce"] = w3.eth.get_transaction_count(ready["from"], "pending")
    head = w3.eth.get_block("latest")
    if "gasPrice" not in ready and "maxFeePerGas" not in ready:
        ready.update(_fees(w3, head.get("baseFeePerGas"), options))
    if "gas" not in ready:
        estimate = w3.eth.estimate_gas(ready)
        ready["gas"] = min(estimate + estimate * options.gas_margin_percent // 100, max(head["gasLimit"], estimate))
    return dict(ready)


def _fees(w3: Web3, base_fee: int | None, options: SendOptions) -> dict[str, int]:
    from web3.exceptions import Web3RPCError

    if base_fee is None:
        return {"gasPrice": w3.eth.gas_price}
    try:
        tip = int(w3.eth.max_priority_fee)
    except Web3RPCError:
        tip = options.priority_fee_wei
    return {"maxPriorityFeePerGas": tip, "maxFeePerGas": 2 * base_fee + tip}


def _addressed(w3: Web3, transaction: dict[str, Any]) -> dict[str, Any]:
    """Give addresses the letter-case checksum that web3 insists on."""
    for name in ("from", "to"):
        if transaction.get(name):
            transaction[name] = w3.to_checksum_address(transaction[name])
    return transaction


def _wait_for_receipt(w3: Web3, name: Any, options: SendOptions) -> TxReceipt:
    from web3.exceptions import TimeExhausted

    try:
        return w3.eth.wait_for_transaction_receipt(name, timeout=options.timeout_s, poll_latency=options.poll_s)
    except TimeExhausted as error:
        raise ChainError(
            f"not mined in {options.timeout_s:g} s",
            next_step="It may still be mined: look it up by its hash before sending again.",
            tx="0x" + bytes(name).hex(),
        ) from error


def _reason_of_mined(w3: Web3, transaction: dict[str, Any], receipt: TxReceipt) -> str:
    """Why a mined transaction failed: run it again on the block before."""
    if receipt["gasUsed"] >= transaction["gas"]:
        return "out of gas"
    call: Any = {name: transaction[name] for name in ("from", "to", "data", "value", "gas") if name in transaction}
    try:
        with translated(w3):
            w3.eth.call(call, receipt["blockNumber"] - 1)
    except ChainError as error:
        return error.cause
    return _NO_REASON  # it depended on what came before it in its block


def _reason(error: Any) -> str:
    """Contract's own words in a revert."""
    text = str(error.message or "").strip()
    text = text.removeprefix(_REVERTED).lstrip(":, ")
    data = error.data if isinstance(error.data, str) else ""
    if not text or text.startswith(("0x", "no data")):
        return f"{_NO_REASON}, data {data[:74]}" if len(data) > 2 else _NO_REASON
    return text
