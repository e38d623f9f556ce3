"""The ledger a project uses: the embedded chain, or any other by URL, with our two contracts on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from web3 import Web3

from tallystick.chain import (
    EMBEDDED_CHAIN_ID,
    DevAccount,
    EmbeddedChain,
    EmbeddedOptions,
    EmbeddedSigner,
    SendOptions,
    connect,
    find_running,
    has_state,
    signer_from_settings,
)
from tallystick.errors import Corrupt, LedgerError, SettingsError, Unreachable
from tallystick.ledger import Deployment, PredictionLog, Registry, Sender, SendPlan, deploy_contracts
from tallystick.settings import Settings
from tallystick.store import write_bytes

__all__ = ["LedgerSession", "open_ledger"]

_DEPLOYMENTS: Final = "deployments.json"
_EMBEDDED_POLL_S: Final = 0.005
_PUBLIC_PHRASE: Final = "test " * 11 + "junk"  # every local chain's; its money is play money
_FIRST_PATH: Final = "m/44'/60'/0'/0/0"


@dataclass(frozen=True)
class LedgerSession:
    """A connection to a ledger.

    Parameters
    ----------
    url
        JSON-RPC endpoint.
    chain_id
        EIP-155 chain id.
    is_embedded
        Our own local chain.
    w3
        Connection.
    folder
        Project folder that remembers where the contracts are.
    settings, broadcast, announce
        Who sends, whether it may, and who is told before.
    chain
        The embedded chain, where this process started it.
    """

    url: str
    chain_id: int
    is_embedded: bool
    w3: Web3
    folder: Path
    settings: Settings
    broadcast: bool
    announce: Callable[[SendPlan], None]
    chain: EmbeddedChain | None

    def sender(self) -> Sender:
        """Account that sends: on the embedded chain its first, elsewhere the keystore or key of the settings.

        Raises
        ------
        SettingsError
            No account is given for a chain that is not the embedded one.
        """
        account = None
        if self.is_embedded:
            account = _first_account() if self.chain is None else self.chain.accounts[0]
        # A key of the user never signs on the embedded chain: its money is play money, and so are its accounts.
        signer = signer_from_settings(self.settings) if account is None else EmbeddedSigner(account)
        options = SendOptions(poll_s=_EMBEDDED_POLL_S) if self.is_embedded else SendOptions()
        return Sender(self.w3, signer, self.is_embedded, self.broadcast, self.announce, options)

    def contracts(self) -> tuple[Registry, PredictionLog]:
        """Find the contracts: from the settings, else where this project put them.

        Raises
        ------
        SettingsError
            Neither is known.
        NoContract
            No code at an address.
        """
        known = self._known()
        registry = self.settings.registry or (known.registry if known else "")
        log = self.settings.prediction_log or (known.prediction_log if known else "")
        if not registry or not log:
            raise SettingsError(
                f"no contracts are known on chain {self.chain_id}",
                setting="registry",
                next_step="`tally register MODEL` deploys them, or give --registry and --prediction-log.",
            )
        return Registry(self.w3, registry), PredictionLog(self.w3, log)

    def deploy(self) -> tuple[Registry, PredictionLog, int]:
        """Find the contracts, or deploy them; also returns the gas it took."""
        if self.settings.registry or self._is_there():
            return (*self.contracts(), 0)
        deployment = deploy_contracts(self.sender())
        known = {**self._read(), str(self.chain_id): asdict(deployment)}
        write_bytes(self.folder / _DEPLOYMENTS, json.dumps(known, indent=2).encode())
        return (*self.contracts(), deployment.gas_used)

    def _is_there(self) -> bool:
        known = self._known()
        if known is None:
            return False
        try:
            Registry(self.w3, known.registry)
            PredictionLog(self.w3, known.prediction_log)
        except LedgerError:
            return False  # a chain that was started anew has forgotten them, and may have other code there
        return True

    def _known(self) -> Deployment | None:
        found = self._read().get(str(self.chain_id))
        try:
            return Deployment(**found) if found else None
        except TypeError as error:
            raise Corrupt("not a list of deployments", path=self.folder / _DEPLOYMENTS) from error

    def _read(self) -> dict[str, dict[str, Any]]:
        path = self.folder / _DEPLOYMENTS
        if not path.is_file():
            return {}
        try:
            found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
            return {chain: dict(addresses) for chain, addresses in found.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise Corrupt("not a list of deployments", path=path) from error


def _first_account() -> DevAccount:
    """First account of an embedded chain that another process keeps."""
    from eth_account import Account
    from eth_account.hdaccount import key_from_seed, seed_from_mnemonic

    account = Account.from_key(key_from_seed(seed_from_mnemonic(_PUBLIC_PHRASE, ""), _FIRST_PATH))
    return DevAccount(account.address.lower(), "0x" + bytes(account.key).hex())


@contextmanager
def open_ledger(
    folder: Path,
    settings: Settings,
    *,
    broadcast: bool = False,
    announce: Callable[[SendPlan], None] = lambda plan: None,
    options: EmbeddedOptions | None = None,
    existing: bool = False,
) -> Iterator[LedgerSession]:
    """Connect to the ledger that the settings name: ``rpc_url``, or the embedded chain in ``folder``.

    The embedded chain is started for the time of the ``with`` block, unless ``tally chain up`` keeps it already;
    with ``existing``, only where the folder has one.

    Raises
    ------
    Unreachable, WrongChain
        The endpoint does not answer, or is another chain.
    EmbeddedChainError, MissingExtra
        The embedded chain cannot be started.
    """
    if settings.rpc_url:
        w3 = connect(settings.rpc_url, settings.chain_id, settings.rpc_timeout_s)
        yield LedgerSession(settings.rpc_url, w3.eth.chain_id, False, w3, folder, settings, broadcast, announce, None)
        return
    running = find_running(folder)
    if existing and running is None and not has_state(folder):
        cause = "there is no embedded chain here, and no other endpoint is given"
        step = "Give the chain's endpoint with --rpc-url, or the project with --project."
        raise Unreachable(cause, url=str(folder), next_step=step)
    if running is not None:
        w3 = connect(running, EMBEDDED_CHAIN_ID)
        yield LedgerSession(running, EMBEDDED_CHAIN_ID, True, w3, folder, settings, broadcast, announce, None)
        return
    with EmbeddedChain(folder, settings.embedded_port, options=options) as chain:
        w3 = connect(chain.url, chain.chain_id)
        yield LedgerSession(chain.url, chain.chain_id, True, w3, folder, settings, broadcast, announce, chain)
