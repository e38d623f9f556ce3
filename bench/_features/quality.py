"""The same model on our features and on the peer's: what a transfer is, and what an account is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import lightgbm
import numpy as np

from _features.engines import PAPER_BATCH, Peer, make_engine
from _features.resample import Judged, Scores, compare
from _features.streams import Stream
from tallystick.learn import CHECKPOINTS, AccountRows, Recipe, fit_booster, running_count

# One plain recipe for both; nothing was tuned on either.
PARAMETERS: Mapping[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}
# The peer enters a whole batch before it computes any of its features, so within a batch it sees what comes later.
# In batches of one it sees the past alone, as our rows do.
CAUSAL_BATCH = 1


def ours_pairs(stream: Stream) -> np.ndarray:
    """(n, 2 F) float64: the sender's row and the receiver's row of each transfer."""
    engine = make_engine(journal=False)
    width = len(engine.spec.features)
    rows = np.empty((len(stream), 2 * width))
    at = 0
    for batch in stream.piece(0, len(stream)).batches:
        rows[at : at + len(batch)] = engine.advance(batch).rows.reshape(len(batch), 2 * width)
        at += len(batch)
    return rows


def transfers_quality(stream: Stream, motif: np.ndarray, rounds: int) -> Iterator[dict[str, Any]]:
    """Entries of ``quality`` for transfers: is this one part of a planted scheme?

    Strict split by time, cut at blocks: the first 60 % train, the next 20 % give the thresholds, the rest is judged.
    Planted schemes are resampled whole, ordinary transfers by sender.
    """
    cuts = [stream.cut(len(stream) * share // 100) for share in (60, 80)]
    parts = [slice(0, cuts[0]), slice(*cuts), slice(cuts[1], len(stream))]
    known = motif > 0
    group = np.where(known, -motif, stream.edges[:, 1].astype(np.int64))[parts[2]]
    ours = fitted(np.hstack([ours_pairs(stream), stream.edges[:, 4:]]), known, parts, rounds)
    for batch in (CAUSAL_BATCH, PAPER_BATCH):
        peer = fitted(Peer(batch).rows(stream.edges), known, parts, rounds)
        yield from entries(stream.name, "transfer", batch, Judged(known[parts[2]], ours, peer, group))


def fitted(rows: np.ndarray, truth: np.ndarray, parts: list[slice], rounds: int) -> Scores:
    """Thresholds from the validation part, and scores of the judged part."""
    train, check, test = parts
    booster = lightgbm.train(dict(PARAMETERS), lightgbm.Dataset(rows[train], truth[train]), rounds)
    return Scores.with_bars(booster.predict(rows[test]), truth[check], booster.predict(rows[check]))


def entries(stream: str, after: str, batch: int, judged: Judged) -> Iterator[dict[str, Any]]:
    """One entry for each measure of the marked rows, and of the others where those are fewer."""
    few = 2 * int(judged.truth.sum()) <= len(judged.truth)
    for of, part in [("marked", judged)] if few else [("marked", judged), ("others", judged.of_others())]:
        facts = {"stream": stream, "after": after, "peer_batch": batch, "of": of, "minority": few or of == "others"}
        counts = {"rows": len(part.truth), "positives": int(part.truth.sum())}
        for metric, found in compare(part).items():
            yield {**facts, "metric": metric, **found, **counts}


@dataclass(frozen=True)
class Sides:
    """Rows of labelled accounts from both engines, row by row of the same transfers."""

    ours: AccountRows
    peer: AccountRows
    label: np.ndarray  # (accounts,) int64


def accounts_quality(stream: Stream, labels: Mapping[bytes, int], recipe: Recipe) -> Iterator[dict[str, Any]]:
    """Entries of ``quality`` for accounts after 1, 3, 5 and 10 transfers and at their end.

    Accounts are ranked by first appearance: the first 60 % train, with their rows before the next one begins; the
    next 20 % give the thresholds; the rest is judged. Resampled by account.
    """
    for batch in (CAUSAL_BATCH, PAPER_BATCH):
        sides = both_sides(stream, labels, batch)
        order = np.sort(sides.ours.first_time)
        cuts = [int(order[len(order) * share // 100]) for share in (60, 80)]
        names = ("ours", "peer")
        found = {name: account_scores(getattr(sides, name), sides.label, cuts, recipe) for name in names}
        for key in CHECKPOINTS:
            (test, ours), (_, peer) = (found[name][key] for name in names)
            yield from entries(stream.name, key, batch, Judged(sides.label[test] == 1, ours, peer, test))


def both_sides(stream: Stream, labels: Mapping[bytes, int], batch: int) -> Sides:
    """Rows of every transfer of a labelled account, from its own side."""
    ids = stream.edges[:, 1:3].astype(np.int64).ravel()  # sender, receiver, sender, …
    names = np.stack([stream.table[side].to_numpy() for side in ("from_address", "to_address")], 1).ravel()
    _, at = np.unique(ids, return_index=True)
    wanted = {int(ids[k]): names[k] for k in at.tolist() if names[k] in labels}
    chosen = np.isin(ids, list(wanted))
    chosen[0::2] &= ids[0::2] != ids[1::2]  # of a transfer to oneself, the receiver's row stands
    keep = np.flatnonzero(chosen)
    known, account = np.unique(ids[keep], return_inverse=True)
    part = ours_pairs(stream).reshape(2 * len(stream), -1)[keep]
    transfer, incoming = keep // 2, keep % 2 == 1
    ours = AccountRows(
        rows=np.hstack([part, stream.edges[transfer, 4:]]),
        account=account,
        transfer=running_count(account),
        time=stream.time[transfer].astype(np.int64),
        amount=stream.edges[transfer, 4],
        partner=ids[keep ^ 1],
        incoming=incoming,
        addresses=tuple(wanted[item] for item in known.tolist()),
    )
    theirs = seen_from(Peer(batch).rows(stream.edges)[transfer], incoming)
    label = np.array([labels[address] for address in ours.addresses], np.int64)
    return Sides(ours, replace(ours, rows=theirs), label)


def seen_from(rows: np.ndarray, incoming: np.ndarray) -> np.ndarray:
    """The peer's columns with the account's own statistics first, then the other's; and which side it is on.

    The last columns are vertex statistics: eight of the source's outgoing edges, eight of its incoming ones, then as
    many of the target's.
    """
    half = 16
    swapped = np.hstack([rows[:, : -2 * half], rows[:, -half:], rows[:, -2 * half : -half]])
    return np.hstack([np.where(incoming[:, None], swapped, rows), incoming[:, None].astype(np.float64)])


def account_scores(
    rows: AccountRows, label: np.ndarray, cuts: list[int], recipe: Recipe
) -> dict[str, tuple[np.ndarray, Scores]]:
    """Train on early accounts, take thresholds from later ones, score the last; by checkpoint."""
    first = rows.first_time[rows.account]
    train = rows.where((first < cuts[0]) & (rows.time < cuts[0]))
    check = rows.where((first >= cuts[0]) & (first < cuts[1]) & (rows.time < cuts[1]))
    test = rows.where(first >= cuts[1])
    train = train.where(sampled(train, recipe.dense_transfers))
    names = tuple(f"column_{k}" for k in range(rows.rows.shape[1]))
    weight = 1 / np.sqrt(train.transfer)
    booster = fit_booster(train.rows, label[train.account], weight, recipe, names)
    found = {}
    for key in CHECKPOINTS:
        (checked, by), (judged, score) = (at_checkpoint(part, key, booster) for part in (check, test))
        found[key] = judged, Scores.with_bars(score, label[checked] == 1, by)
    return found


def sampled(rows: AccountRows, dense: int) -> np.ndarray:
    """An account's first transfers all, later ones ever thinner, and its last: what the product trains on."""
    thin = {dense}
    while max(thin) < int(rows.transfer.max()):
        thin.add(-(-max(thin) * 5 // 4))
    mask = (rows.transfer <= dense) | np.isin(rows.transfer, list(thin))
    mask[rows.last_rows()] = True
    return mask


def at_checkpoint(rows: AccountRows, key: str, booster: Any) -> tuple[np.ndarray, np.ndarray]:
    """Accounts that got there, and their scores."""
    at = rows.last_rows() if key == "end" else np.flatnonzero(rows.transfer == int(key))
    return rows.account[at], booster.predict(rows.rows[at].astype(np.float64))
