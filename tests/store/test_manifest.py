from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tallystick
from tallystick.errors import Corrupt, InputError, RangeError, StoreError
from tallystick.store import Manifest, Manifests, Output, Project, canonical_json, check_manifest, output_of

FORMAT_PAGE = Path(__file__).parents[2] / "docs" / "formats" / "manifest-v1.md"
DIGEST = "ab" * 32

exact = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=10,
)


@given(exact)
def test_canonical_json_round_trip(value: Any) -> None:
    content = canonical_json(value)
    assert json.loads(content) == value
    assert canonical_json(json.loads(content)) == content
    assert content.count(b"\n") == 1


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(), min_size=2))
def test_hash_does_not_depend_on_order(parameters: dict[str, int]) -> None:
    turned = dict(reversed(parameters.items()))
    outputs = (Output("reports/a", DIGEST), Output("reports/b", DIGEST, 2))
    one = Manifest("model", {"a": DIGEST, "b": "0x" + DIGEST}, outputs, parameters)
    two = Manifest("model", {"b": "0x" + DIGEST, "a": DIGEST}, outputs[::-1], turned)
    assert one.hash == two.hash
    assert one.content == two.content


def test_hash_depends_on_every_field() -> None:
    base: dict[str, Any] = {"kind": "model", "inputs": {}, "outputs": (), "parameters": {}, "tool_version": "1"}
    changes: list[dict[str, Any]] = [
        {},
        {"kind": "models"},
        {"inputs": {"a": DIGEST}},
        {"inputs": {"b": DIGEST}},
        {"outputs": (Output("reports/a", DIGEST),)},
        {"outputs": (Output("reports/a", DIGEST, 0),)},
        {"parameters": {"seed": 1}},
        {"parameters": {"seed": True}},
        {"parameters": {"seed": "1"}},
        {"tool_version": "2"},
    ]
    assert len({Manifest(**(base | change)).hash for change in changes}) == len(changes)


def test_tool_version_is_ours() -> None:
    assert Manifest("model").tool_version == tallystick.__version__


def test_format_page_has_the_example_and_every_field() -> None:
    page = FORMAT_PAGE.read_text(encoding="utf-8")
    match = re.search(r"```json\n(.+\n)```\n\nIts SHA-256, with the line feed, is `([0-9a-f]{64})`", page)
    assert match is not None
    manifest = Manifest("model", {}, (), {"seed": 1}, "0.1.0")
    assert manifest.content == match[1].encode()
    assert manifest.hash == match[2] == hashlib.sha256(match[1].encode()).hexdigest()
    fields = [*json.loads(manifest.content), "path", "sha256", "rows"]
    assert all(f"\n| `{field}` |" in page for field in fields)


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        (1.5, "float has no exact JSON form"),
        ({"a": [1, {"b": float("nan")}]}, "float has no exact JSON form"),
        ({"a": b"x"}, "bytes has no exact JSON form"),
        ({1: "x"}, "a key is not text"),
        ("\ud800", "text is not valid Unicode"),
    ],
)
def test_invalid_canonical_json(value: Any, cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        canonical_json(value)


def test_invalid_canonical_json_says_where() -> None:
    with pytest.raises(RangeError) as caught:
        canonical_json({"a": [1, {"b": 0.5}]})
    assert caught.value.where["name"] == "$.a[1].b"


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"kind": "Model"}, "kind is lower case"),
        ({"kind": "model", "inputs": {"a": "xyz"}}, "input is not a hash"),
        ({"kind": "model", "inputs": {"a": DIGEST.upper()}}, "input is not a hash"),
        ({"kind": "model", "outputs": (Output("/etc/passwd", DIGEST),)}, "inside the project"),
        ({"kind": "model", "outputs": (Output("a/../../b", DIGEST),)}, "inside the project"),
        ({"kind": "model", "outputs": (Output("a//b", DIGEST),)}, "inside the project"),
        ({"kind": "model", "outputs": (Output("", DIGEST),)}, "inside the project"),
        ({"kind": "model", "outputs": (Output("a", "12"),)}, "SHA-256 is not 64"),
        ({"kind": "model", "outputs": (Output("a", DIGEST, -1),)}, "rows are negative"),
        ({"kind": "model", "outputs": (Output("a", DIGEST), Output("a", DIGEST))}, "an output twice"),
    ],
)
def test_invalid_manifest(fields: dict[str, Any], cause: str) -> None:
    with pytest.raises(RangeError, match=cause):
        Manifest(**fields)


