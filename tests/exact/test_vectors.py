from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tallystick.errors import ProgramError, RangeError
from tallystick.exact import FastProgram, Program, explain_row, load_program, score_outputs, score_row

from .vectors import FOLDER, imported, texts

TEXTS = texts()
RELEASED = {"released-0.1.0.tally": "7cead55932267fb56b6848ac66d234ef8110dd5df114cbe4039ff9e99e8d98ef"}


def bytes_of(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def numbers(row: list[str]) -> list[int]:
    return [int(value) for value in row]


def test_files_are_what_the_reference_writes() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(TEXTS)
    for name, text in TEXTS.items():
        assert (FOLDER / name).read_text(encoding="ascii") == text, f"{name}: see vectors.py"


@pytest.mark.parametrize("name", sorted(set(TEXTS) - {"invalid.json"}))
def test_vectors(name: str) -> None:
    content: dict[str, Any] = json.loads((FOLDER / name).read_text(encoding="ascii"))
    program = Program.from_bytes(bytes_of(content["program"]))
    assert program.hash == bytes_of(content["hash"])
    for case in content["rows"]:
        row = numbers(case["row"])
        assert score_row(program, row) == (int(case["raw"]), case["ppm"], case["flag"])
        raws = tuple(numbers(case.get("outputs", [case["raw"]])))
        assert score_outputs(program, row) == raws
        if "bias" in case:
            reasons = (int(case["bias"]), tuple(numbers(case["contributions"])), case.get("divisor", 1))
            assert explain_row(program, row) == reasons
    raw, ppm = FastProgram(program).score(np.array([numbers(case["row"]) for case in content["rows"]], np.int64))
    assert raw.tolist() == [int(case["raw"]) for case in content["rows"]]
    assert ppm.tolist() == [case["ppm"] for case in content["rows"]]
    for case in content["outside"]:
        row = numbers(case["row"])
        for act in (lambda row: score_row(program, row), lambda row: FastProgram(program).score(np.array([row]))):
            with pytest.raises(RangeError) as caught:
                act(row)
            assert caught.value.where["name"] == case["feature"]


@pytest.mark.parametrize("case", json.loads(TEXTS["invalid.json"])["refuse"], ids=lambda case: case["why"])
def test_invalid_vectors(case: dict[str, str]) -> None:
    with pytest.raises(ProgramError):
        Program.from_bytes(bytes_of(case["program"]))


@pytest.mark.parametrize(("name", "program_hash"), RELEASED.items())
def test_released_files_still_load(name: str, program_hash: str) -> None:
    program = load_program(FOLDER / name)
    assert program.hash.hex() == program_hash
    assert program.to_bytes() == (FOLDER / name).read_bytes()


def test_import_has_not_changed() -> None:
    assert imported() == load_program(FOLDER / "released-0.1.0.tally")
