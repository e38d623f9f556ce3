"""The folder of an embedded chain: lock, saved state, description, log.

::

    chain.lock       held, by the kernel, as long as the chain's processes live; never stale
    chain.json       chain id, and URL and process id of the last start
    state.json       state at the last clean stop or finished save
    state.new.json   being written by the running chain; adopted at the next start when complete
    anvil.log        the node's own words since the last start
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

import msgspec

from tallystick.errors import ProjectBusy, StoreError, WrongChain

__all__ = ["ChainDirectory", "ChainRecord"]

_DEAD_OWNER_WAIT_S: Final = 90  # a node whose owner was killed may still be saving its state
_RETRY_S: Final = 0.1
_TRIES_LIVE_OWNER: Final = 5  # a probe by another process holds the lock for a moment


class ChainRecord(msgspec.Struct, frozen=True):
    """Content of ``chain.json``."""

    chain_id: int
    url: str
    pid: int


class ChainDirectory:
    """Paths and rules of one embedded chain's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock = self.path / "chain.lock"
        self.record = self.path / "chain.json"
        self.state = self.path / "state.json"
        self.new_state = self.path / "state.new.json"
        self.log = self.path / "anvil.log"
        self.config = self.path / "accounts.json"
        self.cache = self.path / "cache"

    def acquire(self) -> int:
        """Make the folder if needed and take its lock; return the lock's descriptor.

        Raises
        ------
        ProjectBusy
            A live chain has it.
        StoreError
            The folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StoreError(f"folder cannot be written: {error.strerror}", path=self.path) from error
        give_up = time.monotonic() + _DEAD_OWNER_WAIT_S
        tries = 0
        while not _try_lock(descriptor):
            tries += 1
            owner = self.read_record()
            alive = owner is None or _is_alive(owner.pid)
            if time.monotonic() > give_up or (alive and tries >= _TRIES_LIVE_OWNER):
                os.close(descriptor)
                holder = None if owner is None else f"process {owner.pid}, {owner.url}"
                raise ProjectBusy("an embedded chain already runs in this folder", path=self.path, holder=holder)
            time.sleep(_RETRY_S)
        return descriptor

    def running(self) -> ChainRecord | None:
        """Describe the chain that runs here now, or return ``None``."""
        try:
            descriptor = os.open(self.lock, os.O_RDONLY)
        except OSError:
            return None
        try:
            return None if _try_lock(descriptor, shared=True) else self.read_record()
        finally:
            os.close(descriptor)

    def read_record(self) -> ChainRecord | None:
        """Read ``chain.json``; ``None`` where there is none or it is unreadable."""
        try:
            return msgspec.json.decode(self.record.read_bytes(), type=ChainRecord)
        except (OSError, msgspec.DecodeError):
            return None

    def write_record(self, record: ChainRecord) -> None:
        """Write ``chain.json`` in one rename."""
        part = self.record.with_suffix(".part")
        part.write_bytes(msgspec.json.encode(record))
        part.replace(self.record)

    def check_chain_id(self, chain_id: int) -> None:
        """Refuse to continue the state of a chain with another id.

        Raises
        ------
        WrongChain
            Names both ids.
        """
        record = self.read_record()
        if record is not None and self.state.exists() and record.chain_id != chain_id:
            raise WrongChain(
                "the folder holds the state of another chain",
                next_step=f"Choose another folder, or delete {self.path}.",
                chain_id=record.chain_id,
                expected=chain_id,
            )

    def adopt_state(self) -> None:
        """Make the state that the last run saved the current one, unless its writing was cut short."""
        if self.new_state.exists():
            if _is_complete(self.new_state):
                self.new_state.replace(self.state)
            else:
                self.new_state.unlink()

    def log_tail(self, lines: int = 8) -> str:
        """Last words of the node, on one line."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return " / ".join([line.strip() for line in text.splitlines() if line.strip()][-lines:])


def _try_lock(descriptor: int, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_complete(path: Path) -> bool:
    try:
        msgspec.json.decode(path.read_bytes(), type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True
