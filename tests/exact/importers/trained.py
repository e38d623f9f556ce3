"""Training rows, domains and comparisons for models that the libraries train here and now."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from tallystick.exact import Feature, Program, score_outputs

from ..programs import edge_rows

Rows = np.ndarray[Any, np.dtype[np.int64]]

SPEC = bytes(range(32))
# The second is beyond what float32 holds; the last one is a category, also negative and never seen in training.
FEATURES = (
    Feature("change", -60, 60),
    Feature("value", 1 << 24, (1 << 24) + 6000),
    Feature("count", 0, 9),
    Feature("kind", -3, 40),
)
CATEGORY = 3


def training_rows(count: int = 700, seed: int = 0) -> Rows:
    """Rows whose category runs from 0 to 29."""
    random = np.random.default_rng(seed)
    columns = [random.integers(feature.low, feature.high + 1, count) for feature in FEATURES[:3]]
    return np.column_stack([*columns, random.integers(0, 30, count)]).astype(np.int64)


def signal(rows: Rows, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """What the models learn: it needs the category."""
    noise = np.random.default_rng(seed).normal(0, 0.3, len(rows))
    return rows[:, 0] / 40 + (rows[:, 1] - (1 << 24)) / 3000 + 1.5 * np.isin(rows[:, 3] % 7, (1, 4)) + noise - 1.3


def labels(rows: Rows, classes: int = 2) -> Rows:
    """Classes of equal size."""
    values = signal(rows)
    return np.digitize(values, np.quantile(values, np.arange(1, classes) / classes)).astype(np.int64)


def asked_rows(program: Program, low_category: int = -3, limit: int = 150) -> Rows:
    """Rows at every threshold and one either side, and others, with categories from here on."""
    rows = np.array(edge_rows(program, limit=limit), np.int64)
    rows[:, CATEGORY] = rows[:, CATEGORY].clip(low_category)
    return rows


def worst_error(program: Program, rows: Rows, scores: Any) -> Fraction:
    """Largest distance to the library's scores, (rows, outputs), in units of the scale."""
    scale = 1 << program.scale_bits
    table = np.asarray(scores).reshape(len(rows), -1)
    assert table.shape[1] == program.model.outputs
    return max(
        abs(raw - Fraction(float(score)) * scale)
        for row, its in zip(rows.tolist(), table, strict=True)
        for raw, score in zip(score_outputs(program, row), its, strict=True)
    )


def ppm_of(program: Program, rows: Rows) -> list[int]:
    """The program's ppm for each row."""
    return [program.calibration.at(score_outputs(program, row)[program.decision]) for row in rows.tolist()]


def check_ppm(program: Program, rows: Rows, probabilities: Sequence[float]) -> None:
    """The table is below the library's probability by at most 500 ppm, beside the error of the score."""
    slack = program.error_bound.numerator / (1 << program.scale_bits) * 250_000 + 1
    for ppm, probability in zip(ppm_of(program, rows), probabilities, strict=True):
        assert -slack <= probability * 1_000_000 - ppm <= 500 + slack
