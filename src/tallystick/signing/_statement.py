"""What is signed: an in-toto statement about one program file.

Source
------
in-toto Statement v1; OpenSSF model-signing, predicate v1.0.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any, Final

from tallystick.errors import SignatureInvalid
from tallystick.exact import Program
from tallystick.parsing import parse_json

__all__ = ["PREDICATE_TYPE", "STATEMENT_TYPE", "check_statement", "statement_of"]

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"


def statement_of(program: Program, name: str) -> bytes:
    """Return the statement's JSON.

    The file is the only resource; its subject's digest is the SHA-256 of the resources' digests, as model-signing
    computes it. ``tallystick`` in the predicate carries the name that ledgers use, the program hash.

    Parameters
    ----------
    program
        What is signed.
    name
        File name.
    """
    digest = sha256(program.to_bytes())
    statement = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": sha256(digest.digest()).hexdigest()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "resources": [{"algorithm": "sha256", "name": ".", "digest": digest.hexdigest()}],
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
            "tallystick": {
                "program_hash": "0x" + program.hash.hex(),
                "feature_spec_hash": "0x" + program.feature_spec_hash.hex(),
            },
        },
    }
    return json.dumps(statement, indent=1).encode("ascii")


def check_statement(payload: bytes, program: Program) -> None:
    """Check that a statement is about these bytes and no others.

    Raises
    ------
    SignatureInvalid
        It is about another file, or is no such statement.
    """
    try:
        statement: dict[str, Any] = parse_json(payload)
        kinds = (statement["_type"], statement["predicateType"])
        (resource,) = statement["predicate"]["resources"]
        (subject,) = statement["subject"]
        stated = (resource["algorithm"], resource["digest"], subject["digest"]["sha256"])
        own = statement["predicate"].get("tallystick", {})
        hashes = (own.get("program_hash"), own.get("feature_spec_hash"))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SignatureInvalid("the signed statement is not about a model", value=repr(error)[:80]) from error
    if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise SignatureInvalid("the signed statement is of another type", value=str(kinds)[:80])
    digest = sha256(program.to_bytes())
    if stated != ("sha256", digest.hexdigest(), sha256(digest.digest()).hexdigest()):
        raise SignatureInvalid("the signature is about another file", value=str(stated[1])[:80])
    names = ("0x" + program.hash.hex(), "0x" + program.feature_spec_hash.hex())
    if own and hashes != names:
        raise SignatureInvalid("the signed hashes are not the program's", value=str(hashes[0])[:80])
