"""Format v1 of a program: bytes to program and back; ``docs/formats/program-v1.md`` is its specification."""

from __future__ import annotations

import json
import re
import struct
from typing import Final

from tallystick.errors import ProgramError
from tallystick.exact._calibration import Calibration
from tallystick.exact._codec_models import KINDS, read_model, write_model
from tallystick.exact._codec_reader import Reader, sized
from tallystick.exact._declared import ErrorBound, Feature
from tallystick.exact._ensemble import KIND_TREES, TreeEnsemble
from tallystick.exact._program import Program

__all__ = ["MAGIC", "VERSION", "decode", "encode"]

MAGIC: Final = b"TALLYPRG"
VERSION: Final = 1

_IMPORT: Final = "Turn a trained model into a program: tally program import MODEL --rows ROWS -o FILE."
_START: Final = struct.Struct(">8sHH")  # magic, version, kind
_OUTPUT: Final = struct.Struct(">32sBqIQ")  # feature_spec_hash, scale_bits, base, threshold_ppm, error numerator
_DOMAIN: Final = struct.Struct(">qq")
_STEP: Final = struct.Struct(">qI")

_TEXT: Final = rb'"(?:[ !#-\[\]-\x7f]|\\.)*"'
_ITEM: Final = rb"%b:(?:%b|-?[0-9]{1,19})" % (_TEXT, _TEXT)
_FLAT_OBJECT: Final = re.compile(rb"\{(?:%b(?:,%b)*)?\}" % (_ITEM, _ITEM))


def encode(program: Program) -> bytes:
    """Write a program in format v1."""
    bound = program.error_bound
    model = program.model
    base = model.base[0] if isinstance(model, TreeEnsemble) and model.kind == KIND_TREES else 0
    output = (program.feature_spec_hash, program.scale_bits, base, program.threshold_ppm, bound.numerator)
    parts = [
        _START.pack(MAGIC, VERSION, model.kind),
        _OUTPUT.pack(*output),
        sized(">H", bound.derivation.encode("ascii")),
        struct.pack(">H", len(program.features)),
    ]
    for feature in program.features:
        parts += (sized(">B", feature.name.encode("ascii")), _DOMAIN.pack(feature.low, feature.high))
    parts.append(struct.pack(">I", len(program.calibration.raw)))
    parts += map(_STEP.pack, program.calibration.raw, program.calibration.ppm)
    parts.append(sized(">I", _dump_metadata(dict(program.metadata))))
    parts.append(write_model(model, program.decision))
    return b"".join(parts)


def decode(data: bytes) -> Program:
    """Read a program in format v1; accepts exactly what :func:`encode` writes.

    Raises
    ------
    ProgramError
        Truncated, trailing bytes, another version or kind, a number out of range, or not canonical.
    """
    if not MAGIC.startswith(data[: len(MAGIC)]):  # first of all: a short file of another kind is not "cut short"
        raise ProgramError("not a Tallystick program", field="magic", offset=0, next_step=_IMPORT)
    reader = Reader(data)
    try:
        return _read_program(reader)
    except ProgramError as error:
        error.where.setdefault("offset", reader.offset)
        raise


def _read_program(reader: Reader) -> Program:
    _, version, kind = reader.unpack(_START, "magic")
    if version != VERSION:
        cause = f"program format {version}; this release reads format {VERSION}"
        raise ProgramError(cause, field="version", offset=8, next_step="Upgrade tallystick.")
    if kind not in KINDS:
        raise ProgramError(f"unknown kind of program {kind}", field="kind", offset=10, next_step="Upgrade tallystick.")
    spec_hash, scale_bits, base, threshold_ppm, numerator = reader.unpack(_OUTPUT, "output")
    bound = ErrorBound(numerator, reader.ascii(">H", "error_bound.derivation"))
    features = tuple(_read_feature(reader) for _ in range(reader.number(">H", "features")))
    steps = [reader.unpack(_STEP, "calibration") for _ in range(reader.number(">I", "calibration"))]
    calibration = Calibration(tuple(raw for raw, _ in steps), tuple(ppm for _, ppm in steps))
    metadata = _load_metadata(reader.sized(">I", "metadata"))
    if base and kind != KIND_TREES:
        raise ProgramError("base is 0 in every kind but 1", field="base", offset=45)
    model, decision = read_model(reader, kind, base, len(features))
    reader.finish()
    return Program(
        features=features,
        feature_spec_hash=spec_hash,
        model=model,
        scale_bits=scale_bits,
        error_bound=bound,
        calibration=calibration,
        threshold_ppm=threshold_ppm,
        decision=decision,
        metadata=metadata,
    )


def _read_feature(reader: Reader) -> Feature:
    name = reader.ascii(">B", "feature.name")
    return Feature(name, *reader.unpack(_DOMAIN, "feature.domain"))


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
