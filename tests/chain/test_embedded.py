from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.chain import EmbeddedChain, EmbeddedOptions, find_running
from tallystick.chain import _embedded as embedded
from tallystick.chain._chain_directory import ChainDirectory, ChainRecord
from tallystick.errors import EmbeddedChainError, ProjectBusy, StoreError, WrongChain

OWNER = """
import sys, time
from tallystick.chain import EmbeddedChain
chain = EmbeddedChain(sys.argv[1]).start()
chain.api.mine(3)
print(chain.url, flush=True)
{end}
"""


def processes_using(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder).encode() in words and b"anvil" in words:
                found.append(int(entry.name))
    return found


def wait_until_gone(folder: Path) -> None:
    give_up = time.monotonic() + 20
    while processes_using(folder) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert processes_using(folder) == []


@contextmanager
def owner_of(folder: Path, end: str = "time.sleep(60)") -> Iterator[subprocess.Popen[str]]:
    """Another process that has started a chain in the folder."""
    command = [sys.executable, "-c", OWNER.format(end=end), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline().startswith("http://127.0.0.1:")
            yield owner
        finally:
            owner.kill()


@pytest.mark.chain
def test_embedded_starts_stops_and_keeps_state(tmp_path: Path) -> None:
    options = EmbeddedOptions(accounts=3, balance_ether=5, genesis_timestamp=1_700_000_000, automine=False)
    chain = EmbeddedChain(tmp_path / "chain", chain_id=4242, options=options)
    with chain as same:
        assert same is chain
        assert chain.start() is chain
        assert chain.is_running
        assert chain.websocket_url == chain.url.replace("http", "ws")
        assert int(chain.api.call("eth_chainId"), 16) == 4242
        first = chain.accounts
        assert first[0].address == "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        assert len(first) == 3
        assert int(chain.api.call("eth_getBalance", first[2].address, "latest"), 16) == 5 * 10**18
        assert int(chain.api.call("eth_getBlockByNumber", "0x0", False)["timestamp"], 16) == 1_700_000_000
        chain.api.mine(4)
        head = chain.api.call("eth_getBlockByNumber", "latest", False)
        assert chain.url in repr(chain)
        assert find_running(tmp_path / "chain") == chain.url
    assert not chain.is_running
    assert "stopped" in repr(chain)
    assert find_running(tmp_path / "chain") is None
    assert processes_using(tmp_path) == []
    chain.stop()  # does nothing
    with chain:
        assert chain.api.call("eth_getBlockByNumber", "latest", False)["hash"] == head["hash"]
        assert chain.accounts == first
    assert not (tmp_path / "chain" / "accounts.json").exists()


@pytest.mark.chain
def test_embedded_stops_on_exception(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), EmbeddedChain(tmp_path):
        raise ZeroDivisionError
    assert processes_using(tmp_path) == []


@pytest.mark.chain
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_embedded_ends_with_its_owner(tmp_path: Path, number: signal.Signals) -> None:
    with owner_of(tmp_path) as owner:
        assert len(processes_using(tmp_path)) == 2  # guard and node
        owner.send_signal(number)
        owner.wait()
    with EmbeddedChain(tmp_path) as chain:  # waits for the dying node's lock
        assert chain.api.block_number() == 3
    wait_until_gone(tmp_path)


@pytest.mark.chain
def test_embedded_stopped_at_interpreter_exit(tmp_path: Path) -> None:
    with owner_of(tmp_path, end="") as owner:
        assert owner.wait(30) == 0
    assert processes_using(tmp_path) == []
    assert (tmp_path / "state.json").exists()


@pytest.mark.chain
def test_embedded_node_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path).start()
    assert chain._running is not None
    chain._running.process.kill()
    wait_until_gone(tmp_path)
    assert not chain.is_running
    chain.stop()


@pytest.mark.chain
def test_embedded_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    chain = EmbeddedChain(tmp_path)
    thread = threading.Thread(target=chain.start)
    thread.start()
    thread.join()
    time.sleep(0.1)
    assert chain.api.block_number() == 0
    chain.stop()
    assert processes_using(tmp_path) == []


@pytest.mark.chain
def test_embedded_fork_does_not_stop_it(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path) as chain:
        assert chain._running is not None
        chain._running = replace(chain._running, owner_pid=1)  # as a fork sees it
        chain.stop()
        chain._running = replace(chain._running, owner_pid=os.getpid())
        assert chain.api.block_number() == 0


@pytest.mark.chain
def test_invalid_second_chain_in_folder(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path) as chain, pytest.raises(ProjectBusy) as caught:
        EmbeddedChain(tmp_path).start()
    assert str(os.getpid()) in str(caught.value.where["holder"])
    assert chain.log.exists()