def made(project: Project) -> tuple[str, Output]:
    output = project.write_file("models/m/program.bin", b"program")
    return project.manifests.write(Manifest("model", {"data": DIGEST}, (output,), {"seed": 1})), output


def test_write_read_check_round_trip(project: Project) -> None:
    name, output = made(project)
    path = project.path / "manifests" / f"{name}.json"
    before = path.stat().st_mtime_ns
    assert made(project) == (name, output)
    assert path.stat().st_mtime_ns == before
    assert hashlib.sha256(path.read_bytes()).hexdigest() == name
    manifest = project.manifests.check(name)
    assert manifest == check_manifest(project.path, name) == project.manifests.read(name)
    assert (manifest.kind, manifest.outputs) == ("model", (output,))


def test_write_repairs_a_damaged_manifest(project: Project) -> None:
    name, _ = made(project)
    (project.path / "manifests" / f"{name}.json").write_bytes(b"")
    with pytest.raises(Corrupt):
        project.manifests.read(name)
    assert made(project)[0] == name
    project.manifests.check(name)


def test_list_by_kind(project: Project) -> None:
    name, _ = made(project)
    other = project.manifests.write(Manifest("source"))
    (project.path / "manifests" / "notes.json").write_text("not ours")
    assert list(project.manifests.list()) == sorted([name, other])
    assert list(project.manifests.list("source")) == [other]
    assert project.manifests.list("report") == {}


def test_invalid_changed_output_is_named(project: Project) -> None:
    name, output = made(project)
    path = project.path / output.path
    path.write_bytes(b"Program")
    with pytest.raises(Corrupt, match=r"SHA-256 is \w+… where the manifest says") as caught:
        project.manifests.check(name)
    assert caught.value.where["path"] == path
    path.unlink()
    with pytest.raises(Corrupt, match="is missing") as caught:
        project.manifests.check(name)
    assert caught.value.where["path"] == path


def store_as_is(root: Path, content: bytes) -> str:
    name = hashlib.sha256(content).hexdigest()
    (root / "manifests").mkdir(exist_ok=True)
    (root / "manifests" / f"{name}.json").write_bytes(content)
    return name


GOOD = json.loads(Manifest("model").content)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "not a manifest"),
        (b"\xff", "not a manifest"),
        (b"[]", "not a manifest"),
        (canonical_json({"format_version": 1}), "not a manifest"),
        (canonical_json(GOOD | {"kind": 5}), "not a manifest"),
        (canonical_json(GOOD | {"outputs": [{"path": "a"}]}), "not a manifest"),
        (canonical_json(GOOD | {"inputs": []}), "not a manifest"),
        (canonical_json(GOOD | {"more": 1}), "not in canonical form"),
        (canonical_json(GOOD | {"format_version": 0}), "not in canonical form"),
        (json.dumps(GOOD).encode(), "not in canonical form"),
        (canonical_json(GOOD)[:-1], "not in canonical form"),
    ],
)
def test_invalid_manifest_files(tmp_path: Path, content: bytes, cause: str) -> None:
    name = store_as_is(tmp_path, content)
    with pytest.raises(Corrupt, match=cause) as caught:
        Manifests(tmp_path).read(name)
    assert caught.value.where["path"] == tmp_path / "manifests" / f"{name}.json"


def test_invalid_newer_manifest_says_upgrade(tmp_path: Path) -> None:
    name = store_as_is(tmp_path, canonical_json(GOOD | {"format_version": 2, "new_field": 1}))
    with pytest.raises(StoreError, match="manifest has format 2; this version reads up to 1") as caught:
        Manifests(tmp_path).read(name)
    assert "upgrade" in caught.value.advice


@pytest.mark.parametrize("name", ["", "..", DIGEST, "../state", DIGEST.upper()])
def test_invalid_manifest_name(project: Project, name: str) -> None:
    with pytest.raises(InputError, match="there is no such manifest"):
        project.manifests.read(name)


def test_invalid_write_when_reading_only(project: Project) -> None:
    with pytest.raises(StoreError, match="reading only"):
        Manifests(project.path).write(Manifest("model"))


def test_unreadable_files_are_store_errors(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    name, _ = made(project)

    def refuse(self: Path, *arguments: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(StoreError, match="No such file"):
        output_of(project.path, project.path / "absent")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(StoreError, match="Permission denied"):
        project.manifests.read(name)
