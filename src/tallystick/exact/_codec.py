"""Format v1 of a program: bytes to program and back; ``docs/formats/program-v1.md`` is its specification."""

from __future__ import annotations

import json
import re
import struct
from typing import Any, Final

from tallystick.errors import ProgramError
from tallystick.exact._calibration import Calibration
from tallystick.exact._program import KIND_TREES, ErrorBound, Feature, Program
from tallystick.exact._trees import Tree

__all__ = ["MAGIC", "VERSION", "decode", "encode"]

MAGIC: Final = b"TALLYPRG"
VERSION: Final = 1

_START: Final = struct.Struct(">8sHH")  # magic, version, kind
_OUTPUT: Final = struct.Struct(">32sBqIQ")  # feature_spec_hash, scale_bits, base, threshold_ppm, error numerator
_DOMAIN: Final = struct.Struct(">qq")
_STEP: Final = struct.Struct(">qI")
_NODE: Final = struct.Struct(">Hqhhq")  # feature, threshold, left, right, value

_TEXT: Final = rb'"(?:[ !#-\[\]-\x7f]|\\.)*"'
_ITEM: Final = rb"%b:(?:%b|-?[0-9]{1,19})" % (_TEXT, _TEXT)
_FLAT_OBJECT: Final = re.compile(rb"\{(?:%b(?:,%b)*)?\}" % (_ITEM, _ITEM))


def encode(program: Program) -> bytes:
    """Write a program in format v1."""
    bound = program.error_bound
    output = (program.feature_spec_hash, program.scale_bits, program.base, program.threshold_ppm, bound.numerator)
    parts = [
        _START.pack(MAGIC, VERSION, program.kind),
        _OUTPUT.pack(*output),
        _sized(">H", bound.derivation.encode("ascii")),
        struct.pack(">H", len(program.features)),
    ]
    for feature in program.features:
        parts += (_sized(">B", feature.name.encode("ascii")), _DOMAIN.pack(feature.low, feature.high))
    parts.append(struct.pack(">I", len(program.calibration.raw)))
    parts += map(_STEP.pack, program.calibration.raw, program.calibration.ppm)
    parts.append(_sized(">I", _dump_metadata(dict(program.metadata))))
    parts.append(struct.pack(">I", len(program.trees)))
    for tree in program.trees:
        parts.append(struct.pack(">H", len(tree.feature)))
        parts += map(_NODE.pack, tree.feature, tree.threshold, tree.left, tree.right, tree.value)
        parts.append(struct.pack(f">{len(tree.leaf)}q", *tree.leaf))
    return b"".join(parts)


def decode(data: bytes) -> Program:
    """Read a program in format v1; accepts exactly what :func:`encode` writes.

    Raises
    ------
    ProgramError
        Truncated, trailing bytes, another version or kind, a number out of range, or not canonical.
    """
    reader = _Reader(data)
    try:
        return _read_program(reader)
    except ProgramError as error:
        error.where.setdefault("offset", reader.offset)
        raise


class _Reader:
    """Takes fields off the front of the bytes and remembers where it is."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = 0

    def take(self, size: int, field: str) -> bytes:
        end = self.offset + size
        if end > len(self._data):
            raise ProgramError("the program is cut short", field=field, offset=self.offset)
        piece = self._data[self.offset : end]
        self.offset = end
        return piece

    def unpack(self, layout: struct.Struct, field: str) -> tuple[Any, ...]:
        return layout.unpack(self.take(layout.size, field))

    def number(self, code: str, field: str) -> int:
        return int(self.unpack(struct.Struct(code), field)[0])

    def sized(self, code: str, field: str) -> bytes:
        return self.take(self.number(code, field), field)

    def ascii(self, code: str, field: str) -> str:
        text = self.sized(code, field)
        if not text.isascii():
            raise ProgramError(f"{field} is not ASCII", field=field)
        return text.decode("ascii")

    def finish(self) -> None:
        if self.offset != len(self._data):
            raise ProgramError(f"{len(self._data) - self.offset} bytes after the end of the program", field="end")


def _read_program(reader: _Reader) -> Program:
    magic, version, kind = reader.unpack(_START, "magic")
    if magic != MAGIC:
        raise ProgramError("not a Tallystick program", field="magic", offset=0)
    if version != VERSION:
        cause = f"program format {version}; this release reads format {VERSION}"
        raise ProgramError(cause, field="version", offset=8, next_step="Upgrade tallystick.")
    if kind != KIND_TREES:
        raise ProgramError(f"unknown kind of program {kind}", field="kind", offset=10, next_step="Upgrade tallystick.")
    spec_hash, scale_bits, base, threshold_ppm, numerator = reader.unpack(_OUTPUT, "output")
    bound = ErrorBound(numerator, reader.ascii(">H", "error_bound.derivation"))
    features = tuple(_read_feature(reader) for _ in range(reader.number(">H", "features")))
    steps = [reader.unpack(_STEP, "calibration") for _ in range(reader.number(">I", "calibration"))]
    calibration = Calibration(tuple(raw for raw, _ in steps), tuple(ppm for _, ppm in steps))
    metadata = _load_metadata(reader.sized(">I", "metadata"))
    trees = tuple(_read_tree(reader) for _ in range(reader.number(">I", "trees")))
    reader.finish()
    return Program(
        features=features,
        feature_spec_hash=spec_hash,
        trees=trees,
        scale_bits=scale_bits,
        base=base,
        error_bound=bound,
        calibration=calibration,
        threshold_ppm=threshold_ppm,
        metadata=metadata,
    )


def _read_feature(reader: _Reader) -> Feature:
    name = reader.ascii(">B", "feature.name")
    return Feature(name, *reader.unpack(_DOMAIN, "feature.domain"))


def _read_tree(reader: _Reader) -> Tree:
    count = reader.number(">H", "tree.nodes")
    nodes = [reader.unpack(_NODE, "tree.node") for _ in range(count)]
    leaves = reader.unpack(struct.Struct(f">{count + 1}q"), "tree.leaf")
    feature, threshold, left, right, value = zip(*nodes, strict=True) if nodes else [()] * 5
    return Tree(feature, threshold, left, right, value, leaves)


def _sized(code: str, data: bytes) -> bytes:
    return struct.pack(code, len(data)) + data


def _dump_metadata(metadata: dict[str, str | int]) -> bytes:
    return json.dumps(metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _load_metadata(data: bytes) -> dict[str, str | int]:
    if _FLAT_OBJECT.fullmatch(data) is None:  # keeps the parser away from nesting, floats and endless digits
        raise ProgramError("metadata is not a canonical JSON object of text and integers", field="metadata")
    try:
        metadata: dict[str, str | int] = json.loads(data)
    except ValueError as error:
        raise ProgramError("metadata is not JSON", field="metadata") from error
    if _dump_metadata(metadata) != data:
        raise ProgramError("metadata is not a canonical JSON object of text and integers", field="metadata")
    return metadata
