"""Prove a row's score, and check a proof, without a network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tallystick.errors import ProgramError, RangeError, VerificationFailed
from tallystick.exact import Program, check_row, score_outputs
from tallystick.runtimes.zk._keys import Keys, prepare
from tallystick.runtimes.zk._process import Outcome, Step, call_ezkl, ezkl_version, try_ezkl
from tallystick.runtimes.zk._proof import Proof
from tallystick.runtimes.zk._srs import Srs

__all__ = ["prove", "prove_with", "verify", "verify_with"]

_FELT_BYTES = 32


def prove(program: Program, row: Sequence[int], folder: Path, srs: Srs | None = None) -> Proof:
    """Prove what a program gives for a row.

    Parameters
    ----------
    program
        What was run.
    row
        One integer for each feature.
    folder
        Keeps the program's keys; they are made the first time.
    srs
        A ceremony's string; a test string when omitted, and then the proof is good for tests only.

    Returns
    -------
    Proof
        Verified once already.

    Raises
    ------
    RangeError
        The row is outside the domain.
    MissingExtra
        ezkl or onnx is not installed.
    ProgramError
        The circuit is too large, or ezkl fails.
    """
    check_row(program, row)
    return prove_with(prepare(program, folder, srs), row)


def prove_with(keys: Keys, row: Sequence[int]) -> Proof:
    """Prove with keys that are there; see :func:`prove`."""
    circuit = keys.circuit
    values = tuple(check_row(circuit.program, row))
    with tempfile.TemporaryDirectory(prefix="proof-new-", dir=keys.folder) as work:
        place = {name: str(Path(work) / name) for name in ("input", "witness", "proof")}
        felts = [_to_felt(value) for value in circuit.inputs(values)]
        Path(place["input"]).write_text(json.dumps({"input_data": [felts]}), encoding="ascii")
        found = call_ezkl("proving", [*_prove_steps(keys, place), _verify_step(keys, place["proof"])])
        made: dict[str, Any] = json.loads(Path(place["proof"]).read_text(encoding="utf-8"))
    if found[-1] is not True:
        raise ProgramError("ezkl's own proof does not verify", field="proof", next_step="Report it with the program.")
    instances = [_from_felt(text) for column in made["instances"] for text in column]
    sums = circuit.sums(instances)
    outputs = circuit.raws(sums)
    if circuit.instances(values, sums) != instances or outputs != score_outputs(circuit.program, values):
        step = "Report this with the program and the row: circuit and reference must agree on every row."
        raise ProgramError("the circuit does not give what the program gives", field="outputs", next_step=step)
    return Proof(
        program_hash=bytes(circuit.program.hash),
        circuit_hash=bytes(circuit.hash),
        key_hash=bytes.fromhex(keys.key_hash),
        srs_hash=bytes.fromhex(keys.srs.sha256),
        test_srs=keys.srs.is_test,
        prover=ezkl_version(),
        row=values,
        outputs=outputs,
        sums=sums,
        proof=bytes.fromhex(made["hex_proof"].removeprefix("0x")),
    )


def verify(program: Program, proof: Proof, folder: Path, srs: Srs | None = None) -> None:
    """Accept a proof, or say why not.

    The verifying key is derived from the program here, not taken from the prover. Compare ``proof.row`` and
    ``proof.outputs`` with what you were told: after this they belong together.

    Parameters
    ----------
    program
        What was run.
    proof
        The claim.
    folder
        Keeps the program's keys; they are made the first time.
    srs
        The string that the proof was made with; this machine's test string when omitted.

    Raises
    ------
    VerificationFailed
        The proof is of another program, circuit, key or SRS, its row is outside the domain, its outputs are not
        those of its public numbers, or the proof itself does not hold.
    MissingExtra
        ezkl or onnx is not installed.
    """
    if proof.program_hash != program.hash:
        raise VerificationFailed("the proof is of another program", model="0x" + proof.program_hash.hex())
    _check_domain(program, proof)
    verify_with(prepare(program, folder, srs), proof)


def verify_with(keys: Keys, proof: Proof) -> None:
    """Check with keys that are there; see :func:`verify`."""
    circuit = keys.circuit
    _check_domain(circuit.program, proof)
    checks = (
        ("program", proof.program_hash, bytes(circuit.program.hash)),
        ("circuit", proof.circuit_hash, bytes(circuit.hash)),
        ("SRS", proof.srs_hash, bytes.fromhex(keys.srs.sha256)),
        ("verifying key", proof.key_hash, bytes.fromhex(keys.key_hash)),
    )
    for what, claimed, own in checks:
        if claimed != own:
            cause = f"the proof's {what} is {claimed.hex()[:16]}…, here it is {own.hex()[:16]}…"
            step = f"The proof was made by {proof.prover}, this is {ezkl_version()}; take the same SRS and version."
            raise VerificationFailed(cause, model="0x" + proof.program_hash.hex(), next_step=step)
    wanted = circuit.program.model.outputs
    if len(proof.sums) != wanted or len(proof.outputs) != wanted:
        raise VerificationFailed(f"the proof has {len(proof.outputs)} outputs, the program {wanted}")
    if len(proof.proof) != keys.proof_size:  # ezkl reads no further than it needs to, and takes anything behind
        raise VerificationFailed(f"the proof has {len(proof.proof)} bytes, those of this circuit {keys.proof_size}")
    if circuit.raws(proof.sums) != proof.outputs:
        raise VerificationFailed("the claimed outputs are not those of the proof's public numbers")
    outcome = _ask(keys, proof)
    if outcome.results != [True]:
        said = f": {outcome.error}" if outcome.error else ""
        raise VerificationFailed(f"the proof does not hold for this row and these outputs{said}")


def _check_domain(program: Program, proof: Proof) -> None:
    try:
        check_row(program, proof.row)
    except RangeError as error:
        raise VerificationFailed(f"the proof's row is outside the domain: {error.cause}") from error


def _ask(keys: Keys, proof: Proof) -> Outcome:
    """Ask ezkl, with public numbers that we write from the claim; an error is a no."""
    instances = [_to_felt(element) for element in keys.circuit.instances(proof.row, proof.sums)]
    content = {
        "protocol": None,
        "instances": [instances],
        "proof": list(proof.proof),
        "hex_proof": "0x" + proof.proof.hex(),
        "split": None,
        "pretty_public_inputs": None,
        "timestamp": None,
        "version": None,
    }
    with tempfile.TemporaryDirectory(prefix="proof-new-", dir=keys.folder) as work:
        path = Path(work) / "proof"
        path.write_text(json.dumps(content), encoding="ascii")
        return try_ezkl([_verify_step(keys, str(path))])


def _prove_steps(keys: Keys, place: dict[str, str]) -> list[Step]:
    model, srs = keys.compiled, str(keys.srs.path)
    prover = {"witness": place["witness"], "model": model, "pk_path": keys.proving_key}
    return [
        ("gen_witness", {"data": place["input"], "model": model, "output": place["witness"]}),
        ("prove", {**prover, "proof_path": place["proof"], "srs_path": srs}),
    ]


def _verify_step(keys: Keys, path: str) -> Step:
    arguments = {"proof_path": path, "settings_path": keys.settings, "vk_path": keys.verifying_key}
    return "verify", {**arguments, "srs_path": str(keys.srs.path)}


def _to_felt(element: int) -> str:
    return element.to_bytes(_FELT_BYTES, "little").hex()


def _from_felt(text: str) -> int:
    return int.from_bytes(bytes.fromhex(text.removeprefix("0x")), "little")
