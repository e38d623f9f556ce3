"""The format pages name every field, and no other; the report's own fields are checked where one is made."""

from __future__ import annotations

import re
from pathlib import Path

from tallystick.apps.fraud import PRETRAINED, find_model

FORMATS = Path(__file__).parents[3] / "docs" / "formats"


def test_card_page_names_the_fields_of_a_card() -> None:
    page = (FORMATS / "model-card-v1.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([a-z0-9_.]+)` \|", page, re.MULTILINE)
    card = find_model(PRETRAINED).card
    found = set(card)
    for name in ("program", "data", "recipe", "made_with"):
        found |= {f"{name}.{key}" for key in card[name]}
    assert set(named) == found
    assert len(named) == len(found)


def test_report_page_names_the_measures_of_a_model() -> None:
    page = (FORMATS / "report-v1.md").read_text(encoding="utf-8")
    section = page.split("## One model's measures")[1].split("\n## ")[0]
    model = find_model(PRETRAINED).card["evaluation"]["models"]["tallystick"]
    for name, fields in model.items():
        assert f"`{name}" in section
        for field in model["after"]["end"] if name == "after" else fields:
            assert re.search(rf"[`.]{field}`", section), field
    for quantile in model["lateness"]["transfers"]:
        assert f"`{quantile}`" in section


def test_report_page_names_the_kinds_of_difference() -> None:
    from tallystick.ledger import MismatchKind

    page = (FORMATS / "report-v1.md").read_text(encoding="utf-8")
    assert all(f"`{kind}`" in page for kind in MismatchKind)
