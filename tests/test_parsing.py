from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.parsing import MOST_NESTED, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES)
def test_as_the_library(value: object) -> None:
    text = json.dumps(value)
    assert parse_json(text) == parse_json(text.encode()) == value


def test_nesting_ends_somewhere() -> None:
    assert parse_json("[" * MOST_NESTED + "]" * MOST_NESTED)
    assert parse_json(json.dumps(["[" * 1000, "\\" * 9, '"' * 9 + "{" * 1000]))[0] == "[" * 1000
    with pytest.raises(ValueError, match="nested deeper than 500"):
        parse_json("[" * MOST_NESTED + "{}" + "]" * MOST_NESTED)


@pytest.mark.parametrize("text", ["", "{", '{"a', '"\\', b"\xff", "]" * 1000])
def test_invalid_text(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_brackets_alone_do_not_end_the_process() -> None:
    """Where a library has raised the recursion limit, as the EVM libraries do on import, json.loads would."""
    code = (
        "import sys; sys.setrecursionlimit(10**7); from tallystick.parsing import parse_json; parse_json('[' * 10**6)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, "nested deeper" in done.stderr) == (1, True)
