"""The training job: a labelled source in, a model with its card out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import pyarrow as pa

from tallystick import __version__
from tallystick.apps.fraud._progress import Progress, silent
from tallystick.apps.fraud._snapshot_model import SnapshotRecipe
from tallystick.apps.fraud._snapshot_training import WORDS, cross_validated, snapshot_metadata
from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import Program, describe
from tallystick.features import SPEC
from tallystick.learn import (
    TRAIN_SHARE_PPM,
    AccountRows,
    Recipe,
    TimeSplit,
    account_rows,
    binary_labels,
    calibrated_fit,
    evaluate,
    label_array,
)
from tallystick.settings import Settings
from tallystick.sources import Source
from tallystick.store import Manifest, canonical_json

__all__ = ["BATCH_ROWS", "Training", "labels_hash", "train"]

BATCH_ROWS: Final = 16_384
_LIMITS: Final = (
    "It knows accounts by their transfers of the chain's own coin; tokens are counted, not valued.",
    "It was trained on accounts of Ethereum in 2015 to 2018. Habits change: judge it on your own labels before acting.",
    "Labels are lists that people made: a missing label is not innocence, and a flag is a reason to look, not a proof.",
    "An account's first transfer says little; the table shows how much more is known after three and five.",
)


@dataclass(frozen=True)
class Training:
    """What a training job made.

    Parameters
    ----------
    program
        Trained on all labelled accounts, or on the earlier part only.
    card
        Plain values; includes the evaluation.
    cutoff
        UTC seconds; evaluation trains before it and judges from it on. 0 where it is by cross-validation.
    dataset
        What it was trained on; its hash is in the program and, when registered, on the ledger.
    """

    program: Program
    card: Mapping[str, Any]
    cutoff: int
    dataset: Manifest


def train(
    source: Source, labels: pa.Table | None, settings: Settings, *, refit: bool, progress: Progress = silent
) -> Training:
    """Train on a labelled source under a strict time split, and judge beside three baselines.

    A source that is a graph has no stream to split: there, accounts are taken as the whole source leaves them, and
    judged by repeated cross-validation.

    Parameters
    ----------
    labels
        Layout ``labels``; the source's own when omitted.
    refit
        Return a program trained on all labelled accounts (the card still tells the evaluation of the one
        trained on the earlier part); otherwise return that one.

    Raises
    ------
    LearnError
        No labels, or too few; or the earlier part of a graph is asked for.
    MissingExtra
        The training libraries are not installed.
    """
    table = source.labels() if labels is None else labels
    if table is None:
        raise LearnError("the source has no labels of its own", next_step="Give them with --labels KIND:PATH.")
    by_address = binary_labels(table)
    if source.is_graph:
        return _train_snapshot(source, by_address, settings, refit, progress)
    counter = _Counter(progress)
    rows = account_rows(counter.count(source), by_address)
    truth = label_array(rows, by_address)
    recipe = Recipe(seed=settings.seed, threads=settings.threads)
    split = TimeSplit.at_share(rows, TRAIN_SHARE_PPM)
    progress("train", 0, 3)
    parts = split.apply(rows, SPEC)
    early = calibrated_fit(parts.train, truth, recipe)
    progress("train", 1, 3)
    evaluation = evaluate(early, parts, truth, recipe, settings.review_budget_ppm)
    progress("train", 2, 3)
    used = rows if refit else parts.train
    program = calibrated_fit(rows, truth, recipe) if refit else early
    dataset = _dataset(source, by_address, refit)
    program = replace(program, metadata=_metadata(dataset, used, recipe))
    progress("train", 3, 3)
    accounts = sorted(set(used.account.tolist()))
    data = {
        "source": source.kind,
        "content_hash": dataset.inputs["source"],
        "manifest_hash": dataset.hash,
        "transfers": counter.transfers,
        "accounts": len(accounts),
        "positives": int(truth[accounts].sum()),
    }
    card = _card(program, data, recipe.as_json(), evaluation, refit)
    return Training(program, card, split.cutoff, dataset)


def _train_snapshot(
    source: Source, by_address: Mapping[bytes, int], settings: Settings, refit: bool, progress: Progress
) -> Training:
    if not refit:
        step = f"Train on the whole of it: tally train {source.kind}:PATH -o FOLDER, without --early-part."
        raise LearnError(f"a {source.kind} source is a graph: it has no earlier part to train on", next_step=step)
    recipe = SnapshotRecipe(seed=settings.seed)
    program, counts, evaluation = cross_validated(source, by_address, recipe, progress)
    parameters = {"kind": source.kind, "range": str(source.spec.range), "part": "all", "view": "snapshot"}
    inputs = {"source": source.content_hash(), "labels": labels_hash(by_address)}
    dataset = Manifest("dataset", inputs=inputs, parameters=parameters)
    program = replace(program, metadata=snapshot_metadata(dataset.hash, counts, recipe))
    data = {"source": source.kind, "content_hash": inputs["source"], "manifest_hash": dataset.hash, **counts}
    card = _card(program, data, recipe.as_json(), evaluation, refit) | WORDS
    return Training(program, card, 0, dataset)


class _Counter:
    """Counts the transfers that pass."""

    def __init__(self, progress: Progress) -> None:
        self.transfers = 0
        self._progress = progress

    def count(self, source: Source) -> Iterator[pa.Table]:
        for table in source.batches(BATCH_ROWS):
            yield table
            self.transfers += table.num_rows
            self._progress("read", self.transfers, None)


def labels_hash(labels: Mapping[bytes, int]) -> str:
    """SHA-256 of binary labels, whatever list they came from."""
    stated = canonical_json([[address.hex(), label] for address, label in sorted(labels.items())])
    return hashlib.sha256(stated).hexdigest()


def _dataset(source: Source, labels: Mapping[bytes, int], refit: bool) -> Manifest:
    """Say what a model was trained on, by content: two names for the same data give the same manifest."""
    return Manifest(
        "dataset",
        inputs={"source": source.content_hash(), "labels": labels_hash(labels)},
        parameters={
            "kind": source.kind,
            "range": str(source.spec.range),
            "part": "all" if refit else "earlier",
            "train_share_ppm": TRAIN_SHARE_PPM,
        },
    )


def _metadata(dataset: Manifest, rows: AccountRows, recipe: Recipe) -> dict[str, str | int]:
    """What the program says of its making; nothing of the machine: its hash depends on data and recipe only."""
    return {
        "task": "phishing accounts",
        "dataset_manifest": dataset.hash,
        "accounts": len(set(rows.account.tolist())),
        "rows_until": int(rows.time.max()),
        "seed": recipe.seed,
        "rounds": recipe.rounds,
        "tallystick": __version__,
    }


def _card(
    program: Program, data: Mapping[str, Any], recipe: Mapping[str, Any], evaluation: Mapping[str, Any], refit: bool
) -> dict[str, Any]:
    note = (
        "This program is trained on all labelled accounts. The figures are of the same recipe trained on the earlier "
        "part and judged on the later one."
        if refit
        else "The figures are of this very program, on accounts it was not trained on."
    ) + (
        " The recipe was chosen on time splits of the tsgn set (docs/log.md): on that set they are therefore a little "
        "better than they would be on accounts of another time."
    )
    return {
        "title": "Phishing accounts on Ethereum",
        "summary": "Scores an account at each of its transfers: how much its behaviour so far is that of phishing "
        "collectors. Integer trees on integer features; no address, label list or absolute time goes in.",
        "program": _shape(program),
        "data": dict(data),
        "recipe": dict(recipe),
        "evaluation": evaluation,
        "evaluation_note": note,
        "limits": list(_LIMITS),
        "made_with": {
            "tallystick": __version__,
            "lightgbm": _lightgbm_version(),
            "platform": f"{platform.machine()} {platform.system()}",
        },
        "command": f"tally train {data['source']}:PATH -o FOLDER" + ("" if refit else " --early-part"),
    }


def _shape(program: Program) -> dict[str, Any]:
    facts = describe(program)
    names = (
        "hash",
        "feature_spec_hash",
        "trees",
        "nodes",
        "depth",
        "bytes",
        "scale_bits",
        "error_bound",
        "threshold_ppm",
    )
    return {
        **{name: facts[name] for name in names},
        "features": len(facts["features"]),
        "features_used": sum(feature["splits"] > 0 for feature in facts["features"]),
    }


def _lightgbm_version() -> str:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra.of("lightgbm", "train") from error
    return str(lightgbm.__version__)
