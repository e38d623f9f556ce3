"""Recognising models, and refusing all else with our own errors whatever the bytes are."""

from __future__ import annotations

import functools
import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import InputError, ProgramError
from tallystick.exact import Feature, Linear, Mlp
from tallystick.exact.importers import FloatLayer, FloatLinear, FloatMlp, ImportOptions, import_model
from tallystick.exact.importers._import_model import READERS, convert
from tallystick.exact.importers._quantiser import Quantiser

from .test_catboost import BY_HAND, TWO
from .trained import FEATURES, SPEC, labels, training_rows

lightgbm = pytest.importorskip("lightgbm", reason="LightGBM comes with the extra `train`")
xgboost = pytest.importorskip("xgboost", reason="XGBoost comes with the extra `bench`")


@functools.cache
def originals() -> dict[str, tuple[bytes, tuple[Feature, ...]]]:
    """Small models as bytes, with their features."""
    rows, target = training_rows(200), labels(training_rows(200), 3)
    data = lightgbm.Dataset(rows.astype(float), target, categorical_feature=[3], params={"verbose": -1})
    parameters = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1, "num_leaves": 4}
    text = lightgbm.train(parameters, data, 2).model_to_string().split("\nfeature_importances")[0]
    matrix = xgboost.DMatrix(rows.astype(np.float32), target, feature_types=["q", "q", "q", "c"])
    booster = xgboost.train({"objective": "multi:softmax", "num_class": 3, "nthread": 1, "max_depth": 2}, matrix, 2)
    return {
        "LightGBM": (text.encode(), FEATURES),
        "XGBoost JSON": (bytes(booster.save_raw("json")), FEATURES),
        "XGBoost UBJSON": (bytes(booster.save_raw("ubj")), FEATURES),
        "CatBoost": (json.dumps(BY_HAND).encode(), TWO),
    }


@pytest.mark.parametrize("name", originals())
def test_originals_are_taken(name: str, tmp_path: Path) -> None:
    data, features = originals()[name]
    program = import_model(data, features, SPEC)
    assert program.metadata["library"] == name.split()[0]
    path = tmp_path / "model"
    path.write_bytes(data)
    for form in (path, str(path), bytearray(data), memoryview(data)):
        assert import_model(form, features, SPEC).hash == program.hash


def changed(data: bytes, random: Random) -> bytes:
    """Bytes replaced, left out, repeated or cut; numbers made strange."""
    edited = bytearray(data)
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(edited))
        stop = at + random.choice([1, 1, 4, 40])
        match random.randrange(5):
            case 0:
                edited[at] = random.randrange(256)
            case 1:
                del edited[at:stop]
            case 2:
                edited[at:at] = edited[at:stop]
            case 3:
                edited[at : at + 1] = random.choice([b"-1", b"1e400", b"NaN", b"99999999999999999999", b'""', b"[]"])
            case _:
                del edited[random.choice([at, len(edited) - 5]) :]
        if not edited:
            return b""
    return bytes(edited)


@settings(max_examples=300)
@given(name=st.sampled_from(sorted(originals())), seed=st.integers(0, 1 << 40))
def test_any_change_gives_a_program_or_our_own_error(name: str, seed: int) -> None:
    data, features = originals()[name]
    with suppress(ProgramError, InputError):
        assert import_model(changed(data, Random(seed)), features, SPEC).hash


@given(st.binary(max_size=60), st.sampled_from([b"", b"tree\n", b"{", b"{L", b'{"learner":', b"\x08"]))
def test_invalid_bytes(data: bytes, start: bytes) -> None:
    with pytest.raises((ProgramError, InputError)):
        import_model(start + data, FEATURES, SPEC)


@settings(max_examples=200)
@given(
    st.sampled_from(["learner", "features_info", "tree_info"]),
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ),
)
def test_invalid_documents(key: str, value: Any) -> None:
    with pytest.raises(ProgramError):
        import_model({key: value}, FEATURES, SPEC)


def test_invalid_models_of_no_known_kind(tmp_path: Path) -> None:
    for model in (None, 7, {}, {"other": 1}, b"\x00\x01", "{}"):
        with pytest.raises(ProgramError, match="no importer knows this model") as caught:
            import_model(model, FEATURES, SPEC)
        assert all(reader.name in caught.value.advice for reader in READERS)
    for path in ("no such file", "a\0b", tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="cannot be read"):
            import_model(path, FEATURES, SPEC)
    for inside in (b"[" * 100_000, b'"\\"' * 100_000, b'"' + b'\\"[' * 100_000):
        with pytest.raises(ProgramError, match="not a JSON model"):
            import_model(b'{"learner":' + inside, FEATURES, SPEC)


def test_every_kind_of_float_model_is_converted() -> None:
    features = (Feature("a", 0, 9),)
    linear = FloatLinear("Some", ("a",), ((0.5,),), (1.0,))
    assert isinstance(convert(linear, features, SPEC, ImportOptions()).model, Linear)
    mlp = FloatMlp("Some", ("a",), (FloatLayer(((0.5,),), (0.0,), True), FloatLayer(((1.0,),), (0.0,), False)))
    assert isinstance(convert(mlp, features, SPEC, ImportOptions()).model, Mlp)
    with pytest.raises(ProgramError, match="quantisers are not of these features"):
        convert(linear, features, SPEC, ImportOptions(), (Quantiser.of_whole("b", 0, 9),))
    quantiser = Quantiser.of("a", "0", "0.5", 0, 9)
    assert "quantisers" in convert(linear, features, SPEC, ImportOptions(), (quantiser,)).metadata
