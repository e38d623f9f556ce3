"""The signature file: a sigstore bundle with a DSSE envelope, no network and no transparency log.

Source
------
DSSE v1 (pre-authentication encoding); sigstore bundle v0.3, as written by OpenSSF model-signing 1.1 in its key mode.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.errors import SignatureInvalid
from tallystick.exact import Program
from tallystick.parsing import parse_json
from tallystick.signing._keys import key_hint, load_private_key, load_public_key, sign_bytes, verify_bytes
from tallystick.signing._statement import check_statement, statement_of

__all__ = ["Signed", "sign_program", "verify_program"]

_MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class Signed:
    """Whose signature a bundle holds: SHA-256 of the public key's PEM, and the statement that was signed."""

    key: str
    statement: dict[str, Any]


def sign_program(program: Program, name: str, key: Path, password: str | None = None) -> bytes:
    """Sign a program; returns the signature file's bytes.

    Parameters
    ----------
    program
        What is signed: its canonical bytes.
    name
        File name, part of the statement.
    key
        PEM file of a private key on P-256, P-384 or P-521.
    password
        Of the key file, if it is encrypted.

    Raises
    ------
    InputError
        The key cannot be read.
    MissingExtra
        ``cryptography`` is not installed.
    """
    private = load_private_key(key, password)
    payload = statement_of(program, name)
    signature = sign_bytes(private, _encode(payload))
    bundle = {
        "mediaType": _MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": key_hint(private.public_key())}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": b64encode(payload).decode("ascii"),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [{"sig": b64encode(signature).decode("ascii"), "keyid": ""}],
        },
    }
    return json.dumps(bundle, indent=1).encode("ascii") + b"\n"


def verify_program(program: Program, bundle: bytes, key: Path) -> Signed:
    """Check that a signature file was made by a key for exactly this program.

    Parameters
    ----------
    program
        What should have been signed.
    bundle
        The signature file's bytes.
    key
        PEM file of the public key that is trusted.

    Raises
    ------
    SignatureInvalid
        Another key, another program, a changed statement, or not a signature file.
    InputError
        The key cannot be read.
    """
    public = load_public_key(key)
    try:
        content = parse_json(bundle)
        hint = content["verificationMaterial"]["publicKey"].get("hint", "")
        envelope = content["dsseEnvelope"]
        kinds = (content["mediaType"], envelope["payloadType"])
        payload = b64decode(envelope["payload"], validate=True)
        (entry,) = envelope["signatures"]
        signature = b64decode(entry["sig"], validate=True)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SignatureInvalid("not a signature file", value=repr(error)[:80]) from error
    if kinds != (_MEDIA_TYPE, _PAYLOAD_TYPE):
        raise SignatureInvalid("a signature file of another kind", value=str(kinds)[:80])
    if hint and hint != key_hint(public):
        raise SignatureInvalid("signed with another key", key=hint)
    if not verify_bytes(public, signature, _encode(payload)):
        raise SignatureInvalid("the signature is not this key's over this statement", key=key_hint(public))
    check_statement(payload, program)
    return Signed(key_hint(public), parse_json(payload))


def _encode(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding of type and payload."""
    return b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode("ascii"), len(payload), payload)
