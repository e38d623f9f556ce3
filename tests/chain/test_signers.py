from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from tallystick.chain import DevAccount, EmbeddedSigner, KeySigner, KeystoreSigner, Signer, signer_from_settings
from tallystick.errors import InputError, SettingsError
from tallystick.settings import Settings

KEY = "0x" + "4c" * 32
ADDRESS = Account.from_key(KEY).address
TRANSACTION = {
    "to": ADDRESS,
    "value": 1,
    "nonce": 0,
    "gas": 21_000,
    "maxFeePerGas": 2,
    "maxPriorityFeePerGas": 1,
    "chainId": 1,
}


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key.json"
    path.write_text(json.dumps(Account.encrypt(KEY, "open sesame", kdf="pbkdf2", iterations=2)))
    return path


def test_signers_sign_alike(keystore: Path) -> None:
    account = DevAccount(ADDRESS.lower(), KEY)
    signers: list[Signer] = [KeySigner(KEY), KeystoreSigner(keystore, "open sesame"), EmbeddedSigner(account)]
    for signer in signers:
        assert isinstance(signer, Signer)
        assert signer.address == ADDRESS
        assert Account.recover_transaction(signer.sign_transaction(TRANSACTION)) == ADDRESS
        assert repr(signer) == f"{type(signer).__name__}({ADDRESS})"
        assert KEY[2:] not in repr(vars(signer))
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(signer)
    assert KEY not in repr(account)


@pytest.mark.parametrize("bad", ["", "0x12", "f" * 63, "zz" * 32, "00" * 32, KEY + "00"])
def test_invalid_private_key_is_not_shown(bad: str) -> None:
    with pytest.raises(SettingsError, match="not a private key") as caught:
        KeySigner(bad)
    error: BaseException = caught.value
    assert error.__cause__ is None
    assert error.__suppress_context__
    assert bad == "" or bad not in str(error)


def test_invalid_keystore_password(keystore: Path) -> None:
    with pytest.raises(SettingsError, match="does not open") as caught:
        KeystoreSigner(keystore, "open barley")
    assert "barley" not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("nonsense", "not JSON"),
        ("[]", "not a keystore"),
        ("{}", "not a keystore"),
        ('{"crypto": {}, "version": 3}', "malformed"),
        ('{"crypto": {}, "version": 9}', "malformed"),
    ],
)
def test_invalid_keystore_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "key.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as caught:
        KeystoreSigner(path, "x")
    assert caught.value.where["file"] == path


def test_invalid_keystore_absent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        KeystoreSigner(tmp_path / "none", "x")


def test_signer_from_settings(keystore: Path) -> None:
    account = DevAccount(ADDRESS, KEY)
    by_file: Any = Settings(keystore=str(keystore), keystore_password="open sesame", private_key=KEY)
    assert isinstance(signer_from_settings(by_file, account), KeystoreSigner)
    assert type(signer_from_settings(Settings(private_key=KEY), account)) is KeySigner
    assert isinstance(signer_from_settings(Settings(), account), EmbeddedSigner)
    with pytest.raises(SettingsError, match="no account"):
        signer_from_settings(Settings())
