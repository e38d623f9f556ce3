from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick import features
from tallystick.features import FAMILIES, SPEC, Feature, FeatureSpec
from tallystick.features._spec import WINDOW_S
from tallystick.hashing import keccak256

SOURCES = sorted(Path(features.__file__).parent.rglob("*.py"))
# These wait for seconds and join paths, which the lint cannot tell from a division; they compute nothing.
EXACT = [path for path in SOURCES if path.parent.name != "following"]
PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_spec_is_the_families_in_order() -> None:
    assert SPEC.features == tuple(feature for family in FAMILIES.values() for feature in family.FEATURES)
    assert SPEC.names == tuple(feature.name for feature in SPEC.features)


def test_names_are_unique_and_plain() -> None:
    assert len(set(SPEC.names)) == len(SPEC.names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in SPEC.names)


@pytest.mark.parametrize("feature", SPEC.features, ids=SPEC.names)
def test_feature_says_what_it_is(feature: Feature) -> None:
    assert feature.unit
    assert re.fullmatch(r"[A-Z].*\.", feature.help)
    # A half-life is in the name of what decays, and in the definition.
    named = re.search(r"_(1h|1d|7d|30d)$", feature.name)
    seconds = {"1h": 3_600, "1d": 86_400, "7d": 604_800, "30d": 2_592_000}
    if feature.name.startswith("burst_"):
        assert feature.half_life_s is None
    else:
        assert feature.half_life_s == (seconds[named[1]] if named else None)
    assert feature.window_s in (None, WINDOW_S)


def test_hash_is_of_sorted_compact_json() -> None:
    text = SPEC.canonical.decode()
    content = json.loads(text)
    assert json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == text
    assert [item["name"] for item in content["features"]] == list(SPEC.names)
    assert keccak256(SPEC.canonical) == SPEC.hash


@pytest.mark.parametrize("change", [{"name": "x"}, {"low": -2}, {"high": 7}, {"unit": "x"}, {"help": "x"}])
def test_hash_changes_with_any_definition(change: dict[str, object]) -> None:
    first = replace(SPEC.features[0], **change)
    assert FeatureSpec(SPEC.version, (first, *SPEC.features[1:])).hash != SPEC.hash


def test_hash_changes_with_order_and_version() -> None:
    assert FeatureSpec(SPEC.version, SPEC.features[::-1]).hash != SPEC.hash
    assert FeatureSpec(SPEC.version + 1, SPEC.features).hash != SPEC.hash


@pytest.mark.parametrize("feature", SPEC.features, ids=SPEC.names)
def test_feature_is_in_the_docs(feature: Feature) -> None:
    row = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{feature.name}` ")
    )
    assert feature.help in row
    assert f"{feature.low:,} … {feature.high:,}" in row


def floats(source: str) -> list[str]:
    """What makes a float in Python source: literals, names of float types, true division."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Constant(value=float() | complex()):
                found.append(f"{node.lineno}: literal {node.value}")
            case ast.Name(id=name) | ast.Attribute(attr=name) if re.match(
                r"(float|double|half$|single$|complex)", name
            ):
                found.append(f"{node.lineno}: {name}")
            case ast.Constant(value=str(text)) if re.fullmatch(r"[<>=]?[fdeg][0-9]*|float[0-9]*|double", text):
                found.append(f"{node.lineno}: dtype {text!r}")
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                found.append(f"{node.lineno}: true division")
            case ast.Import(names=names) if any(item.name in ("math", "cmath", "random", "time") for item in names):
                found.append(f"{node.lineno}: import")
    return found


@pytest.mark.parametrize("path", EXACT, ids=[path.name for path in EXACT])
def test_there_is_no_float(path: Path) -> None:
    assert floats(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    ["x = 1.0", "x = 1 / 2", "x /= 2", "float(x)", "np.float64", "np.zeros(3, 'f8')", "x = 1e9", "import math"],
)
def test_floats_are_found(source: str) -> None:
    assert floats(source)
