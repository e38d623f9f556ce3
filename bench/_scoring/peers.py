"""Every competitor as one function of a batch's number: the quickest form its package has, on data it likes.

Whatever is made once for many calls (arrays of the right type, matrices, pointers, sessions) is made before the clock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import lightgbm
import numpy as np
import numpy.typing as npt
import onnxruntime
import tl2cgen
import treelite
import xgboost
from onnxmltools import convert_lightgbm
from onnxmltools.convert.common.data_types import FloatTensorType

from _scoring.cases import Case
from _scoring.compiled import one_row_calls, pointers
from tallystick.exact import FastProgram

_lightgbm_basic: Any = lightgbm.basic

Call = Callable[[int], Any]


class Runner(NamedTuple):
    """A competitor on batches of one size."""

    name: str
    call: Call  # batch number: raw scores, or None where `result` has it
    prepare: Call | None = None  # before each call, outside the clock


@dataclass(frozen=True)
class Batches:
    """Rows cut into batches, in the types that are wanted."""

    size: int
    count: int
    int64: list[npt.NDArray[np.int64]]
    float64: list[npt.NDArray[np.float64]]
    float32: list[npt.NDArray[np.float32]]


def cut(rows: npt.NDArray[np.int64], size: int, most: int) -> Batches:
    """The first batches of rows."""
    count = min(len(rows) // size, most)
    used = rows[: count * size]

    def parts(kind: Any) -> list[Any]:
        converted = used.astype(kind)
        return [converted[number * size : (number + 1) * size] for number in range(count)]

    return Batches(size, count, parts(np.int64), parts(np.float64), parts(np.float32))


def ours(case: Case, batches: Batches) -> Runner:
    """The exact program; a single row by its own entry."""
    fast = FastProgram(case.program)
    if batches.size == 1:
        rows = [batch[0] for batch in batches.int64]
        return Runner("tallystick", lambda number: fast.score_one(rows[number])[0])
    return Runner("tallystick", lambda number: fast.score(batches.int64[number])[0])


class Peers:
    """The other libraries, given one model.

    Parameters
    ----------
    case
        Model and rows.
    library
        The model compiled by tl2cgen.
    """

    def __init__(self, case: Case, library: Path) -> None:
        self._case, self._library = case, library
        self._treelite = to_treelite(case.booster)
        self._compiled = tl2cgen.Predictor(str(library), nthread=1)
        self._session = onnx_session(case)

    def runners(self, batches: Batches) -> Iterator[Runner]:
        """Each peer, ready for batches of this size."""
        yield self._lightgbm(batches)
        yield self._onnx(batches)
        yield self._gtil(batches)
        yield self._tl2cgen(batches)
        yield from self._xgboost(batches)
        if batches.size == 1:
            yield self._lightgbm_one_row(batches)
            yield self._tl2cgen_one_row(batches)

    def _lightgbm(self, batches: Batches) -> Runner:
        predict, rows = self._case.booster.predict, batches.float64
        options: Any = {"raw_score": True, "num_threads": 1, "validate_features": False}
        return Runner("lightgbm", lambda number: predict(rows[number], **options))

    def _lightgbm_one_row(self, batches: Batches) -> Runner:
        """Its C interface for single rows, which its Python package does not wrap."""
        library, handle = _lightgbm_basic._LIB, ctypes.c_void_p()
        doubles, raw_score = ctypes.c_int(1), ctypes.c_int(1)
        status = library.LGBM_BoosterPredictForMatSingleRowFastInit(
            self._case.booster._handle, raw_score, ctypes.c_int(0), ctypes.c_int(-1), doubles,
            ctypes.c_int32(self._case.features), ctypes.c_char_p(b"num_threads=1"), ctypes.byref(handle),
        )  # fmt: skip
        if status:
            raise SystemExit("LightGBM has no quick way for single rows")
        function = library.LGBM_BoosterPredictForMatSingleRowFast
        length, score = ctypes.c_int64(), ctypes.c_double()
        lengths, scores = ctypes.byref(length), ctypes.byref(score)
        rows = np.concatenate(batches.float64)
        places = pointers(rows)

        def call(number: int, keep: Any = rows) -> ctypes.c_double:
            function(handle, places[number], lengths, scores)
            return score

        return Runner("lightgbm_c", call)

    def _onnx(self, batches: Batches) -> Runner:
        run, rows = self._session.run, batches.float32
        name, output = self._session.get_inputs()[0].name, [self._session.get_outputs()[0].name]
        return Runner("onnxruntime", lambda number: run(output, {name: rows[number]})[0])

    def _gtil(self, batches: Batches) -> Runner:
        model, rows = self._treelite, batches.float64
        return Runner(
            "treelite_gtil", lambda number: treelite.gtil.predict(model, rows[number], nthread=1, pred_margin=True)
        )

    def _tl2cgen(self, batches: Batches) -> Runner:
        predict = self._compiled.predict
        matrices = [tl2cgen.DMatrix(batch) for batch in batches.float64]
        return Runner("tl2cgen", lambda number: predict(matrices[number], pred_margin=True))

    def _tl2cgen_one_row(self, batches: Batches) -> Runner:
        call, result = one_row_calls(self._library, np.concatenate(batches.float64))

        def run(number: int) -> ctypes.c_double:
            call(number)
            return result

        def clear(_: int) -> None:
            result.value = 0.0  # it adds to what is there

        return Runner("tl2cgen_c", run, clear)

    def _xgboost(self, batches: Batches) -> Iterator[Runner]:
        booster, rows = self._case.xgboost, batches.float32
        yield Runner("xgboost", lambda number: booster.inplace_predict(rows[number], predict_type="margin"))
        if batches.size == 1:
            return
        made: list[xgboost.DMatrix] = []

        def fresh(number: int) -> None:
            """A booster remembers what it said of a matrix, so each is asked about once."""
            made[:] = [xgboost.DMatrix(rows[number], nthread=1)]

        yield Runner("xgboost_dmatrix", lambda number: booster.predict(made[0], output_margin=True), fresh)


def to_treelite(booster: lightgbm.Booster) -> treelite.Model:
    """The model for treelite and tl2cgen."""
    return treelite.frontend.from_lightgbm(booster)


def onnx_session(case: Case) -> onnxruntime.InferenceSession:
    """The model as a regressor, so that nothing is spent on probabilities; one thread."""
    text = case.booster.model_to_string().replace("objective=binary sigmoid:1", "objective=regression")
    text = text.replace("[objective: binary]", "[objective: regression]")
    regressor = lightgbm.Booster(model_str=text)
    inputs = [("rows", FloatTensorType([None, case.features]))]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    content = convert_lightgbm(regressor, initial_types=inputs).SerializeToString()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
