"""The page: whole HTML, nothing from elsewhere, every figure of the report on it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest

from tallystick.apps.fraud import Alerts, Scorer, report_page, train
from tallystick.apps.fraud._card import LATENESS_HEAD, lateness_cells
from tallystick.exact import Program
from tallystick.settings import Settings

from .world import World

_VOID = {"meta", "br"}


class Checker(HTMLParser):
    """Reads a page strictly: tags close in order, and nothing points outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.ours: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "iframe", "link", "img", "object")
        for name, value in attributes:
            assert name not in ("src", "href") and not name.startswith("on")  # noqa: PT018
            assert "://" not in (value or "")
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            if ("class", "ours") in attributes:
                self.ours.append("")
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and {"td", "th"} & set(self.open):
            self.tables[-1][-1][-1] += data


def read(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert page.startswith("<!doctype html>")
    assert "http" not in page
    assert "<script" not in page.lower()
    assert "url(" not in page
    assert "@import" not in page
    return checker


@pytest.fixture(scope="module")
def report(world: World, program: Program) -> dict[str, Any]:
    scorer = Scorer(program)
    alerts = Alerts(scorer, 700_000, 2)
    found = [alert.to_json() for table in world.source().batches(500) for alert in alerts.find(scorer.score(table))]
    return {
        "format": "tallystick run report",
        "version": 1,
        "source": "xblock:a<b>&c",
        "run": "0123456789ab",
        "transfers": 1_065,
        "accounts": 400,
        "flagged": 60,
        "alerts": found,
        "program_hash": "0x" + program.hash.hex(),
        "evaluation": train(world.source(), None, Settings(), refit=False).card["evaluation"],
        "ledger": {
            "chain_id": 31_337,
            "registry": "0x" + "11" * 20,
            "prediction_log": "0x" + "22" * 20,
            "model_id": "0x" + "33" * 32,
            "ranges": 6,
            "roots": ["0x" + "44" * 32] * 6,
            "gas_used": 1_234_567,
        },
        "verification": {"result": "MATCH", "ranges": 6, "transfers": 1_065, "before": 0, "mismatch": None},
        "seconds": {"store": 0.5},
    }


def test_page_is_whole(report: dict[str, Any]) -> None:
    page = report_page(report)
    found = read(page)
    assert "xblock:a&lt;b&gt;&amp;c" in page
    facts = dict(found.tables[0][1:])
    assert facts["transfers scored"] == "1,065"
    assert facts["model id"] == report["ledger"]["model_id"]
    assert facts["gas spent"] == "1,234,567"
    assert "MATCH: 6 block ranges, 1,065 transfers, every bit." in page
    assert len(found.tables) == 1 + 5 + 1 + 1 + 1  # facts, checkpoints, review, lateness, alerts


def test_figures_are_those_of_the_report(report: dict[str, Any]) -> None:
    found = read(report_page(report))
    models = report["evaluation"]["models"]
    for table, checkpoint in zip(found.tables[1:6], ("1", "3", "5", "10", "end"), strict=True):
        assert table[1][0] == "tallystick"
        for row in table[1:]:
            measures = models[row[0]]["after"][checkpoint]
            assert row[1] == f"{measures['accounts']:,}"
            assert row[-1] == f"{measures['auc']:.3f}"
    assert len(found.ours) == 7
    lateness = found.tables[7]
    assert lateness[0] == ["model", *LATENESS_HEAD]
    assert [row[0] for row in lateness[1:]] == list(models)
    for row in lateness[1:]:
        assert row[1:] == lateness_cells(models[row[0]]["lateness"])


def test_order_of_json_does_not_matter(report: dict[str, Any]) -> None:
    other = json.loads(json.dumps(report, sort_keys=True))
    ours, theirs = (read(report_page(item)).tables for item in (report, other))
    for table, same in zip(ours, theirs, strict=True):
        assert table[:2] == same[:2]
        assert sorted(table) == sorted(same)


def test_page_without_evaluation(report: dict[str, Any]) -> None:
    page = report_page({**report, "evaluation": None})
    assert len(read(page).tables) == 2
    assert "How well it does" not in page


def test_page_of_a_mismatch(report: dict[str, Any]) -> None:
    cause = "block 5, transaction 0x00, transfer 0: sender_ppm is <1>"
    page = report_page({**report, "verification": {"result": "MISMATCH", "mismatch": {"cause": cause}}})
    read(page)
    assert "MISMATCH: block 5" in page
    assert "&lt;1&gt;" in page
    assert 'class="match"' not in page


def test_page_of_many_and_of_no_alerts(report: dict[str, Any]) -> None:
    many = (report["alerts"] * 60)[:60]
    page = report_page({**report, "alerts": many})
    assert len(read(page).tables[-1]) == 51
    assert "The first 50 of 60." in page
    assert len(read(report_page({**report, "alerts": []})).tables[-1]) == 1


def test_page_where_nothing_was_flagged(report: dict[str, Any]) -> None:
    other = json.loads(json.dumps(report))
    late = other["evaluation"]["models"]["tallystick"]["lateness"]
    late |= {"flagged": 0, "at_first_transfer": 0, "transfers": {}, "value_ether": {}}
    ours = read(report_page(other)).tables[7][1]
    assert ours[1] == f"0 of {late['positives']}"
    assert ours[3:7] == [""] * 4
    assert ours[7] == f"{late['innocent_flagged']} of {late['innocent']}"
