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
from tallystick.errors import NoContract, NotBroadcast, SettingsError, Unreachable, WrongChain
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
    return replace(Settings(), rpc_url=session.url, **changes)  # type: ignore[arg-type]


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


def test_invalid_unreachable(tmp_path: Path) -> None:
    with pytest.raises(Unreachable), open_ledger(tmp_path, Settings(rpc_url="http://127.0.0.1:9")):
        pass
