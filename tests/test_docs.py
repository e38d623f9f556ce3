from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer

from tallystick.apps.fraud import PRETRAINED, find_model
from tallystick.cli._main import app
from tallystick.sources import label_kinds, source_kinds

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = {DOCS / name for name in ("errors.md", "settings.md", "columns.md", "features.md")}
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
# Formats and generated pages define numbers; they measure none.
MEASURING = [page for page in PAGES if page not in GENERATED and page.parent.name != "formats"]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"(tally|\./scripts/\w+|scripts/[\w.]+|python [\w/]+\.py)( |$)")
_FIGURE = re.compile(r"(?<![\w.,])(?:\d?\.\d{3,}|\d{1,3}(?:,\d{3})+|\d+ ?%)")
_SET = {"500,000", "1,000,000", "70 %", "1 %", "100 %", "90 %"}  # decided, not measured
_NO_COMMAND = "no command gives these figures again"
_HOST = re.compile(
    r"https?://(?!127\.0\.0\.1)[\w.-]+|(?<!application/)\b[\w-]+\.(?:com|org|net|io|dev|cloud|internal|local)\b"
)
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|tmp|work|mnt|Users)/")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def commands_of(text: str) -> Iterator[str]:
    """Every command that a page shows: lines of shell blocks, and inline code that begins like one."""
    for language, body in _FENCE.findall(text):
        if language == "sh":
            yield from (line for line in (line.split(" # ")[0].strip() for line in body.splitlines()) if line)
    yield from (code for code in _INLINE.findall(_FENCE.sub("", text)) if _COMMAND.match(code))


def parse_tally(words: list[str]) -> None:
    """Parse a command line as ``tally`` would, down to the verb, without running it."""
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        word = words.pop(0)
        if word.startswith("-"):
            assert any(word in option.opts for option in command.get_params(command.context_class(command))), word
            continue
        assert word in command.commands, word
        command = command.commands[word]
    if not hasattr(command, "commands"):
        command.make_context(command.name, words)


def is_name(words: list[str]) -> bool:
    """Whether words only name a verb, as prose does."""
    command: Any = typer.main.get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word)
    return command is not None


def check_command(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "tally":
        if not is_name(words[1:]):
            parse_tally(words[1:])
        return
    file = ROOT / (words[1] if words[0] == "python" else words[0])
    assert file.is_file(), line
    assert words[0] == "python" or os.access(file, os.X_OK), line
    options = [word for word in words[1:] if word.startswith("--")]
    known = file.read_text(encoding="utf-8")
    assert all(option in known or file.name in ("demo", "install") for option in options), line


def fault_of(line: str) -> str:
    """What is wrong with a command line; empty for nothing."""
    try:
        check_command(line)
    except typer.Exit:  # --help
        return ""
    except Exception as error:
        return f"{line}: {error!r}"
    return ""


@each_page
def test_commands_parse(page: Path) -> None:
    assert not [fault for line in commands_of(page.read_text(encoding="utf-8")) if (fault := fault_of(line))]


@pytest.mark.parametrize(
    "line", ["tally demon", "tally score --nope x", "tally run --json", "./scripts/nope", "tally --nope"]
)
def test_invalid_commands_are_found(line: str) -> None:
    assert fault_of(line)


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_links_resolve(page: Path) -> None:
    for target in _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), target


@each_page
def test_no_host_and_no_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not _HOST.search(text), _HOST.search(text)
    assert not _MACHINE_PATH.search(text), _MACHINE_PATH.search(text)


def sections_of(text: str) -> list[str]:
    """Text from one heading to the next; headings in code blocks are none."""
    hidden = _FENCE.sub(lambda block: re.sub(r"^#", " ", block.group(0), flags=re.MULTILINE), text)
    return re.split(r"^(?=#{1,3} )", hidden, flags=re.MULTILINE)


@pytest.mark.parametrize("page", MEASURING, ids=name_of)
def test_figures_name_their_command(page: Path) -> None:
    for section in sections_of(page.read_text(encoding="utf-8")):
        figures = set(_FIGURE.findall(_INLINE.sub("", section))) - _SET
        if not figures or _NO_COMMAND in section:
            continue
        lines = [line for line in section.splitlines() if line.startswith("Reproduce: `")]
        assert lines, f"{section.splitlines()[0]}: no command for {sorted(figures)}"
        assert all(_COMMAND.match(_INLINE.findall(line)[0]) for line in lines), lines


