"""Scoring a stream: transfers in, predictions and feature rows out, block after block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tallystick.errors import SpecMismatch
from tallystick.exact import FastProgram, Program
from tallystick.features import SPEC, Engine, FeatureRows, TransferBatch
from tallystick.store import PREDICTIONS
from tallystick.units import format_hash

__all__ = ["Scored", "Scorer", "check_spec"]


@dataclass(frozen=True)
class Scored:
    """One run of transfers with its predictions and what they rest on.

    Parameters
    ----------
    transfers, predictions
        Arrow tables, aligned row by row.
    features
        Two rows for each transfer, sender's side first.
    raw, ppm
        (2 n,) scores of the feature rows; meaningless where there is no receiver.
    """

    transfers: pa.Table
    predictions: pa.Table
    features: FeatureRows
    raw: np.ndarray
    ppm: np.ndarray


class Scorer:
    """One program on one stream, from the stream's first transfer on.

    Raises
    ------
    SpecMismatch
        The program was made for other features than this engine's.
    """

    def __init__(self, program: Program) -> None:
        check_spec(program)
        self.program = program
        self.engine = Engine(journal_blocks=0)  # sources hand out blocks that stay
        self._fast = FastProgram(program)

    def score(self, transfers: pa.Table) -> Scored:
        """Take whole blocks, later than all before, and score both sides of every transfer."""
        features = self.engine.advance(TransferBatch.from_arrow(transfers))
        raw, ppm = self._fast.score(features.rows)
        return Scored(transfers, self._table(transfers, features, raw, ppm), features, raw, ppm)

    def skip(self, transfers: pa.Table) -> None:
        """Take whole blocks into the state without scoring them."""
        self.engine.advance(TransferBatch.from_arrow(transfers))

    def _table(self, transfers: pa.Table, features: FeatureRows, raw: np.ndarray, ppm: np.ndarray) -> pa.Table:
        alone = features.account[1::2] == 0
        worst = np.where(alone, ppm[0::2], np.maximum(ppm[0::2], ppm[1::2]))
        columns = [transfers.column(column.name) for column in PREDICTIONS.columns[:7]] + [
            pa.array(raw[0::2]),
            pa.array(raw[1::2], mask=alone),
            pa.array(ppm[0::2]),
            pa.array(ppm[1::2], mask=alone),
            pa.array(worst >= self.program.threshold_ppm),
        ]
        return pa.table(columns, schema=PREDICTIONS.schema)


def check_spec(program: Program) -> None:
    """Refuse a program that was made for other features than this engine's.

    Raises
    ------
    SpecMismatch
        The feature specs differ; the message has both hashes.
    """
    if program.feature_spec_hash != SPEC.hash:
        want, have = format_hash(program.feature_spec_hash)[:18], format_hash(SPEC.hash)[:18]
        raise SpecMismatch(f"the model was made for feature spec {want}…, this engine computes {have}…")
