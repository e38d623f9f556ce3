from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import ProgramError, RangeError, VerificationFailed
from tallystick.exact import Program, score_outputs
from tallystick.runtimes.zk import Proof, _prove, prove, verify, verify_with

from .conftest import PROGRAMS, ROW


@pytest.mark.parametrize("kind", PROGRAMS)
def test_a_proof_of_each_kind(keys_folder: Path, proven: Any, kind: str) -> None:
    program, keys, proof = proven(kind)
    assert (proof.row, proof.outputs) == (ROW, score_outputs(program, ROW))
    assert proof.program_hash == program.hash
    assert (proof.test_srs, len(proof.proof)) == (True, keys.proof_size)
    verify(program, Proof.from_json(proof.to_json()), keys_folder)
    assert not [path for path in keys.folder.iterdir() if path.is_dir()]


def test_prove_in_one_call(keys_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = PROGRAMS["linear"]
    proof = prove(program, (-5, 0), keys_folder)
    verify(program, proof, keys_folder)
    assert proof.outputs == score_outputs(program, (-5, 0))
    assert capfd.readouterr() == ("", "")


def changed(value: bytes, place: int) -> bytes:
    return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda p: {"row": (p.row[0] + 1, p.row[1])}, "does not hold"),
        (lambda p: {"row": (p.row[0], p.row[1] - 1)}, "does not hold"),
        (lambda p: {"row": (995, 0)}, "outside the domain: feature outside"),
        (lambda p: {"row": (-6, 0)}, "outside the domain: feature outside"),
        (lambda p: {"row": p.row[:1]}, "outside the domain: the row has 1 values"),
        (lambda p: {"outputs": (p.outputs[0] + 1, p.outputs[1])}, "not those of the proof's public numbers"),
        (lambda p: {"sums": (p.sums[0] + 3, p.sums[1])}, "not those of the proof's public numbers"),
        (lambda p: {"sums": (p.sums[0], p.sums[1] + 3), "outputs": (p.outputs[0], p.outputs[1] + 1)}, "does not hold"),
        (lambda p: {"outputs": p.outputs[:1], "sums": p.sums[:1]}, "has 1 outputs, the program 2"),
        (lambda p: {"proof": changed(p.proof, 0)}, "does not hold"),
        (lambda p: {"proof": changed(p.proof, 1_000)}, "does not hold"),
        (lambda p: {"proof": changed(p.proof, len(p.proof) - 1)}, "does not hold"),
        (lambda p: {"proof": p.proof + b"\0"}, "bytes, those of this circuit"),
        (lambda p: {"proof": p.proof[:-1]}, "bytes, those of this circuit"),
        (lambda p: {"program_hash": bytes(32)}, "of another program"),
        (lambda p: {"circuit_hash": bytes(32)}, "the proof's circuit is"),
        (lambda p: {"key_hash": bytes(32)}, "the proof's verifying key is"),
        (lambda p: {"srs_hash": bytes(32)}, "the proof's SRS is"),
    ],
)
def test_invalid_proof(keys_folder: Path, proven: Any, harm: Any, reason: str) -> None:
    program, _, proof = proven("averages")
    with pytest.raises(VerificationFailed, match=reason):
        verify(program, replace(proof, **harm(proof)), keys_folder)


def test_invalid_another_programs_proof(keys_folder: Path, proven: Any) -> None:
    """The key is derived from the program that is asked for: a proof cannot bring its own."""
    proof = proven("averages").proof
    other: Program = PROGRAMS["trees"]
    with pytest.raises(VerificationFailed, match="of another program"):
        verify(other, proof, keys_folder)
    with pytest.raises(VerificationFailed, match="circuit is"):
        verify(other, replace(proof, program_hash=bytes(other.hash)), keys_folder)
    with pytest.raises(VerificationFailed, match="program is"):
        verify_with(proven("trees").keys, proof)


def test_invalid_row(keys_folder: Path) -> None:
    with pytest.raises(RangeError, match="outside"):
        prove(PROGRAMS["linear"], (995, 0), keys_folder)


def test_invalid_circuit_that_differs(proven: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_prove, "score_outputs", lambda program, row: (0,))
    with pytest.raises(ProgramError, match="does not give what the program gives"):
        _prove.prove_with(proven("linear").keys, ROW)


def test_invalid_proof_of_ezkls_own(proven: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = _prove.call_ezkl
    monkeypatch.setattr(_prove, "call_ezkl", lambda what, steps: [*real(what, steps)[:-1], False])
    with pytest.raises(ProgramError, match="own proof does not verify"):
        _prove.prove_with(proven("linear").keys, ROW)
