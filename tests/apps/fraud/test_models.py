"""Model folders: round trips, names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallystick.apps.fraud import PRETRAINED, card_markdown, check_spec, find_model, save_model, shipped_models
from tallystick.errors import ProgramError, SourceError
from tallystick.exact import Program, describe

CARD = Path(__file__).parents[3] / "src" / "tallystick" / "apps" / "fraud" / "models" / PRETRAINED / "card.json"


@pytest.fixture(scope="module")
def card() -> dict[str, object]:
    content: dict[str, object] = json.loads(CARD.read_text(encoding="utf-8"))
    return content


def test_save_and_find(tmp_path: Path, program: Program, card: dict[str, object]) -> None:
    saved = save_model(tmp_path / "mine", program, card)
    assert sorted(path.name for path in (tmp_path / "mine").iterdir()) == ["card.json", "card.md", "program.tally"]
    for name in (tmp_path / "mine", tmp_path / "mine" / "program.tally"):
        found = find_model(str(name))
        assert (found.program, found.card, found.path) == (program, card, saved.path)
    assert (tmp_path / "mine" / "card.md").read_text(encoding="utf-8") == card_markdown(card)


def test_saving_again_gives_the_same_bytes(tmp_path: Path, program: Program, card: dict[str, object]) -> None:
    for name in ("one", "two"):
        save_model(tmp_path / name, program, dict(reversed(card.items())))
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_program_without_a_card(tmp_path: Path, program: Program, card: dict[str, object]) -> None:
    save_model(tmp_path, program, card)
    (tmp_path / "card.json").unlink()
    assert find_model(str(tmp_path)).card == {}


def test_shipped_model_is_for_this_engine() -> None:
    assert PRETRAINED in shipped_models()
    model = find_model(PRETRAINED)
    check_spec(model.program)
    facts = describe(model.program)
    shown = model.card["program"]
    assert {name: shown[name] for name in ("hash", "trees", "nodes", "depth", "bytes", "error_bound")} == {
        name: facts[name] for name in ("hash", "trees", "nodes", "depth", "bytes", "error_bound")
    }
    assert model.card["data"]["manifest_hash"] == model.program.metadata["dataset_manifest"]
    assert (model.path.parent / "card.md").read_text(encoding="utf-8") == card_markdown(model.card)


def test_invalid_unknown_name_asks_what_was_meant() -> None:
    with pytest.raises(SourceError, match=r"there is no model 'tsng-v1'; did you mean 'tsgn-v1'\?") as caught:
        find_model("tsng-v1")
    assert "tsgn-v1" in caught.value.advice


def test_invalid_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no model"):
        find_model(str(tmp_path))


def test_invalid_program_file(tmp_path: Path) -> None:
    (tmp_path / "program.tally").write_bytes(b"TALLYPRG and nothing else")
    with pytest.raises(ProgramError):
        find_model(str(tmp_path))


@pytest.mark.parametrize("text", ["[]", "null", "5", '"card"'])
def test_invalid_card_is_not_an_object(tmp_path: Path, program: Program, card: dict[str, object], text: str) -> None:
    save_model(tmp_path, program, card)
    (tmp_path / "card.json").write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match="card is not a JSON object") as caught:
        find_model(str(tmp_path / "program.tally"))
    assert caught.value.where["file"] == str(tmp_path / "card.json")


@pytest.mark.parametrize("text", ["{", "\udcff"])
def test_invalid_card(tmp_path: Path, program: Program, card: dict[str, object], text: str) -> None:
    save_model(tmp_path, program, card)
    (tmp_path / "card.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(SourceError, match="card is not JSON") as caught:
        find_model(str(tmp_path))
    assert caught.value.where["file"] == str(tmp_path / "card.json")


def test_invalid_name_that_is_too_long() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        find_model("a" * 5000)
