"""The embedded chain: an anvil of our own on a loopback port, with its state in a folder."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from tallystick.chain import _guard
from tallystick.chain._anvil_api import AnvilApi
from tallystick.chain._anvil_install import find_anvil
from tallystick.chain._chain_directory import ChainDirectory, ChainRecord
from tallystick.errors import ChainError, EmbeddedChainError

__all__ = ["EMBEDDED_CHAIN_ID", "DevAccount", "EmbeddedChain", "EmbeddedOptions", "find_running", "has_state"]

EMBEDDED_CHAIN_ID: Final = 31_337
# Every local chain of this field has these accounts: the phrase is public, its money is play money.
PUBLIC_TEST_MNEMONIC: Final = "test test test test test test test test test test test junk"
_LISTENING: Final = re.compile(r"Listening on 127\.0\.0\.1:(\d+)")
_POLL_S: Final = 0.02
_STOP_MARGIN_S: Final = 10


@dataclass(frozen=True)
class DevAccount:
    """A funded account of the embedded chain: address (lower-case hexadecimal) and private key."""

    address: str
    private_key: str = field(repr=False)


@dataclass(frozen=True)
class EmbeddedOptions:
    """How the embedded chain is started, beyond folder, port and chain id.

    Parameters
    ----------
    accounts
        Funded accounts, in [1, 10000]; the node's cost grows with them.
    balance_ether
        Balance of each.
    hardfork
        Rules of the EVM; named, so that a newer anvil gives the same gas.
    gas_limit
        Gas of one block.
    automine
        A block at each transaction; without it, blocks come by ``api.mine()`` or ``block_time_s``.
    block_time_s
        Seconds between blocks mined by the clock; 0 for none.
    genesis_timestamp
        Time of block 0, UTC seconds; now when omitted.
    state_interval_s
        How often the state is saved while running; it is always saved at a stop.
    start_timeout_s
        Longest wait for the node to answer.
    log_calls
        Write every call into ``anvil.log``.
    binary
        The anvil to use; found or installed when omitted.
    """

    accounts: int = 10
    balance_ether: int = 1_000_000
    hardfork: str = "prague"
    gas_limit: int = 60_000_000
    automine: bool = True
    block_time_s: int = 0
    genesis_timestamp: int | None = None
    state_interval_s: int = 60
    start_timeout_s: int = 60
    log_calls: bool = False
    binary: Path | None = None


class EmbeddedChain:
    """One anvil process, tied to this process and to a folder.

    It listens on 127.0.0.1 only, has the accounts of the public test phrase, loads the folder's state at
    the start and saves it at the stop. It ends with this process however that ends, SIGKILL included.

    Parameters
    ----------
    directory
        Folder of the chain's state, lock and log; made if needed.
    port
        Loopback port; 0 picks a free one.
    chain_id
        EIP-155 chain id.
    options
        The rest.

    Raises
    ------
    EmbeddedChainError
        anvil could not be installed or started; quotes its log.
    MissingExtra
        There is neither anvil nor npm.
    ProjectBusy
        A chain already runs in the folder.
    WrongChain
        The folder's state belongs to another chain id.

    Examples
    --------
    ::

        with EmbeddedChain(Path("tally-data/chain")) as chain:
            w3 = connect(chain.url)
    """

    def __init__(
        self,
        directory: Path | str,
        port: int = 0,
        chain_id: int = EMBEDDED_CHAIN_ID,
        options: EmbeddedOptions | None = None,
    ) -> None:
        self.directory = Path(directory).absolute()
        self.chain_id = chain_id
        self.options = options or EmbeddedOptions()
        self._port = port
        self._folder = ChainDirectory(self.directory)
        self._running: _Running | None = None

    def __repr__(self) -> str:
        state = self._running.url if self._running else "stopped"
        return f"EmbeddedChain({str(self.directory)!r}, {state})"

    def __enter__(self) -> EmbeddedChain:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Whether the node runs now."""
        return self._running is not None and self._running.process.poll() is None

    @property
    def url(self) -> str:
        """HTTP URL; the websocket is at the same port."""
        return self._started().url

    @property
    def websocket_url(self) -> str:
        """Websocket URL."""
        return self.url.replace("http://", "ws://", 1)

    @property
    def accounts(self) -> tuple[DevAccount, ...]:
        """The funded accounts, the same at every start."""
        return self._started().accounts

    @property
    def api(self) -> AnvilApi:
        """Calls for simulations: time, mining, impersonation, snapshots."""
        return self._started().api

    @property
    def log(self) -> Path:
        """The node's log file."""
        return self._folder.log

    def start(self) -> EmbeddedChain:
        """Start the node and wait until it answers; does nothing when it runs."""
        if self._running is not None:
            return self
        binary = self.options.binary or find_anvil()
        lock_fd = self._folder.acquire()
        try:
            self._folder.check_chain_id(self.chain_id)
            self._folder.adopt_state()
            process, control_fd = self._spawn(binary, lock_fd)
        finally:
            os.close(lock_fd)  # the guard and the node hold their own
        try:
            self._running = self._wait_until_ready(process, control_fd)
        except BaseException:
            _end(process, control_fd)
            raise
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Stop the node and keep its state; does nothing when it does not run here."""
        running = self._running
        if running is None or running.owner_pid != os.getpid():
            return  # a fork of the owner must not stop the owner's chain
        self._running = None
        atexit.unregister(self.stop)
        running.api.close()
        _end(running.process, running.control_fd)
        self._folder.adopt_state()

    def _started(self) -> _Running:
        if self._running is None:
            raise EmbeddedChainError("the embedded chain is not running", next_step="Call start() first.")
        return self._running

    def _spawn(self, binary: Path, lock_fd: int) -> tuple[subprocess.Popen[bytes], int]:
        read_fd, write_fd = os.pipe()
        guard = [sys.executable, "-I", "-S", _guard.__file__, str(read_fd), str(lock_fd)]
        try:
            with self._folder.log.open("wb") as log:
                process = subprocess.Popen(
                    [*guard, str(binary), *self._arguments()],
                    pass_fds=(read_fd, lock_fd),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=self.directory,
                    start_new_session=True,  # Ctrl-C is for us; we stop the node in order
                )
        except OSError as error:
            os.close(write_fd)
            raise EmbeddedChainError(f"anvil could not be started: {error}") from error
        finally:
            os.close(read_fd)
        return process, write_fd

    def _arguments(self) -> list[str]:
        folder, options = self._folder, self.options
        arguments = ["--host", "127.0.0.1", "--port", str(self._port), "--chain-id", str(self.chain_id)]
        arguments += ["--mnemonic", PUBLIC_TEST_MNEMONIC, "--accounts", str(options.accounts)]
        arguments += ["--balance", str(options.balance_ether), "--hardfork", options.hardfork]
        arguments += ["--gas-limit", str(options.gas_limit), "--order", "fifo", "--no-cors", "--color", "never"]
        arguments += ["--no-request-size-limit", "--config-out", str(folder.config), "--cache-path", str(folder.cache)]
        arguments += ["--dump-state", str(folder.new_state), "--state-interval", str(options.state_interval_s)]
        if folder.state.exists():
            arguments += ["--load-state", str(folder.state)]
        if options.genesis_timestamp is not None:
            arguments += ["--timestamp", str(options.genesis_timestamp)]
        if options.block_time_s:
            arguments += ["--block-time", str(options.block_time_s)]
        elif not options.automine:
            arguments += ["--no-mining"]
        return arguments

    def _wait_until_ready(self, process: subprocess.Popen[bytes], control_fd: int) -> _Running:
        give_up = time.monotonic() + self.options.start_timeout_s
        while (match := _LISTENING.search(self._folder.log.read_text(encoding="utf-8", errors="replace"))) is None:
            if process.poll() is not None:
                raise EmbeddedChainError(f"anvil ended at its start: {self._folder.log_tail()}")
            if time.monotonic() > give_up:
                said = self._folder.log_tail()
                raise EmbeddedChainError(f"anvil did not start in {self.options.start_timeout_s} s: {said}")
            time.sleep(_POLL_S)
        url = f"http://127.0.0.1:{match[1]}"
        api = AnvilApi(url)
        try:
            api.call("anvil_setLoggingEnabled", self.options.log_calls)
        except ChainError as error:
            raise EmbeddedChainError(f"anvil does not answer: {self._folder.log_tail()}", url=url) from error
        accounts = _read_accounts(self._folder.config)
        self._folder.write_record(ChainRecord(self.chain_id, url, os.getpid()))
        return _Running(process, control_fd, url, accounts, api, os.getpid())


@dataclass(frozen=True)
class _Running:
    process: subprocess.Popen[bytes]
    control_fd: int
    url: str
    accounts: tuple[DevAccount, ...]
    api: AnvilApi
    owner_pid: int


class _AnvilConfig(msgspec.Struct):
    available_accounts: list[str]
    private_keys: list[str]


def _read_accounts(path: Path) -> tuple[DevAccount, ...]:
    config = msgspec.json.decode(path.read_bytes(), type=_AnvilConfig)
    path.unlink()  # public keys or not: keys do not lie about in files
    pairs = zip(config.available_accounts, config.private_keys, strict=True)
    return tuple(DevAccount(address, key) for address, key in pairs)


def _end(process: subprocess.Popen[bytes], control_fd: int) -> None:
    with contextlib.suppress(BrokenPipeError):  # it has ended already
        os.write(control_fd, b"q")  # closing alone says nothing while a fork of ours holds the pipe too
    os.close(control_fd)
    try:
        process.wait(_guard.GRACE_S + _STOP_MARGIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def has_state(directory: Path | str) -> bool:
    """Whether a chain has been kept in a folder: its saved state is there."""
    return ChainDirectory(Path(directory).absolute()).state.is_file()


def find_running(directory: Path | str) -> str | None:
    """URL of the embedded chain that runs in a folder, by whichever process, or ``None``."""
    record = ChainDirectory(Path(directory)).running()
    return None if record is None else record.url
