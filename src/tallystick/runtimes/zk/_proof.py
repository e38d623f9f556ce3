"""A proof with everything needed to check it (``docs/formats/proof-v1.md``)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from tallystick.errors import InputError
from tallystick.parsing import parse_json

__all__ = ["Proof"]

_FORMAT: Final = "tallystick-proof"
_VERSION: Final = 1
_NUMBER: Final = re.compile(r"0|-?[1-9][0-9]{0,38}")
_HASH: Final = re.compile(r"0x[0-9a-f]{64}")
_BYTES: Final = re.compile(r"0x([0-9a-f]{2})+")
_PROVER: Final = re.compile(r"[!-~]{1,32} [!-~]{1,32}")
_STEP: Final = "Ask the prover for the file that `Proof.to_json` wrote."


@dataclass(frozen=True)
class Proof:
    """That a program gives these outputs for this row.

    A claim until :func:`tallystick.runtimes.zk.verify` has checked it.

    Parameters
    ----------
    program_hash
        Program, 32 bytes.
    circuit_hash
        Its circuit, 32 bytes.
    key_hash
        SHA-256 of the verifying key.
    srs_hash
        SHA-256 of the structured reference string's file.
    test_srs
        The string was made on one machine; whoever made it can forge.
    prover
        Name and version of what made the proof.
    row
        Values of the features.
    outputs
        Raw scores.
    sums
        The proof's public outputs: raw scores, times the divisor of averaged trees before the floor.
    proof
        The proof itself.
    """

    program_hash: bytes
    circuit_hash: bytes
    key_hash: bytes
    srs_hash: bytes
    test_srs: bool
    prover: str
    row: tuple[int, ...]
    outputs: tuple[int, ...]
    sums: tuple[int, ...]
    proof: bytes

    def to_json(self) -> str:
        """The file's text; numbers as decimal text, since readers of other languages cut them at 2**53."""
        fields: dict[str, Any] = {"format": _FORMAT, "version": _VERSION}
        for name, value in vars(self).items():
            match value:
                case bytes():
                    fields[name] = "0x" + value.hex()
                case tuple():
                    fields[name] = [str(number) for number in value]
                case _:
                    fields[name] = value
        return json.dumps(fields, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Proof:
        """Read a file; nothing is checked but its shape.

        Raises
        ------
        InputError
            Another format or version, a field that is missing, unknown or malformed.
        """
        try:
            fields = parse_json(text)
        except ValueError as error:
            raise InputError(f"a proof must be JSON: {error}", next_step=_STEP) from error
        if not isinstance(fields, dict) or fields.get("format") != _FORMAT:
            raise InputError("this is no proof", name="format", next_step=_STEP)
        if fields.get("version") != _VERSION:
            step = "Read it with the release that wrote it, or a later one."
            raise InputError("a proof of another version", name="version", value=fields.get("version"), next_step=step)
        names = {"format", "version", *_READERS}
        for name in sorted(names.symmetric_difference(fields)):
            raise InputError("a field is missing or unknown", name=name, next_step=_STEP)
        return cls(**{name: reader(name, fields[name]) for name, reader in _READERS.items()})


def _text(pattern: re.Pattern[str]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise InputError("a field is malformed", name=name, value=repr(value)[:80], next_step=_STEP)
        return value

    return read


def _hex(pattern: re.Pattern[str]) -> Callable[[str, Any], bytes]:
    read = _text(pattern)
    return lambda name, value: bytes.fromhex(read(name, value)[2:])


def _numbers(name: str, value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise InputError("a field is no list", name=name, value=repr(value)[:80], next_step=_STEP)
    read = _text(_NUMBER)
    return tuple(int(read(name, number)) for number in value)


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError("a field is neither true nor false", name=name, value=repr(value)[:80], next_step=_STEP)
    return value


_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "program_hash": _hex(_HASH),
    "circuit_hash": _hex(_HASH),
    "key_hash": _hex(_HASH),
    "srs_hash": _hex(_HASH),
    "test_srs": _flag,
    "prover": _text(_PROVER),
    "row": _numbers,
    "outputs": _numbers,
    "sums": _numbers,
    "proof": _hex(_BYTES),
}
