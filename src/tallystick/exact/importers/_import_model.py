"""A trained model of any known library as an exact program: find its reader, read, convert."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tallystick.errors import InputError, ProgramError
from tallystick.exact._declared import Feature
from tallystick.exact._program import Program
from tallystick.exact.importers._catboost import read_catboost
from tallystick.exact.importers._float_models import FloatLinear, FloatMlp, FloatTrees
from tallystick.exact.importers._from_trees import trees_to_program
from tallystick.exact.importers._lightgbm import read_lightgbm
from tallystick.exact.importers._options import ImportOptions
from tallystick.exact.importers._reading import parse_json, reading
from tallystick.exact.importers._sklearn_names import LIBRARY, class_of
from tallystick.exact.importers._xgboost import read_xgboost

if TYPE_CHECKING:
    from tallystick.exact.importers._quantiser import Quantiser

__all__ = ["READERS", "FloatModel", "Reader", "convert", "import_model", "read_model"]

FloatModel = FloatTrees | FloatLinear | FloatMlp


@dataclass(frozen=True)
class Reader:
    """How models of one library are known and read.

    Parameters
    ----------
    name
        The library, as in messages.
    form
        What it takes, for the message to those who hand over something else.
    takes
        Whether this is such a model: an object, ``bytes``, or the ``dict`` that JSON bytes gave.
    read
        The model as floats.
    """

    name: str
    form: str
    takes: Callable[[Any], bool]
    read: Callable[[Any, Sequence[Feature], ImportOptions], FloatModel]


def _takes_lightgbm(model: Any) -> bool:
    if isinstance(model, bytes):
        return model.startswith((b"tree\n", b"tree\r"))
    return hasattr(model, "model_to_string") or hasattr(model, "booster_") or _has(model, "tree_info")


def _read_lightgbm(model: Any, _features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    if isinstance(model, bytes):
        with reading("LightGBM", "Hand over what Booster.save_model('model.txt') wrote, whole."):
            return read_lightgbm(model.decode("utf-8").replace("\r\n", "\n"), options)
    if not isinstance(model, Mapping):
        model = getattr(model, "booster_", model).model_to_string()
    return read_lightgbm(model, options)


def _takes_xgboost(model: Any) -> bool:
    if isinstance(model, bytes):
        return model.startswith((b"{L", b"{i", b"{U", b"{I", b"{l"))
    return hasattr(model, "save_raw") or hasattr(model, "get_booster") or _has(model, "learner")


def _read_xgboost(model: Any, _features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    if not isinstance(model, Mapping | bytes):
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        model = bytes(booster.save_raw("json"))
    return read_xgboost(model, options)


def _takes_catboost(model: Any) -> bool:
    return type(model).__module__.startswith("catboost") or _has(model, "features_info")


def _read_catboost(model: Any, features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    if not isinstance(model, Mapping):
        step = "Write model.save_model('model.json', format='json') and hand over that path."
        raise ProgramError("a CatBoost model is read from its JSON file", field="model", next_step=step)
    return read_catboost(model, features, options)


def _takes_sklearn(model: Any) -> bool:
    return class_of(model) is not None


def _read_sklearn(model: Any, _features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    from tallystick.exact.importers._sklearn import read_sklearn  # needs numpy

    return read_sklearn(model, options)


def _takes_onnx(model: Any) -> bool:
    # The first field of a file is its version, a number; no other library's file begins like that.
    return model.startswith(b"\x08") if isinstance(model, bytes) else type(model).__module__.startswith("onnx")


def _read_onnx(model: Any, features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    from tallystick.exact.importers._onnx import read_onnx  # needs numpy

    return read_onnx(model, len(features), options)


def _has(model: Any, key: str) -> bool:
    return isinstance(model, Mapping) and key in model


READERS: Final = (
    Reader("LightGBM", "text or dump of a Booster", _takes_lightgbm, _read_lightgbm),
    Reader("XGBoost", "JSON or UBJSON of a Booster", _takes_xgboost, _read_xgboost),
    Reader("CatBoost", "JSON of save_model", _takes_catboost, _read_catboost),
    Reader(LIBRARY, "fitted estimator, or pipeline of scalers and one", _takes_sklearn, _read_sklearn),
    Reader("ONNX", "a file's bytes, or a ModelProto", _takes_onnx, _read_onnx),
)


def import_model(
    model: Any,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    options: ImportOptions | None = None,
    quantisers: Sequence[Quantiser] = (),
) -> Program:
    """Turn a trained model into an exact program; the library is recognised.

    Parameters
    ----------
    model
        Path of a model's file, its content as text or bytes, or the trained object: see ``docs/guides/import.md``.
    features
        Names and domains, in the order of the model's columns; the names must be the model's where it has any.
    feature_spec_hash
        Hash of the feature spec, 32 bytes.
    options
        Scale, metadata, calibration, rounds.
    quantisers
        One for each feature, where the program's integers stand for floats; their domains must be the features'.

    Returns
    -------
    Program
        Its raw scores are the library's own before the link, up to the program's error bound.

    Raises
    ------
    ProgramError
        Unknown, malformed, or not to be expressed exactly; the message says what to do instead.
    SpecMismatch
        The model's features are not these.
    InputError
        The file cannot be read.
    """
    options = options or ImportOptions()
    return convert(read_model(model, features, options), features, feature_spec_hash, options, quantisers)


def read_model(model: Any, features: Sequence[Feature], options: ImportOptions) -> FloatModel:
    """The model as floats.

    Raises
    ------
    ProgramError, SpecMismatch, InputError
        As :func:`import_model`.
    """
    content = _content(model)
    for reader in READERS:
        if reader.takes(content):
            return reader.read(content, features, options)
    known = "; ".join(f"{reader.name}: {reader.form}" for reader in READERS)
    cause = "no importer knows this model"
    raise ProgramError(cause, field="model", value=type(model).__name__, next_step=f"Hand over one of these. {known}.")


def convert(
    source: FloatModel,
    features: Sequence[Feature],
    feature_spec_hash: bytes,
    options: ImportOptions,
    quantisers: Sequence[Quantiser] = (),
) -> Program:
    """The program of a model of floats, whatever its kind.

    Raises
    ------
    ProgramError, SpecMismatch
        As :func:`import_model`.
    """
    if quantisers and [quantiser.feature for quantiser in quantisers] != list(features):
        step = "Take the features from the quantisers: [quantiser.feature for quantiser in quantisers]."
        raise ProgramError("the quantisers are not of these features", field="quantisers", next_step=step)
    if isinstance(source, FloatLinear):
        from tallystick.exact.importers._from_linear import linear_to_program  # needs numpy

        return linear_to_program(source, features, feature_spec_hash, options, quantisers)
    if isinstance(source, FloatMlp):
        from tallystick.exact.importers._from_mlp import mlp_to_program  # needs numpy

        return mlp_to_program(source, features, feature_spec_hash, options, quantisers)
    return trees_to_program(source, features, feature_spec_hash, options, quantisers)


def _content(model: Any) -> Any:
    """The object itself; of a file or text its bytes; of JSON its dictionary."""
    if isinstance(model, str) and not model.startswith(("{", "tree\n")):
        model = Path(model)
    if isinstance(model, Path):
        try:
            model = model.read_bytes()
        except (OSError, ValueError) as error:
            step = "Check the path, or hand over the model's text or bytes."
            raise InputError("the model's file cannot be read", file=str(model)[:200], next_step=step) from error
    if isinstance(model, str):
        model = model.encode("utf-8", "surrogatepass")
    if isinstance(model, bytearray | memoryview):
        model = bytes(model)
    if isinstance(model, bytes) and model.lstrip()[:1] == b"{" and not _takes_xgboost(model):
        with reading("JSON", "Hand over the whole file."):
            return parse_json(model)
    return model