def test_every_page_is_reached_from_the_index() -> None:
    reached, todo = set(), [DOCS / "index.md"]
    while todo:
        page = todo.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [target.partition("#")[0] for target in _LINK.findall(page.read_text(encoding="utf-8"))]
        todo += [(page.parent / target).resolve() for target in targets if target.endswith(".md")]
    assert set(DOCS.rglob("*.md")) <= reached
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert all(f"formats/{page.name}" in index for page in (DOCS / "formats").glob("*.md"))


def test_every_verb_is_documented() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = [line for page in PAGES for line in commands_of(page.read_text(encoding="utf-8"))]
    root: Any = typer.main.get_command(app)
    for verb, command in root.commands.items():
        assert f"| `{verb}` |" in readme
        for path in [f"{verb} {name}" for name in command.commands] if hasattr(command, "commands") else [verb]:
            assert any(line.startswith(f"tally {path}") for line in shown), path


def test_every_kind_of_source_and_label_is_documented() -> None:
    text = (DOCS / "sources.md").read_text(encoding="utf-8")
    assert all(f"\n### {kind}\n" in text for kind in source_kinds())
    assert all(f"\n| `{kind}` |" in text for kind in label_kinds())


def test_every_layer_is_in_the_architecture() -> None:
    spec = spec_from_file_location("check_layers_for_docs", ROOT / "scripts" / "check_layers.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    table = (DOCS / "explanation" / "architecture.md").read_text(encoding="utf-8")
    rows = [re.findall(r"`(\w+)`", row) for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)]
    assert rows == [list(row) for row in module.LAYERS]


@cache
def card() -> dict[str, Any]:
    return dict(find_model(PRETRAINED).card)


def shown(value: float) -> str:
    return f"{value:.3f}"


def test_readme_shows_the_figures_of_the_card() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name, model in card()["evaluation"]["models"].items():
        after = model["after"]
        cells = [name.partition(":")[0], *(shown(after[key]["auc"]) for key in after), shown(after["end"]["f1"])]
        assert f"| {' | '.join(cells)} |" in readme
    sides = card()["evaluation"]["protocol"]
    test = sides["test"]
    for number in (test["accounts"], test["positives"], test["accounts"] - test["positives"]):
        assert re.search(rf"\b{number}\b", readme)
    assert f"{sides['train']['accounts']:,} before them" in " ".join(readme.split())


def test_model_page_shows_the_figures_of_the_card() -> None:
    page = (DOCS / "explanation" / "model.md").read_text(encoding="utf-8")
    for key, m in card()["evaluation"]["models"]["tallystick"]["after"].items():
        numbers = [shown(m[name]) for name in ("precision", "recall", "f1", "auc")]
        assert f"| {' | '.join([key, str(m['accounts']), *numbers])} |" in page
    program = card()["program"]
    assert f"at most {program['error_bound']} × 2⁻²⁴" in page
    assert program["scale_bits"] == 24
    leaves = card()["recipe"]["parameters"]["num_leaves"]
    assert f"{program['trees']} trees of at most {_WORDS[leaves]} leaves" in page
    decision = (DOCS / "decisions" / "006-small-trees.md").read_text(encoding="utf-8")
    assert f"LightGBM with {leaves} leaves" in decision
    assert f"{program['bytes']:,} bytes" in decision


_WORDS = {4: "four", 5: "five", 6: "six", 7: "seven", 8: "eight"}


def test_readme_shows_lines_that_the_demo_writes() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = next(body for language, body in _FENCE.findall(readme) if language == "text" and "verify: MATCH" in body)
    source = (ROOT / "src" / "tallystick" / "cli" / "_demo.py").read_text(encoding="utf-8")
    labels = re.findall(r"^([a-z][a-z ]+?)  ", block, re.MULTILINE)
    assert len(labels) >= 5
    assert all(f'("{label}", ' in source for label in labels), labels


def test_shipped_card_is_plain_json() -> None:
    assert json.loads(json.dumps(card())) == card()
