"""Ledgers as transport: JSON-RPC client, block stream, contracts, signers, the embedded chain."""

from __future__ import annotations

from tallystick.chain._anvil_api import AnvilApi
from tallystick.chain._anvil_install import find_anvil, user_cache_dir
from tallystick.chain._blocks import Block, Log, Receipt, Transaction
from tallystick.chain._clock import Clock, ManualClock
from tallystick.chain._contracts import Artefact, Contract, load_artefact
from tallystick.chain._embedded import (
    EMBEDDED_CHAIN_ID,
    DevAccount,
    EmbeddedChain,
    EmbeddedOptions,
    find_running,
    has_state,
)
from tallystick.chain._fake_node import FakeNode, FakeTransaction
from tallystick.chain._rpc import RpcClient
from tallystick.chain._rpc_errors import safe_url
from tallystick.chain._rpc_transport import RpcOptions
from tallystick.chain._run_sync import iterate_sync, run_sync
from tallystick.chain._signers import EmbeddedSigner, KeySigner, KeystoreSigner, Signer, signer_from_settings
from tallystick.chain._stream import Advance, BlockId, BlockStream, Event, Rollback, StreamOptions
from tallystick.chain._transactions import SendOptions, connect, send_transaction, simulate, translated
from tallystick.chain._websocket import WebsocketTransport

__all__ = [
    "EMBEDDED_CHAIN_ID",
    "Advance",
    "AnvilApi",
    "Artefact",
    "Block",
    "BlockId",
    "BlockStream",
    "Clock",
    "Contract",
    "DevAccount",
    "EmbeddedChain",
    "EmbeddedOptions",
    "EmbeddedSigner",
    "Event",
    "FakeNode",
    "FakeTransaction",
    "KeySigner",
    "KeystoreSigner",
    "Log",
    "ManualClock",
    "Receipt",
    "Rollback",
    "RpcClient",
    "RpcOptions",
    "SendOptions",
    "Signer",
    "StreamOptions",
    "Transaction",
    "WebsocketTransport",
    "connect",
    "find_anvil",
    "find_running",
    "has_state",
    "iterate_sync",
    "load_artefact",
    "run_sync",
    "safe_url",
    "send_transaction",
    "signer_from_settings",
    "simulate",
    "translated",
    "user_cache_dir",
]
