"""The training job for sources without a stream: accounts as the source leaves them, judged by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from tallystick import __version__
from tallystick.apps.fraud._progress import Progress
from tallystick.apps.fraud._snapshot_card import CROSS_VALIDATION
from tallystick.apps.fraud._snapshot_judge import baselines, judge_repeats
from tallystick.apps.fraud._snapshot_model import SnapshotRecipe, calibrated_snapshot, out_of_fold
from tallystick.errors import LearnError
from tallystick.exact import Program
from tallystick.features.snapshot import SnapshotRows, snapshot_rows
from tallystick.sources import Source

__all__ = ["WORDS", "cross_validated", "labelled", "snapshot_metadata"]

WORDS: Final[dict[str, Any]] = {
    "title": "Phishing accounts in a graph of payments",
    "summary": "Scores an account as a whole source leaves it: how much its payments, and those of its neighbours, are "
    "like those of phishing collectors. Integer trees on integer features; no address, label list or absolute time "
    "goes in.",
    "evaluation_note": "This program is trained on all labelled accounts. The figures are of the same recipe on "
    "accounts it was not trained on. Features and settings were chosen on such figures for the T-EDGE set "
    "(docs/log.md): on that set they are therefore a little better than they would be on new accounts.",
    "limits": [
        "It judges accounts as a whole source leaves them: it cannot say how early one would have been flagged.",
        "It learned from accounts whose neighbourhoods were crawled whole. One whose payments are only partly known, "
        "such as an account at the edge of a crawl, gets a score that means little.",
        "No absolute time goes in, but the habits of a time do: rows still tell something of when an account lived.",
        "The figures are of accounts of the same crawl and the same years; on another crawl expect less.",
        "Labels are lists that people made: a missing label is not innocence, and a flag is a reason to look, not a "
        "proof.",
    ],
}


def labelled(rows: SnapshotRows, labels: Mapping[bytes, int]) -> tuple[np.ndarray, np.ndarray]:
    """Rows and labels of the labelled accounts, by address: the order of the source does not matter.

    Raises
    ------
    LearnError
        None of them occurs.
    """
    at = {bytes(address): k for k, address in enumerate(rows.addresses)}
    known = sorted(labels.keys() & at.keys())
    if not known:
        raise LearnError("no labelled account occurs in the source")
    return rows.rows[[at[address] for address in known]], np.array([labels[address] for address in known], np.int64)


def cross_validated(
    source: Source, labels: Mapping[bytes, int], recipe: SnapshotRecipe, progress: Progress
) -> tuple[Program, dict[str, int], dict[str, Any]]:
    """Judge by cross-validation, then train on all labelled accounts.

    Returns
    -------
    tuple
        The calibrated program, counts of the data, and the evaluation.
    """
    table = source.read()
    progress("read", table.num_rows, None)
    rows, truth = labelled(snapshot_rows(table), labels)
    raw = np.zeros((recipe.repeats, len(truth)), np.int64)
    steps = recipe.repeats * recipe.folds + 1
    for done, (repeat, test, scores) in enumerate(out_of_fold(rows, truth, recipe)):
        raw[repeat, test] = scores
        progress("train", done, steps)
    program = calibrated_snapshot(rows, truth, raw, recipe)
    progress("train", steps - 1, steps)
    found = {"tallystick": [(one, one >= 0) for one in raw], **baselines(rows, truth, recipe)}
    progress("train", steps, steps)
    models = {name: judge_repeats(scores, truth) for name, scores in found.items()}
    counts = {"transfers": table.num_rows, "accounts": len(truth), "positives": int(truth.sum())}
    return program, counts, {"protocol": _protocol(recipe, truth, models), "models": models}


def _protocol(recipe: SnapshotRecipe, truth: np.ndarray, models: Mapping[str, Any]) -> dict[str, Any]:
    accuracy = models["tallystick"]["after"]["end"]["accuracy"]
    return {
        "kind": CROSS_VALIDATION,
        "split": f"cross-validation over accounts, stratified, {recipe.folds} parts, repeated {recipe.repeats} times",
        "folds": recipe.folds,
        "repeats": recipe.repeats,
        "accounts": len(truth),
        "positives": int(truth.sum()),
        "standard_error": float(np.sqrt(accuracy * (1 - accuracy) / len(truth))),
    }


def snapshot_metadata(dataset_hash: str, counts: Mapping[str, int], recipe: SnapshotRecipe) -> dict[str, str | int]:
    """What the program says of its making."""
    return {
        "task": "phishing accounts",
        "view": "snapshot",
        "dataset_manifest": dataset_hash,
        "accounts": counts["accounts"],
        "seed": recipe.seed,
        "rounds": recipe.rounds,
        "ensembles": recipe.ensembles,
        "tallystick": __version__,
    }
