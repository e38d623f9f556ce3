"""From actions to calldata, and the addresses that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from eth_abi.abi import encode

from tallystick.apps.economy._model import Account, Action, Kind
from tallystick.hashing import keccak256
from tallystick.units import WEI_PER_ETHER, Address, Hash

__all__ = [
    "MIXER_DELAY_S",
    "MIXER_FEE_WEI",
    "MIXER_NOTE_WEI",
    "TOKEN_SUPPLY",
    "account_address",
    "artifact",
    "calldata",
    "commitment",
    "contract_address",
    "quote",
    "selector",
]

TOKEN_SUPPLY: Final = 100_000_000 * WEI_PER_ETHER
MIXER_NOTE_WEI: Final = 10 * WEI_PER_ETHER
MIXER_DELAY_S: Final = 24 * 3_600
MIXER_FEE_WEI: Final = WEI_PER_ETHER // 50
_FEE_NUMERATOR: Final = 997
_FEE_DENOMINATOR: Final = 1_000
_CONTRACT_OF: Final = {"token": "Token", "exchange": "Exchange", "mixer": "Mixer"}


@cache
def artifact(name: str) -> Mapping[str, Any]:
    """Read a compiled contract shipped with the package: ``Token``, ``Exchange`` or ``Mixer``."""
    text = files("tallystick.apps.economy").joinpath("artifacts", f"{name}.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


def selector(signature: str) -> bytes:
    """First four bytes of the hash of a function's signature.

    Examples
    --------
    >>> selector("transfer(address,uint256)").hex()
    'a9059cbb'
    """
    return keccak256(signature.encode())[:4]


def account_address(seed: int, name: str) -> Address:
    """Address of a planned account: nobody has its key, the embedded chain impersonates it."""
    return Address(keccak256(f"tallystick economy account/{seed}/{name}".encode())[12:])


def contract_address(deployer: Address, nonce: int) -> Address:
    """Address of the contract that an account's transaction with this nonce makes.

    ``keccak256(rlp([deployer, nonce]))[12:]``, for nonces below 128, which RLP writes in one byte.

    Examples
    --------
    >>> contract_address(Address(bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")), 0).hex()
    'cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d'
    """
    assert 0 <= nonce < 128, "nonce needs a longer RLP form"
    body = b"\x94" + deployer + (bytes([nonce]) if nonce else b"\x80")
    return Address(keccak256(bytes([0xC0 + len(body)]) + body)[12:])


def quote(given: int, reserve_in: int, reserve_out: int) -> int:
    """What the exchange contract pays for an amount, rounded down; its reference.

    ``floor(997 given reserve_out / (1000 reserve_in + 997 given))``

    Examples
    --------
    >>> quote(1_000, 1_000_000, 2_000_000)
    1992
    """
    effective = given * _FEE_NUMERATOR
    return effective * reserve_out // (reserve_in * _FEE_DENOMINATOR + effective)


def secret(seed: int, note: int) -> Hash:
    """Secret of the mixer's note of this number."""
    return keccak256(f"tallystick economy note/{seed}/{note}".encode())


def commitment(seed: int, note: int, recipient: Address) -> Hash:
    """Commitment of a note: binds its secret and its recipient."""
    return keccak256(encode(["bytes32", "address"], [secret(seed, note), recipient]))


def calldata(action: Action, accounts: Mapping[str, Account], seed: int) -> bytes:
    """Input data of an action's transaction; empty for a plain payment."""
    if action.kind is Kind.TRANSFER:
        return b""
    if action.kind is Kind.DEPLOY:
        return _creation(action.target, accounts)
    who = accounts[action.beneficiary].address if action.beneficiary else Address(bytes(20))
    calls: dict[Kind, tuple[str, list[Any]]] = {
        Kind.SEED: ("seed(uint256)", [action.amount]),
        Kind.TOKEN_TRANSFER: ("transfer(address,uint256)", [who, action.amount]),
        Kind.TOKEN_APPROVE: ("approve(address,uint256)", [who, action.amount]),
        Kind.BUY: ("buy(uint256)", [0]),
        Kind.SELL: ("sell(uint256,uint256)", [action.amount, 0]),
        Kind.MIXER_DEPOSIT: ("deposit(bytes32)", [commitment(seed, action.amount, who)]),
        Kind.MIXER_WITHDRAW: ("withdraw(bytes32,address)", [secret(seed, action.amount), who]),
    }
    signature, values = calls[action.kind]
    types = signature[signature.index("(") + 1 : -1].split(",")
    return selector(signature) + encode(types, values)


def _creation(target: str, accounts: Mapping[str, Account]) -> bytes:
    code = bytes.fromhex(artifact(_CONTRACT_OF[target])["bytecode"].removeprefix("0x"))
    if target == "token":
        return code + encode(["uint256"], [TOKEN_SUPPLY])
    if target == "exchange":
        return code + encode(["address"], [accounts["token"].address])
    return code + encode(["uint256"] * 3, [MIXER_NOTE_WEI, MIXER_DELAY_S, MIXER_FEE_WEI])