@pytest.mark.chain
def test_invalid_other_chain_id_in_folder(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path):
        pass
    with pytest.raises(WrongChain) as caught:
        EmbeddedChain(tmp_path, chain_id=5).start()
    assert caught.value.where == {"chain_id": 31_337, "expected": 5}


@pytest.mark.chain
def test_invalid_port_taken_quotes_the_log(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path / "one") as chain:
        port = int(chain.url.rsplit(":", 1)[1])
        with pytest.raises(EmbeddedChainError, match="in use"):
            EmbeddedChain(tmp_path / "two", port=port).start()


@pytest.mark.chain
def test_invalid_option_quotes_the_log(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedChainError, match="fork"):
        EmbeddedChain(tmp_path, options=EmbeddedOptions(hardfork="nonsense")).start()
    assert processes_using(tmp_path) == []


@pytest.mark.chain
def test_embedded_block_time(tmp_path: Path) -> None:
    with EmbeddedChain(tmp_path, options=EmbeddedOptions(block_time_s=1, log_calls=True)) as chain:
        give_up = time.monotonic() + 10
        while chain.api.block_number() == 0 and time.monotonic() < give_up:
            time.sleep(0.1)
        assert chain.api.block_number() > 0
        assert "eth_blockNumber" in chain.log.read_text()


def fake_anvil(tmp_path: Path, script: str) -> EmbeddedOptions:
    path = tmp_path / "fake"
    path.write_text(f"#!{sys.executable}\n{script}")
    path.chmod(0o755)
    return EmbeddedOptions(binary=path, start_timeout_s=1)


def test_invalid_anvil_says_nothing(tmp_path: Path) -> None:
    options = fake_anvil(tmp_path, "import time; print('still thinking', flush=True); time.sleep(60)")
    with pytest.raises(EmbeddedChainError, match="did not start in 1 s: still thinking"):
        EmbeddedChain(tmp_path / "chain", options=options).start()
    assert processes_using(tmp_path / "chain") == []


def test_invalid_anvil_lies_about_its_port(tmp_path: Path) -> None:
    options = fake_anvil(tmp_path, "import time; print('Listening on 127.0.0.1:1', flush=True); time.sleep(60)")
    with pytest.raises(EmbeddedChainError, match="does not answer"):
        EmbeddedChain(tmp_path / "chain", options=options).start()


def test_invalid_guard_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.sys, "executable", "/no/such/python")
    with pytest.raises(EmbeddedChainError, match="could not be started"):
        EmbeddedChain(tmp_path, options=EmbeddedOptions(binary=Path("/bin/true"))).start()


def test_invalid_use_before_start(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedChainError, match="not running"):
        _ = EmbeddedChain(tmp_path).url


def test_end_kills_what_does_not_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded._guard, "GRACE_S", -10)
    process = subprocess.Popen(["sleep", "60"])
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    embedded._end(process, write_fd)
    assert process.returncode == -9


def test_invalid_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "chain").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        EmbeddedChain(tmp_path / "chain", options=EmbeddedOptions(binary=Path("/bin/true"))).start()


def test_directory_adopts_only_complete_states(tmp_path: Path) -> None:
    folder = ChainDirectory(tmp_path)
    folder.adopt_state()
    folder.state.write_text("{}")
    folder.new_state.write_text('{"block": 1}')
    folder.adopt_state()
    assert folder.state.read_text() == '{"block": 1}'
    folder.new_state.write_text('{"block": 2, "acc')
    folder.adopt_state()
    assert folder.state.read_text() == '{"block": 1}'
    assert not folder.new_state.exists()


def test_directory_running_without_record(tmp_path: Path) -> None:
    folder = ChainDirectory(tmp_path)
    assert folder.running() is None
    assert folder.log_tail() == ""
    lock = folder.acquire()
    assert folder.running() is None
    with pytest.raises(ProjectBusy):
        folder.acquire()
    folder.write_record(ChainRecord(1, "http://127.0.0.1:1", 1))  # process 1 is not ours, but lives
    assert folder.running() == ChainRecord(1, "http://127.0.0.1:1", 1)
    with pytest.raises(ProjectBusy) as caught:
        folder.acquire()
    assert caught.value.where["holder"] == "process 1, http://127.0.0.1:1"
    os.close(lock)


def test_directory_lock_is_freed_with_its_holder(tmp_path: Path) -> None:
    folder = ChainDirectory(tmp_path)
    os.close(folder.acquire())
    os.close(folder.acquire())
    assert folder.running() is None
