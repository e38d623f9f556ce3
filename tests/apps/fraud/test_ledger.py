"""Opening a ledger: the embedded chain, one that runs already, or any by URL; contracts are deployed once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.apps.fraud import LedgerSession, open_ledger
from tallystick.chain import EMBEDDED_CHAIN_ID
from tallystick.errors import Corrupt, NoContract, NotBroadcast, SettingsError, Unreachable, WrongChain
from tallystick.ledger import SendPlan
from tallystick.settings import Settings

pytestmark = pytest.mark.chain


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ledger")


@pytest.fixture(scope="module")
def session(folder: Path) -> Iterator[LedgerSession]:
    with open_ledger(folder, Settings()) as opened:
        opened.deploy()
        yield opened


def key_of(session: LedgerSession, number: int = 0) -> str:
    assert session.chain is not None
    return session.chain.accounts[number].private_key


def remote(session: LedgerSession, **changes: object) -> Settings:
    """Settings that reach the same chain by its URL, as any other chain."""
    return replace(Settings(), rpc_url=session.url, **changes)


def test_invalid_contracts_before_any_deploy(tmp_path: Path, session: LedgerSession) -> None:
    elsewhere = replace(session, folder=tmp_path)
    with pytest.raises(SettingsError, match="no contracts are known on chain 31337") as caught:
        elsewhere.contracts()
    assert "tally register" in caught.value.advice


def test_embedded_is_started_and_deploys_once(session: LedgerSession) -> None:
    assert (session.is_embedded, session.chain_id) == (True, EMBEDDED_CHAIN_ID)
    assert session.chain is not None
    registry, log, gas = session.deploy()
    assert gas == 0  # the fixture deployed them
    assert log.registry_address == registry.address
    assert [contract.address for contract in session.contracts()] == [registry.address, log.address]


def test_running_chain_is_used_not_started(folder: Path, session: LedgerSession) -> None:
    with open_ledger(folder, Settings()) as second:
        assert (second.chain, second.is_embedded, second.url) == (None, True, session.url)
        assert second.deploy()[2] == 0
        assert second.sender().signer.address.lower() == session.sender().signer.address.lower()
        assert second.sender().is_embedded


def test_a_users_key_never_signs_on_the_embedded_chain(folder: Path, session: LedgerSession) -> None:
    """Neither where this process started the chain nor where another keeps it; a keystore is not even opened."""
    assert session.chain is not None
    first = session.chain.accounts[0].address.lower()
    for given in (Settings(private_key=key_of(session, 3)), Settings(keystore=str(folder / "no such file"))):
        assert replace(session, settings=given).sender().signer.address.lower() == first
        with open_ledger(folder, given) as second:
            assert second.chain is None
            assert second.sender().signer.address.lower() == first
    with open_ledger(folder, remote(session, private_key=key_of(session, 3))) as other:
        assert other.sender().signer.address.lower() == session.chain.accounts[3].address.lower()


def test_state_and_contracts_are_there_after_a_restart(tmp_path: Path) -> None:
    plans: list[SendPlan] = []
    with open_ledger(tmp_path, Settings(), announce=plans.append) as first:
        registry, _, gas = first.deploy()
        assert gas > 1_000_000
    assert [plan.what for plan in plans] == ["deploy ModelRegistry", "deploy PredictionLog"]
    with open_ledger(tmp_path, Settings(), announce=plans.append) as second:
        again, _, gas = second.deploy()
        assert (again.address, gas) == (registry.address, 0)
    assert len(plans) == 2


def test_forgotten_contracts_are_deployed_again(tmp_path: Path, folder: Path, session: LedgerSession) -> None:
    shutil.copy(folder / "deployments.json", tmp_path)
    with open_ledger(tmp_path, Settings()) as fresh:
        with pytest.raises(NoContract):
            fresh.contracts()
        registry, log, gas = fresh.deploy()
        assert gas > 1_000_000
        assert log.registry_address == registry.address


def test_other_code_at_the_remembered_address_is_not_ours(tmp_path: Path, session: LedgerSession) -> None:
    """A chain that was started anew may have given the addresses to others."""
    known = json.loads((session.folder / "deployments.json").read_text())["31337"]
    swapped = {**known, "registry": known["prediction_log"], "prediction_log": known["registry"]}
    (tmp_path / "deployments.json").write_text(json.dumps({"31337": swapped, "5": known}))
    elsewhere = replace(session, folder=tmp_path)
    registry, log, gas = elsewhere.deploy()
    assert gas > 1_000_000
    assert {registry.address, log.address}.isdisjoint({known["registry"], known["prediction_log"]})
    kept = json.loads((tmp_path / "deployments.json").read_text())
    assert kept["31337"]["registry"] == registry.address
    assert kept["5"] == known  # what is known of other chains stays


def test_contracts_from_the_settings(tmp_path: Path, session: LedgerSession) -> None:
    registry, log = session.contracts()
    settings = Settings(registry=registry.address, prediction_log=log.address)
    elsewhere = replace(session, folder=tmp_path, settings=settings)
    assert [item.address for item in elsewhere.contracts()] == [registry.address, log.address]
    assert elsewhere.deploy()[2] == 0
    assert not (tmp_path / "deployments.json").exists()


def test_invalid_address_from_the_settings(session: LedgerSession) -> None:
    nowhere = replace(session, settings=Settings(registry="0x" + "11" * 20))
    for act in (nowhere.contracts, nowhere.deploy):
        with pytest.raises(NoContract):
            act()


def test_other_chain_sends_only_with_broadcast(tmp_path: Path, session: LedgerSession) -> None:
    plans: list[SendPlan] = []
    settings = remote(session, private_key=key_of(session, 3), chain_id=EMBEDDED_CHAIN_ID)
    with open_ledger(tmp_path, settings, announce=plans.append) as other:
        assert (other.is_embedded, other.chain, other.url) == (False, None, session.url)
        with pytest.raises(NotBroadcast, match="deploy ModelRegistry"):
            other.deploy()
    assert [plan.what for plan in plans] == ["deploy ModelRegistry"]
    with open_ledger(tmp_path, settings, broadcast=True) as other:
        assert other.deploy()[2] > 1_000_000
        assert other.deploy()[2] == 0


def test_invalid_other_chain_without_an_account(tmp_path: Path, session: LedgerSession) -> None:
    with open_ledger(tmp_path, remote(session)) as other, pytest.raises(SettingsError):
        other.sender()


def test_invalid_wrong_chain(tmp_path: Path, session: LedgerSession) -> None:
    with pytest.raises(WrongChain, match="on chain 31337, not 5"), open_ledger(tmp_path, remote(session, chain_id=5)):
        pass


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"5", b"\xff", b'{"31337": 5}', b'{"31337": "abc"}', b'{"31337": {"registry": "0x00"}}'],
)
def test_invalid_deployments_file(tmp_path: Path, session: LedgerSession, content: bytes) -> None:
    (tmp_path / "deployments.json").write_bytes(content)
    damaged = replace(session, folder=tmp_path)
    for act in (damaged.contracts, damaged.deploy):
        with pytest.raises(Corrupt, match="not a list of deployments") as caught:
            act()
        assert caught.value.where["path"] == tmp_path / "deployments.json"
    assert (tmp_path / "deployments.json").read_bytes() == content


def test_invalid_existing_chain_where_there_is_none(tmp_path: Path) -> None:
    nowhere = tmp_path / "chain"
    opened = open_ledger(nowhere, Settings(), existing=True)
    with pytest.raises(Unreachable, match="there is no embedded chain here") as caught, opened:
        pass
    assert "--rpc-url" in caught.value.advice
    assert not nowhere.exists()


def test_invalid_existing_chain_in_a_folder_that_never_had_one(tmp_path: Path) -> None:
    """Every project has the folder; a chain has been there only where its state was saved."""
    with pytest.raises(Unreachable), open_ledger(tmp_path, Settings(), existing=True):
        pass
    assert not list(tmp_path.iterdir())


def test_existing_chain_is_used(tmp_path: Path, folder: Path, session: LedgerSession) -> None:
    with open_ledger(folder, Settings(), existing=True) as second:
        assert (second.url, second.is_embedded) == (session.url, True)
    with open_ledger(tmp_path / "none", remote(session), existing=True) as other:  # an endpoint needs no folder
        assert (other.url, other.is_embedded) == (session.url, False)


def test_invalid_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable), open_ledger(tmp_path, Settings(rpc_url="http://127.0.0.1:9")):
        pass
