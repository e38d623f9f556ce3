"""Each fuzz target for a moment, by coverage; and mutations of the structure of real models."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.exact import Program
from tallystick.exact.importers import import_model

from .targets import FEATURES, TARGETS, catboost_seeds, importer, lightgbm_seeds, program_seeds, xgboost_seeds

ROOT = Path(__file__).parents[2]
JSON_SEEDS = {"lightgbm": lightgbm_seeds, "xgboost": xgboost_seeds, "catboost": catboost_seeds}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([1 << 31, 1 << 63, -(1 << 63), 10**30, 1e308, float("nan"), float("inf"), -0.0, 0.5]),
    st.sampled_from(["", "0", "-1", "1e400", "nan", "é", "[0.5,0.5]"]),
    st.just([]),
    st.just({}),
)


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_target_for_a_moment(target: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "fuzz"), target, "--runs", "2000", "--seconds", "40"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert "DONE" in done.stderr


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "loader"])
def test_every_seed_is_a_model_that_is_taken(target: str) -> None:
    """Otherwise the fuzzer would only ever see refusals."""
    for seed in TARGETS[target][1]():
        assert isinstance(import_model(seed, FEATURES, bytes(32)), Program)


def test_program_seeds_are_of_both_sorts() -> None:
    assert len(list(program_seeds())) > 20


@cache
def documents(target: str) -> list[Any]:
    found = []
    for seed in JSON_SEEDS[target]():
        try:
            found.append(json.loads(seed))
        except ValueError:  # text and UBJSON are left to the fuzzer
            continue
    return found


@pytest.mark.parametrize("target", JSON_SEEDS)
def test_changed_structure(target: str) -> None:
    @settings(max_examples=150, deadline=None)
    @given(data=st.data())
    def change(data: st.DataObject) -> None:
        document = json.loads(json.dumps(data.draw(st.sampled_from(documents(target)))))
        for _ in range(data.draw(st.integers(1, 2))):
            _change_somewhere(document, data)
        importer(json.dumps(document).encode())

    change()


def _change_somewhere(part: Any, data: st.DataObject) -> None:
    """Walk down to a random place and put something else there, drop it, or write it twice."""
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if isinstance(part[key], (dict, list)) and part[key] and data.draw(st.integers(0, 9)):
            part = part[key]
            continue
        match data.draw(st.sampled_from(("set", "drop", "double"))):
            case "drop":
                del part[key]
            case "double" if isinstance(part, list):
                part.append(part[key])
            case _:
                part[key] = data.draw(VALUES)
        return
