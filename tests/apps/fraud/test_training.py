"""The training job: program, card, metadata, and what is refused."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest

from tallystick import __version__
from tallystick.apps.fraud import Training, card_markdown, measures_markdown, train
from tallystick.apps.fraud._card import LATENESS_HEAD, lateness_cells
from tallystick.apps.fraud._training import labels_hash
from tallystick.errors import LearnError, MissingExtra
from tallystick.exact import score_row
from tallystick.features import SPEC
from tallystick.learn import TimeSplit
from tallystick.settings import Settings

from .world import World

Notes = list[tuple[str, int, int | None]]


@pytest.fixture(scope="module")
def early(world: World) -> Training:
    return train(world.source(), None, Settings(), refit=False)


@pytest.fixture(scope="module")
def notes() -> Notes:
    return []


@pytest.fixture(scope="module")
def whole(world: World, notes: Notes) -> Training:
    return train(world.source(), None, Settings(), refit=True, progress=lambda *note: notes.append(note))


def test_early_program_is_of_the_earlier_part(world: World, early: Training) -> None:
    rows = world.rows()
    protocol = TimeSplit.at_share(rows, 700_000)
    parts = protocol.apply(rows, SPEC)
    assert early.cutoff == protocol.cutoff
    accounts = {world.labels[rows.addresses[k]] * 1000 + k for k in set(parts.train.account.tolist())}
    assert early.card["data"] == {
        "source": "table",
        "content_hash": world.source().content_hash(),
        "manifest_hash": early.dataset.hash,
        "transfers": world.table.num_rows,
        "accounts": len(accounts),
        "positives": sum(k >= 1000 for k in accounts),
    }
    assert early.program.metadata == {
        "task": "phishing accounts",
        "dataset_manifest": early.dataset.hash,
        "accounts": len(accounts),
        "rows_until": int(parts.train.time.max()),
        "seed": 1,
        "rounds": 200,
        "tallystick": __version__,
    }


def test_dataset_manifest_follows_source_labels_and_part(early: Training, whole: Training) -> None:
    assert early.dataset.kind == "dataset"
    assert set(early.dataset.inputs) == {"source", "labels"}
    assert early.dataset.inputs == whole.dataset.inputs
    assert (early.dataset.parameters["part"], whole.dataset.parameters["part"]) == ("earlier", "all")


def test_refit_is_of_all_and_tells_the_same_evaluation(world: World, early: Training, whole: Training) -> None:
    assert whole.card["evaluation"] == early.card["evaluation"]
    assert whole.cutoff == early.cutoff
    assert whole.program.hash != early.program.hash
    assert whole.card["data"]["accounts"] == len(world.labels)
    assert whole.program.metadata["rows_until"] == int(world.rows().time.max())
    assert "--early-part" in early.card["command"]
    assert "--early-part" not in whole.card["command"]
    assert whole.card["evaluation_note"] != early.card["evaluation_note"]
    assert "on accounts it was not trained on" in early.card["evaluation_note"]
    assert "The figures are of the same recipe trained on the earlier part" in whole.card["evaluation_note"]


def test_card_says_on_what_the_recipe_was_chosen(early: Training, whole: Training) -> None:
    for training in (early, whole):
        note = training.card["evaluation_note"]
        assert "The recipe was chosen on time splits of the tsgn set (docs/log.md)" in note
        assert note in card_markdown(training.card)


def test_given_labels_are_as_good_as_the_sources_own(world: World, early: Training) -> None:
    other = train(world.source(labelled=None), world.label_table(), Settings(), refit=False)
    assert other.program.to_bytes() == early.program.to_bytes()
    assert other.card == early.card


def test_another_seed_gives_another_program(world: World, early: Training) -> None:
    assert train(world.source(), None, Settings(seed=2), refit=False).program.hash != early.program.hash


def test_card_is_plain_and_true(early: Training) -> None:
    assert json.loads(json.dumps(early.card)) == early.card
    facts = early.card["program"]
    assert facts["hash"] == "0x" + early.program.hash.hex()
    assert facts["feature_spec_hash"] == "0x" + SPEC.hash.hex()
    assert facts["features"] == len(SPEC.features)
    used = {feature for tree in early.program.model.trees for feature in tree.feature}
    assert facts["features_used"] == len(used)
    assert score_row(early.program, [0] * len(SPEC.features)).ppm <= 1_000_000


def test_card_for_people(early: Training) -> None:
    text = card_markdown(early.card)
    assert early.card["program"]["hash"] in text
    assert "| tallystick | end | 36 |" in text
    assert all(f"* {line}" in text for line in early.card["limits"])
    assert text.count("\n## ") == 2
    columns = [line.count("|") for line in measures_markdown(early.card["evaluation"]).splitlines() if "|" in line]
    assert set(columns) == {6, 9}  # review; checkpoints and lateness


LATE = {
    "innocent": 86,
    "innocent_flagged": 23,
    "positives": 369,
    "flagged": 360,
    "at_first_transfer": 264,
    "transfers": {"p25": 0.0, "p50": 0.0, "p75": 1.0, "p90": 1.0, "mean": 0.324},
    "value_ether": {"p25": 0.0, "p50": 0.0, "p75": 0.1, "p90": 0.8, "mean": 0.541},
}


def test_lateness_cells() -> None:
    expected = ["360 of 369", "264", "0.32", "1.00", "0.54", "0.80", "23 of 86"]
    assert lateness_cells(LATE) == expected
    assert len(LATENESS_HEAD) == len(expected)
    nothing = {**LATE, "flagged": 0, "at_first_transfer": 0, "innocent_flagged": 0, "transfers": {}, "value_ether": {}}
    assert lateness_cells(nothing) == ["0 of 369", "0", "", "", "", "", "0 of 86"]


def test_card_tells_the_lateness_of_every_model(early: Training) -> None:
    evaluation = early.card["evaluation"]
    lines = measures_markdown(evaluation).splitlines()
    head = lines.index(f"| model | {' | '.join(LATENESS_HEAD)} |")
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[head + 2 :]]
    assert table == [[name, *lateness_cells(model["lateness"])] for name, model in evaluation["models"].items()]
    assert len(table) == 4


def test_card_where_nothing_was_flagged(early: Training) -> None:
    evaluation = json.loads(json.dumps(early.card["evaluation"]))
    late = evaluation["models"]["tallystick"]["lateness"]
    late |= {"flagged": 0, "at_first_transfer": 0, "transfers": {}, "value_ether": {}}
    text = measures_markdown(evaluation)
    assert f"| tallystick | 0 of {late['positives']} | 0 |  |  |  |  | {late['innocent_flagged']} of" in text


def test_labels_hash_is_of_what_is_labelled_not_of_the_list(world: World) -> None:
    turned = dict(reversed(world.labels.items()))
    assert labels_hash(turned) == labels_hash(world.labels)
    one = next(iter(world.labels))
    assert labels_hash({**turned, one: 1 - turned[one]}) != labels_hash(world.labels)
    assert labels_hash({key: label for key, label in turned.items() if key != one}) != labels_hash(world.labels)


def test_progress_is_told(world: World, whole: Training, notes: Notes) -> None:
    assert ("read", world.table.num_rows, None) in notes
    assert [note[1:] for note in notes if note[0] == "train"] == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_invalid_source_without_labels(world: World) -> None:
    with pytest.raises(LearnError, match="no labels of its own") as caught:
        train(world.source(labelled=None), None, Settings(), refit=False)
    assert "--labels" in caught.value.advice


def test_invalid_too_few_of_one_class(world: World) -> None:
    some = replace(world, labels=dict(list(world.labels.items())[:8]))
    with pytest.raises(LearnError):
        train(some.source(labelled=some.label_table()), None, Settings(), refit=False)


@pytest.mark.parametrize("missing", ["lightgbm", "sklearn", "sklearn.linear_model"])
def test_invalid_without_a_training_library(world: World, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match="is not installed") as caught:
        train(world.source(), None, Settings(), refit=False)
    assert caught.value.advice == 'pip install "tallystick[train]"'
