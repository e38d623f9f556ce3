"""Who signs: a keystore file, a private key from the environment, an account of the embedded chain.

Keys live in the objects' memory only: not in their text, not in errors, not in logs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from tallystick.errors import InputError, SettingsError
from tallystick.parsing import parse_json
from tallystick.settings import Settings
from tallystick.units import parse_hash

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from tallystick.chain._embedded import DevAccount

__all__ = ["EmbeddedSigner", "KeySigner", "KeystoreSigner", "Signer", "signer_from_settings"]


@runtime_checkable
class Signer(Protocol):
    """Two things: an address, and signatures of it."""

    @property
    def address(self) -> str:
        """Address, hexadecimal with the letter-case checksum."""

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Sign a complete transaction (nonce, fees, gas and chain id set); return its raw bytes."""


class _LocalSigner:
    """Signs with a key in memory."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> str:
        raise TypeError("signers hold keys and are not pickled")

    @property
    def address(self) -> str:
        """Address, hexadecimal with the letter-case checksum."""
        return str(self._account.address)

    def sign_transaction(self, transaction: Mapping[str, Any]) -> bytes:
        """Sign a complete transaction; return its raw bytes."""
        return bytes(self._account.sign_transaction(dict(transaction)).raw_transaction)


class KeySigner(_LocalSigner):
    """Signs with a private key.

    Parameters
    ----------
    private_key
        64 hexadecimal digits, from the setting ``private_key`` (environment only).

    Raises
    ------
    SettingsError
        It is not a private key; the message does not show it.
    """

    def __init__(self, private_key: str) -> None:
        from eth_account import Account

        try:
            account = Account.from_key(parse_hash(private_key))  # 32 bytes: the library would pad a shorter one
        except Exception:  # whatever is said may quote the key, so the cause is not kept
            raise SettingsError("private_key is not a private key", setting="private_key") from None
        super().__init__(account)


class KeystoreSigner(_LocalSigner):
    """Signs with the key in a Web3 Secret Storage file.

    Parameters
    ----------
    path
        The file.
    password
        Its password, from the setting ``keystore_password`` (environment only).

    Raises
    ------
    InputError
        The file cannot be read or is not a keystore.
    SettingsError
        The password does not open it.
    """

    def __init__(self, path: Path | str, password: str) -> None:
        from eth_account import Account

        try:
            content = parse_json(Path(path).read_bytes())
        except OSError as error:
            raise InputError(f"keystore cannot be read: {error.strerror}", file=path) from error
        except ValueError as error:
            raise InputError("keystore is not JSON", file=path) from error
        if not isinstance(content, dict) or "crypto" not in {str(key).lower() for key in content}:
            raise InputError("not a keystore: it has no crypto section", file=path)
        try:
            key = Account.decrypt(content, password)
        except ValueError:
            cause = "keystore_password does not open the keystore"
            raise SettingsError(cause, setting="keystore_password", next_step=f"Check it for {path}.") from None
        except (KeyError, TypeError, NotImplementedError) as error:
            raise InputError(f"keystore is malformed: {error}", file=path) from error
        super().__init__(Account.from_key(key))


class EmbeddedSigner(KeySigner):
    """Signs as one of the embedded chain's public accounts."""

    def __init__(self, account: DevAccount) -> None:
        super().__init__(account.private_key)


def signer_from_settings(settings: Settings, embedded: DevAccount | None = None) -> Signer:
    """Choose the signer: keystore, else private key, else the embedded chain's account.

    Raises
    ------
    SettingsError
        None of them is given.
    """
    if settings.keystore:
        return KeystoreSigner(settings.keystore, settings.keystore_password)
    if settings.private_key:
        return KeySigner(settings.private_key)
    if embedded is not None:
        return EmbeddedSigner(embedded)
    raise SettingsError(
        "no account to send from",
        setting="keystore",
        next_step="Set TALLY_KEYSTORE and TALLY_KEYSTORE_PASSWORD, or TALLY_PRIVATE_KEY.",
    )
