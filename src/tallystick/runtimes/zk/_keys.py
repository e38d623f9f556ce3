"""Keys of a program's circuit: made once from the program, kept in a folder, checked at each use."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tallystick.errors import InputError, ProgramError
from tallystick.exact import Program
from tallystick.hashing import sha256_file
from tallystick.runtimes.zk._process import call_ezkl, ezkl_version, try_ezkl
from tallystick.runtimes.zk._srs import Srs, local_srs
from tallystick.targets.zk import Circuit, circuit, logrows_for

__all__ = ["Keys", "prepare"]

_RECORD: Final = "keys.json"
_PROOF_SIZE: Final = re.compile(r"eq\((0x[0-9a-f]+), proof\.length\)")


@dataclass(frozen=True)
class Keys:
    """A circuit, compiled, with its proving and its verifying key.

    The verifying key is a function of program, SRS and version of ezkl: who has those derives it, and trusts nobody's.

    Parameters
    ----------
    folder
        Where the files are.
    circuit
        What is proved.
    srs
        With which string.
    rows
        Rows in use of the circuit's 2**logrows, by the compiler's count, which may differ by one from run to run.
    proof_size
        Bytes of every proof.
    key_hash
        SHA-256 of the verifying key, 64 hexadecimal digits.
    """

    folder: Path
    circuit: Circuit
    srs: Srs
    rows: int
    proof_size: int
    key_hash: str

    @property
    def model(self) -> str:
        """The graph."""
        return str(self.folder / "model.onnx")

    @property
    def settings(self) -> str:
        """How it was compiled."""
        return str(self.folder / "settings.json")

    @property
    def compiled(self) -> str:
        """The compiled circuit."""
        return str(self.folder / "circuit.bin")

    @property
    def proving_key(self) -> str:
        """The proving key: 8 MB and more."""
        return str(self.folder / "proving.key")

    @property
    def verifying_key(self) -> str:
        """The verifying key."""
        return str(self.folder / "verifying.key")

    @property
    def solidity(self) -> str:
        """Source of the verifying contract."""
        return str(self.folder / "verifier.sol")


def prepare(program: Program, folder: Path, srs: Srs | None = None) -> Keys:
    """Keys of a program from a folder, made there the first time.

    Parameters
    ----------
    program
        What is to be proved.
    folder
        Holds one folder for each program and SRS.
    srs
        A ceremony's string; the test string of the right size when omitted.

    Raises
    ------
    MissingExtra
        ezkl or onnx is not installed.
    ProgramError
        The circuit is too large, or ezkl refuses it.
    InputError
        The SRS is for smaller circuits.
    """
    made = circuit(program)
    srs = srs or local_srs(made.logrows)
    if srs.logrows < made.logrows:
        cause = f"the SRS is for circuits of 2**{srs.logrows} rows, this one has 2**{made.logrows}"
        raise InputError(cause, file=srs.path, next_step="Take a larger file of the same ceremony.")
    folder = folder.absolute()  # the worker runs in a folder of its own
    place = folder / f"{made.hash.hex()[:16]}-{'test' if srs.is_test else srs.sha256[:16]}"
    kept = _read(place, made, srs)
    if kept is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="keys-new-", dir=folder) as work:
        _make(Path(work) / "keys", made, srs)
        if place.exists():
            shutil.rmtree(place)
        (Path(work) / "keys").rename(place)
    done = _read(place, made, srs)
    assert done is not None, place
    return done


def _read(place: Path, made: Circuit, srs: Srs) -> Keys | None:
    """Keys that are there, whole, and of this circuit, SRS and version of ezkl."""
    try:
        record: dict[str, Any] = json.loads((place / _RECORD).read_text(encoding="utf-8"))
        keys = Keys(place, made, srs, record["rows"], record["proof_size"], sha256_file(place / "verifying.key"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return keys if record == _record(keys) else None


def _record(keys: Keys) -> dict[str, Any]:
    return {
        "circuit": "0x" + keys.circuit.hash.hex(),
        "program": "0x" + keys.circuit.program.hash.hex(),
        "srs": keys.srs.sha256,
        "verifying_key": keys.key_hash,
        "prover": ezkl_version(),
        "rows": keys.rows,
        "proof_size": keys.proof_size,
    }


def _make(place: Path, made: Circuit, srs: Srs) -> None:
    place.mkdir()
    draft = Keys(place, made, srs, 0, 0, "")
    Path(draft.model).write_bytes(made.model)
    arguments = {"model": draft.model, "output": draft.settings, "py_run_args": dict(made.arguments)}
    call_ezkl("laying out the circuit", [("gen_settings", arguments)])
    rows = _settle(Path(draft.settings))
    if logrows_for(rows) > made.logrows:
        cause = f"the circuit takes {rows:,} rows and was to take 2**{made.logrows} at most"
        raise ProgramError(cause, field="model", next_step="Report this with the program.")
    compiling = {"model": draft.model, "compiled_circuit": draft.compiled, "settings_path": draft.settings}
    setup = {"model": draft.compiled, "vk_path": draft.verifying_key, "pk_path": draft.proving_key}
    setup |= {"srs_path": str(srs.path)}
    call_ezkl("making the keys", [("compile_circuit", compiling), ("setup", setup)])
    size = _write_verifier(draft)
    keys = Keys(place, made, srs, rows, size, sha256_file(Path(draft.verifying_key)))
    (place / _RECORD).write_text(json.dumps(_record(keys), indent=2) + "\n", encoding="utf-8")


def _write_verifier(keys: Keys) -> int:
    """Write the verifying contract's source; return how long a proof is, which only the source says.

    ezkl writes the source, then looks for a compiler on the network, finds none there, and fails: that is no failure
    here.
    """
    arguments = {"vk_path": keys.verifying_key, "settings_path": keys.settings, "srs_path": str(keys.srs.path)}
    files = {"sol_code_path": keys.solidity, "abi_path": str(keys.folder / "verifier.abi")}
    outcome = try_ezkl([("create_evm_verifier", {**arguments, **files})])
    source = Path(keys.solidity)
    found = _PROOF_SIZE.search(source.read_text(encoding="utf-8")) if source.is_file() else None
    if found is None:
        raise ProgramError(f"ezkl wrote no verifier that we know: {outcome.error}", field="create_evm_verifier")
    return int(found[1], 16)


def _settle(path: Path) -> int:
    """Put the settings into one order; return how many rows are in use.

    ezkl lists its range checks in the order of a hash table, which differs from run to run, and the verifying key with
    it. Sorted, a program has one key.
    """
    settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for name in ("required_range_checks", "required_lookups"):
        settings[name] = sorted(settings[name])
    settings["timestamp"] = 0
    path.write_text(json.dumps(settings, sort_keys=True), encoding="utf-8")
    return int(settings["num_rows"])
