from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError, ProgramError
from tallystick.exact import score_outputs
from tallystick.runtimes.zk import Srs, _keys, ceremony_srs, local_srs, prepare
from tallystick.runtimes.zk._process import Outcome, Step, call_ezkl
from tallystick.targets.zk import Circuit, circuit
from tallystick.targets.zk._size import size_of

from ...exact.kinds import KINDS
from ...targets.zk.programs import KINDS as SMALL
from ...targets.zk.programs import some_rows
from .conftest import PROGRAMS


def layout_steps(made: Circuit, folder: Path, name: str) -> list[Step]:
    model, settings, compiled = (folder / f"{name}.{end}" for end in ("onnx", "json", "bin"))
    model.write_bytes(made.model)
    files = {"model": str(model), "compiled_circuit": str(compiled), "settings_path": str(settings)}
    arguments = {"model": str(model), "output": str(settings), "py_run_args": dict(made.arguments)}
    return [("gen_settings", arguments), ("compile_circuit", files)]


def test_rows_are_bounded(tmp_path: Path) -> None:
    """What is refused before anything is built is refused for its size, and what is taken fits."""
    programs = {f"{kind}-{seed}": make(seed) for kind, make in (KINDS | SMALL).items() for seed in range(7)}
    steps = [step for name, program in programs.items() for step in layout_steps(circuit(program), tmp_path, name)]
    call_ezkl("laying out", [step for step in steps if step[0] == "gen_settings"])
    for name, program in programs.items():
        rows = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["num_rows"]
        assert rows <= size_of(program).rows <= 2 * rows + 64, name


@pytest.mark.parametrize("kind", KINDS)
def test_witness_gives_the_reference_on_the_widest_domains(tmp_path: Path, kind: str) -> None:
    """Domains of all 64 bits, where a double is no oracle: the compiled circuit itself, without a proof."""
    steps: list[Step] = []
    expected = []
    for seed in range(5):
        program = KINDS[kind](seed)
        made = circuit(program)
        steps += layout_steps(made, tmp_path, str(seed))
        for number, row in enumerate(some_rows(program, 6, seed)):
            data = tmp_path / f"{seed}-{number}.json"
            felts = [value.to_bytes(32, "little").hex() for value in made.inputs(row)]
            data.write_text(json.dumps({"input_data": [felts]}), encoding="ascii")
            output = str(tmp_path / "witness")
            steps.append(("gen_witness", {"data": str(data), "model": str(tmp_path / f"{seed}.bin"), "output": output}))
            expected.append((made, row))
    results = call_ezkl("running", steps)
    witnesses: list[dict[str, Any]] = [done for step, done in zip(steps, results, strict=True) if "witness" in step[0]]
    for (made, row), witness in zip(expected, witnesses, strict=True):
        outputs = [int.from_bytes(bytes.fromhex(text), "little") for text in witness["outputs"][0]]
        sums = made.sums([0] * len(made.spans) + outputs)
        assert made.raws(sums) == score_outputs(made.program, row)


def test_same_program_same_key(tmp_path: Path) -> None:
    """In processes of their own: a hash table's order must not decide the key."""
    made = [prepare(PROGRAMS["mlp"], tmp_path / str(number)) for number in range(3)]
    assert len({(keys.key_hash, keys.proof_size) for keys in made}) == 1


def test_keys_are_kept(keys_folder: Path, proven: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = proven("trees").keys
    monkeypatch.setattr(_keys, "_make", lambda *arguments: pytest.fail("made again"))
    assert prepare(PROGRAMS["trees"], keys_folder) == keys
    assert sorted(path.name for path in keys_folder.iterdir() if "new" in path.name) == []


@pytest.mark.parametrize("harm", ["key", "record", "shape"])
def test_keys_that_were_changed_are_made_again(tmp_path: Path, harm: str) -> None:
    keys = prepare(PROGRAMS["linear"], tmp_path)
    if harm == "key":
        other = bytearray(Path(keys.verifying_key).read_bytes())
        other[-1] ^= 1
        Path(keys.verifying_key).write_bytes(other)
    else:
        (keys.folder / "keys.json").write_text("{}" if harm == "shape" else '{"rows": "x"', encoding="utf-8")
    assert prepare(PROGRAMS["linear"], tmp_path) == keys


@pytest.mark.slow  # each use cuts the larger string to size
def test_keys_with_a_larger_srs(tmp_path: Path) -> None:
    """A file of a ceremony serves every circuit up to its size."""
    path = local_srs(12, tmp_path / "srs").path
    srs = ceremony_srs(path, local_srs(12, tmp_path / "srs").sha256, tmp_path / "none")
    keys = prepare(PROGRAMS["linear"], tmp_path / "keys", srs)
    assert (keys.circuit.logrows, keys.srs.logrows, keys.srs.is_test) == (11, 12, False)
    assert keys.folder.name.endswith(srs.sha256[:16])


def test_invalid_smaller_srs(tmp_path: Path) -> None:
    srs = local_srs(4, tmp_path / "srs")
    with pytest.raises(InputError, match=r"for circuits of 2\*\*4 rows, this one has 2\*\*11"):
        prepare(PROGRAMS["linear"], tmp_path, Srs(srs.path, 4, srs.sha256, is_test=False))
    assert [path.name for path in tmp_path.iterdir()] == ["srs"]


def test_invalid_more_rows_than_promised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keys, "logrows_for", lambda rows: 12)
    with pytest.raises(ProgramError, match=r"was to take 2\*\*11 at most"):
        prepare(PROGRAMS["linear"], tmp_path)


def test_invalid_verifier_of_an_unknown_shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_keys, "try_ezkl", lambda steps: Outcome([], "create_evm_verifier", "no source"))
    with pytest.raises(ProgramError, match="no verifier that we know: no source"):
        prepare(PROGRAMS["linear"], tmp_path)


def test_nothing_is_written_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    local_srs(11)  # is in the cache before the home is another
    monkeypatch.setenv("XDG_CACHE_HOME", str(local_srs(11).path.parent.parent.parent))
    monkeypatch.setenv("HOME", str(home))
    prepare(PROGRAMS["linear"], tmp_path / "keys")
    assert list(home.iterdir()) == []
