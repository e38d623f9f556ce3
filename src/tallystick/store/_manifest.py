"""Manifests: what was made, from what, with which version, under the hash of saying so.

The format is written down in ``docs/formats/manifest-v1.md``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from tallystick import __version__
from tallystick.errors import Corrupt, InputError, RangeError, StoreError
from tallystick.hashing import sha256_file
from tallystick.store._atomic import store_error, write_bytes

__all__ = ["MANIFEST_VERSION", "Manifest", "Manifests", "Output", "canonical_json", "check_manifest", "output_of"]

MANIFEST_VERSION: Final = 1
_FORMAT: Final = "tallystick-manifest"
_FIELDS: Final = {"format", "format_version", "inputs", "kind", "outputs", "parameters", "tool_version"}
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_HASH: Final = re.compile(r"(?:0x)?[0-9a-f]{64}")
_NAME: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Output:
    """One file that was made: path inside the project (POSIX), SHA-256 of its bytes, rows if it is a table."""

    path: str
    sha256: str
    rows: int | None = None


@dataclass(frozen=True)
class Manifest:
    """What one step made and from what; equal manifests have equal hashes.

    Parameters
    ----------
    kind
        What the outputs are: ``source``, ``model``, ``predictions``, …; lower case, digits, hyphens.
    inputs
        Content hash of everything read, by name: 64 lower-case hexadecimal digits, with ``0x`` if keccak-256.
    outputs
        Every file made, in any order; kept sorted by path.
    parameters
        Whatever else decides the outputs: text, integers, booleans, null, lists and objects of them.
        No floats, as their text differs between languages; no times of day, as a rerun must give the same hash.
    tool_version
        Version that made it.

    Raises
    ------
    RangeError
        A field is outside its domain.

    Examples
    --------
    >>> Manifest("model", inputs={}, outputs=(), parameters={"seed": 1}, tool_version="0.1.0").hash[:16]
    '19f87be59a790bd7'
    """

    kind: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tool_version: str = __version__

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise RangeError("a manifest's kind is lower case, digits and hyphens", value=self.kind)
        for name, value in self.inputs.items():
            if not _HASH.fullmatch(value):
                raise RangeError("a manifest's input is not a hash", name=name, value=value)
        for output in self.outputs:
            _check_output(output)
        ordered = tuple(sorted(self.outputs, key=lambda output: output.path))
        if len({output.path for output in ordered}) != len(ordered):
            raise RangeError("a manifest names an output twice", name=self.kind)
        object.__setattr__(self, "outputs", ordered)

    @property
    def content(self) -> bytes:
        """Canonical bytes: what the file holds and the hash is of."""
        return canonical_json(
            {
                "format": _FORMAT,
                "format_version": MANIFEST_VERSION,
                "kind": self.kind,
                "inputs": dict(self.inputs),
                "outputs": [asdict(output) for output in self.outputs],
                "parameters": dict(self.parameters),
                "tool_version": self.tool_version,
            }
        )

    @property
    def hash(self) -> str:
        """SHA-256 of :attr:`content`, as hexadecimal text; the manifest's name."""
        return hashlib.sha256(self.content).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Write a value as JSON in the one way that can be hashed.

    Keys sorted by code point, no spaces, UTF-8 unescaped, one line feed at the end.

    Raises
    ------
    RangeError
        A float, a key that is not text, or anything else JSON has no exact form for.

    Examples
    --------
    >>> canonical_json({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}\\n'
    """
    _refuse_inexact(value, "$")
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise RangeError("text is not valid Unicode", value=ascii(error.object[error.start : error.end])) from error


def _refuse_inexact(value: Any, place: str) -> None:
    if value is None or isinstance(value, (str, int)):
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise RangeError("a key is not text", name=place, value=key)
            _refuse_inexact(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            _refuse_inexact(item, f"{place}[{number}]")
    else:
        raise RangeError(f"{type(value).__name__} has no exact JSON form", name=place, value=str(value)[:80])


def _check_output(output: Output) -> None:
    path = PurePosixPath(output.path)
    if path.is_absolute() or ".." in path.parts or str(path) != output.path or not path.parts:
        raise RangeError("an output's path must stay inside the project", value=output.path)
    if not _NAME.fullmatch(output.sha256):
        raise RangeError("an output's SHA-256 is not 64 hexadecimal digits", name=output.path, value=output.sha256)
    if output.rows is not None and output.rows < 0:
        raise RangeError("an output's rows are negative", name=output.path, value=output.rows)


def output_of(root: Path, path: Path, rows: int | None = None) -> Output:
    """Describe a file of the project for a manifest."""
    try:
        return Output(path.relative_to(root).as_posix(), sha256_file(path), rows)
    except OSError as error:
        raise store_error(error, path) from error


def check_manifest(root: Path, name: str) -> Manifest:
    """Lay a manifest beside the files it names.

    Parameters
    ----------
    root
        Project directory.
    name
        The manifest's hash.

    Raises
    ------
    Corrupt
        The manifest or one of its files is missing or holds something else; names the file.
    """
    manifest = Manifests(root).read(name)
    for output in manifest.outputs:
        path = root / output.path
        if not path.is_file():
            raise Corrupt(f"file of manifest {name[:12]}… is missing", path=path)
        found = output_of(root, path).sha256
        if found != output.sha256:
            raise Corrupt(f"SHA-256 is {found[:12]}… where the manifest says {output.sha256[:12]}…", path=path)
    return manifest


@dataclass(frozen=True)
class Manifests:
    """The manifests of one project directory, each in ``manifests/<hash>.json``."""

    root: Path
    readonly: bool = True

    @property
    def folder(self) -> Path:
        """Where they are."""
        return self.root / "manifests"

    def write(self, manifest: Manifest) -> str:
        """Keep a manifest and return its hash; writing it again changes nothing."""
        if self.readonly:
            raise StoreError("project is open for reading only", path=self.root)
        path = self.folder / f"{manifest.hash}.json"
        if not path.is_file() or path.read_bytes() != manifest.content:
            write_bytes(path, manifest.content)
        return manifest.hash

    def read(self, name: str) -> Manifest:
        """Read a manifest by its hash and check it against that hash.

        Raises
        ------
        InputError
            The name is not a hash, or no such manifest is here.
        Corrupt
            The content does not have that hash or is not a manifest.
        StoreError
            A newer version wrote it.
        """
        path = self.folder / f"{name}.json"
        if not _NAME.fullmatch(name) or not path.is_file():
            raise InputError("there is no such manifest", name=name[:80], file=path.parent)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise store_error(error, path) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise Corrupt("content does not have the hash it is named by", path=path)
        return _parse(content, path)

    def check(self, name: str) -> Manifest:
        """Check a manifest and every file it names; see :func:`check_manifest`."""
        return check_manifest(self.root, name)

    def list(self, kind: str | None = None) -> dict[str, Manifest]:
        """Every manifest by hash, sorted by hash; of one kind if it is given."""
        names = sorted(path.stem for path in self.folder.glob("*.json") if _NAME.fullmatch(path.stem))
        found = {name: self.read(name) for name in names}
        return {name: manifest for name, manifest in found.items() if kind in (None, manifest.kind)}


def _parse(content: bytes, path: Path) -> Manifest:
    try:
        value = json.loads(content)
        version = value["format_version"]
        if value["format"] == _FORMAT and isinstance(version, int) and version > MANIFEST_VERSION:
            raise StoreError(
                f"manifest has format {version}; this version reads up to {MANIFEST_VERSION}",
                path=path,
                next_step="pip install --upgrade tallystick",
            )
        manifest = Manifest(
            kind=value["kind"],
            inputs=value["inputs"],
            outputs=tuple(Output(**output) for output in value["outputs"]),
            parameters=value["parameters"],
            tool_version=value["tool_version"],
        )
        if set(value) == _FIELDS and manifest.content == content:
            return manifest
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt("not a manifest", path=path) from error
    raise Corrupt("a manifest, but not in canonical form", path=path)
