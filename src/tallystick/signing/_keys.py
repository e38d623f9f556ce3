"""Keys in PEM files: elliptic curves as model-signing takes them, by the ``cryptography`` package."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tallystick.errors import InputError, MissingExtra

__all__ = ["key_hint", "load_private_key", "load_public_key", "sign_bytes", "verify_bytes"]

_STEP = "Make one with: openssl ecparam -name prime256v1 -genkey -noout -out key.pem"


def load_private_key(path: Path, password: str | None = None) -> Any:
    """Read a private key.

    Raises
    ------
    InputError
        The file cannot be read, is no key on P-256, P-384 or P-521, or the password is wrong.
    MissingExtra
        ``cryptography`` is not installed.
    """
    secret = password.encode() if password else None
    return _load(path, lambda pem, parts: parts.load_pem_private_key(pem, secret), _private_step)


def load_public_key(path: Path) -> Any:
    """Read a public key; errors as :func:`load_private_key`."""
    return _load(path, lambda pem, parts: parts.load_pem_public_key(pem), _public_step)


def key_hint(key: Any) -> str:
    """SHA-256 of a public key's PEM, hexadecimal: how a bundle names the key."""
    serialization = _parts()[0]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return sha256(key.public_bytes(serialization.Encoding.PEM, form)).hexdigest()


def sign_bytes(key: Any, message: bytes) -> bytes:
    """ECDSA signature, DER."""
    _, ec, hashes = _parts()
    return bytes(key.sign(message, ec.ECDSA(_hash_of(key, hashes))))


def verify_bytes(key: Any, signature: bytes, message: bytes) -> bool:
    """Whether an ECDSA signature is this key's over this message."""
    from cryptography.exceptions import InvalidSignature

    _, ec, hashes = _parts()
    try:
        key.verify(signature, message, ec.ECDSA(_hash_of(key, hashes)))
    except InvalidSignature:
        return False
    return True


def _private_step(pem: bytes) -> str:
    if b"ENCRYPTED" in pem:  # in the first line of PKCS#8, in a header of the older form
        return "Set the environment variable TALLY_KEY_PASSWORD to the key's password."
    return (
        "Give a whole key in PEM; unset TALLY_KEY_PASSWORD if the key has no password."
        if b"PRIVATE KEY" in pem
        else _STEP
    )


def _public_step(pem: bytes) -> str:
    if b"PRIVATE KEY" in pem:
        return "Give the public key: openssl ec -in key.pem -pubout -out key.pub"
    return _STEP


def _load(path: Path, read: Callable[[bytes, Any], Any], step: Callable[[bytes], str]) -> Any:
    serialization, _, _ = _parts()
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        pem = path.read_bytes()
        key = read(pem, serialization)
    except OSError as error:
        raise InputError("key file cannot be read", file=str(path), next_step=_STEP) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        cause = "not a PEM key of the wanted kind, or its password is wrong"
        raise InputError(cause, file=str(path), next_step=step(pem)) from error
    if getattr(getattr(key, "curve", None), "name", "") not in ("secp256r1", "secp384r1", "secp521r1"):
        raise InputError("the key is not on P-256, P-384 or P-521", file=str(path), next_step=_STEP)
    return key


def _hash_of(key: Any, hashes: Any) -> Any:
    return {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}[key.curve.key_size]()


def _parts() -> tuple[Any, Any, Any]:
    try:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise MissingExtra.of("cryptography", "sign") from error
    return serialization, ec, hashes
