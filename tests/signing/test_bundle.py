from __future__ import annotations

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError, SignatureInvalid
from tallystick.exact import Program, load_program
from tallystick.signing import sign_program, statement_of, verify_program

from ..exact.programs import program

VECTORS = Path(__file__).parent.parent / "vectors" / "signature_v1"
RELEASED = VECTORS.parent / "program_v1" / "released-0.1.0.tally"


def new_key(folder: Path, name: str = "key", curve: str = "prime256v1") -> tuple[Path, Path]:
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    make = ["openssl", "ecparam", "-name", curve, "-genkey", "-noout", "-out", str(private)]
    show = ["openssl", "ec", "-in", str(private), "-pubout", "-out", str(public)]
    for command in (make, show):
        subprocess.run(command, check=True, capture_output=True)
    return private, public


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, Path]:
    return new_key(tmp_path)


@pytest.mark.parametrize("curve", ["prime256v1", "secp384r1", "secp521r1"])
def test_signed_program_verifies(tmp_path: Path, curve: str) -> None:
    private, public = new_key(tmp_path, curve=curve)
    signed = verify_program(program(), sign_program(program(), "m.tally", private), public)
    assert signed.statement == json.loads(statement_of(program(), "m.tally"))
    assert signed.statement["predicate"]["tallystick"]["program_hash"] == "0x" + program().hash.hex()


def test_openssl_agrees(keys: tuple[Path, Path], tmp_path: Path) -> None:
    """Oracle: openssl verifies the signature over the encoding as the DSSE specification spells it."""
    bundle = json.loads(sign_program(program(), "m.tally", keys[0]))
    payload = b64decode(bundle["dsseEnvelope"]["payload"])
    (tmp_path / "message").write_bytes(
        b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload
    )
    (tmp_path / "sig").write_bytes(b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"]))
    command = ["openssl", "dgst", "-sha256", "-verify", str(keys[1]), "-signature", "sig", "message"]
    assert subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout == b"Verified OK\n"


def test_signature_of_another_tool_verifies() -> None:
    """A file that OpenSSF model-signing 1.1.1 wrote for the released program; its key was thrown away."""
    signed = verify_program(
        load_program(RELEASED), (VECTORS / "model-signing-1.1.1.sig").read_bytes(), VECTORS / "key.pub"
    )
    assert "tallystick" not in signed.statement["predicate"]


def test_own_signature_file_of_this_release_verifies() -> None:
    verify_program(load_program(RELEASED), (VECTORS / "tallystick-0.1.0.sig").read_bytes(), VECTORS / "key.pub")


def reworded(bundle: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    content = json.loads(bundle)
    change(content)
    return json.dumps(content).encode()


def swap_payload(content: dict[str, Any]) -> None:
    payload = b64decode(content["dsseEnvelope"]["payload"]).replace(b"m.tally", b"n.tally")
    content["dsseEnvelope"]["payload"] = b64encode(payload).decode()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (swap_payload, "not this key's"),
        (lambda content: content.update(mediaType="text/plain"), "another kind"),
        (lambda content: content["dsseEnvelope"].update(payloadType="text/plain"), "another kind"),
        (lambda content: content["verificationMaterial"]["publicKey"].update(hint="00"), "another key"),
        (lambda content: content["dsseEnvelope"].update(payload="*"), "not a signature file"),
        (lambda content: content["dsseEnvelope"].update(signatures=[]), "not a signature file"),
        (lambda content: content.pop("dsseEnvelope"), "not a signature file"),
    ],
)
def test_invalid_bundle(keys: tuple[Path, Path], change: Callable[[dict[str, Any]], None], cause: str) -> None:
    bundle = reworded(sign_program(program(), "m.tally", keys[0]), change)
    with pytest.raises(SignatureInvalid, match=cause):
        verify_program(program(), bundle, keys[1])


@pytest.mark.parametrize("bundle", [b"", b"[]", b"{}", b"\xff", b"null", b"[" * 200_000])
def test_invalid_bytes(keys: tuple[Path, Path], bundle: bytes) -> None:
    with pytest.raises(SignatureInvalid, match="not a signature file"):
        verify_program(program(), bundle, keys[1])


def test_invalid_other_program(keys: tuple[Path, Path]) -> None:
    bundle = sign_program(program(), "m.tally", keys[0])
    with pytest.raises(SignatureInvalid, match="about another file"):
        verify_program(program(base=1), bundle, keys[1])


def test_invalid_other_key(keys: tuple[Path, Path], tmp_path: Path) -> None:
    _, other = new_key(tmp_path, "other")
    bundle = sign_program(program(), "m.tally", keys[0])
    with pytest.raises(SignatureInvalid, match="another key"):
        verify_program(program(), bundle, other)
    without_hint = reworded(bundle, lambda content: content["verificationMaterial"]["publicKey"].pop("hint"))
    with pytest.raises(SignatureInvalid, match="not this key's"):
        verify_program(program(), without_hint, other)
    verify_program(program(), without_hint, keys[1])


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"{}", "not about a model"),
        (b"[]", "not about a model"),
        (statement_of(program(), "m").replace(b"Statement/v1", b"Statement/v2"), "another type"),
        (statement_of(program(), "m").replace(program().hash.hex().encode(), b"00"), "not the program's"),
    ],
)
def test_invalid_statement(
    payload: bytes, cause: str, keys: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Well signed, but about something else."""
    monkeypatch.setattr("tallystick.signing._bundle.statement_of", lambda program, name: payload)
    bundle = sign_program(program(), "m", keys[0])
    with pytest.raises(SignatureInvalid, match=cause):
        verify_program(program(), bundle, keys[1])


def test_password(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", str(keys[0]), "-aes256", "-passout", "pass:secret", "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    verify_program(program(), sign_program(program(), "m", locked, "secret"), keys[1])
    for password in (None, "wrong"):
        with pytest.raises(InputError, match="password is wrong"):
            sign_program(program(), "m", locked, password)


def test_invalid_key(tmp_path: Path, keys: tuple[Path, Path]) -> None:
    (tmp_path / "text").write_text("no key")
    with pytest.raises(InputError, match="cannot be read"):
        sign_program(program(), "m", tmp_path / "absent")
    with pytest.raises(InputError, match="not a PEM key"):
        sign_program(program(), "m", tmp_path / "text")
    with pytest.raises(InputError, match="not a PEM key"):
        sign_program(program(), "m", keys[1])
    for curve, what in (("secp256k1", "not on P-256"), ("sect163k1", "not a PEM key|not on P-256")):
        other, _ = new_key(tmp_path, curve, curve)
        with pytest.raises(InputError, match=what):
            sign_program(program(), "m", other)


def test_name_is_part_of_the_statement(keys: tuple[Path, Path]) -> None:
    made: Program = program()
    assert b'"name": "a.tally"' in statement_of(made, "a.tally")
