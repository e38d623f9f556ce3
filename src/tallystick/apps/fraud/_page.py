"""The report as one page for people: HTML without scripts or anything from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tallystick.apps.fraud._card import LATENESS_HEAD, lateness_cells, models_in_order
from tallystick.learn import CHECKPOINTS
from tallystick.units import format_ppm

__all__ = ["report_page"]

_STYLE: Final = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{margin-bottom:0}h2{margin-top:2.2rem;border-bottom:1px solid #d5dbe3}
table{border-collapse:collapse;width:100%;margin:.7rem 0}th,td{padding:.25rem .6rem;text-align:right}
th{border-bottom:2px solid #9aa7b8;font-weight:600}td{border-bottom:1px solid #e6eaf0}
th:first-child,td:first-child{text-align:left}code{font-size:.85em;overflow-wrap:anywhere}
.match{background:#e3f5e8;border-left:5px solid #2c9a52;padding:.6rem 1rem}
.mismatch{background:#fdeaea;border-left:5px solid #c23b3b;padding:.6rem 1rem}
.ours td{font-weight:600;background:#f3f7ff}.note{color:#5a6778}
"""
_AUC_COLOURS: Final = ("#1f5fd0", "#b9c2cf", "#d79a2b", "#7a8796")


def report_page(report: Mapping[str, Any]) -> str:
    """Write a run's report (see ``docs/formats/report-v1.md``) as a page."""
    parts = [_facts(report), _verification(report)]
    if report.get("evaluation"):
        parts.append(_evaluation(report["evaluation"]))
    parts.append(_alerts(report["alerts"]))
    body = "\n".join(parts)
    title = html.escape(str(report["source"]))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tallystick: {title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Tallystick</h1><p class=note>{title}</p>{body}</body></html>\n"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]], ours: int = -1) -> str:
    lines = ["<table><tr>", *(f"<th>{html.escape(name)}</th>" for name in head), "</tr>"]
    for number, row in enumerate(rows):
        mark = ' class="ours"' if number == ours else ""
        lines.append(f"<tr{mark}>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>")
    return "".join(lines) + "</table>"


def _facts(report: Mapping[str, Any]) -> str:
    ledger = report["ledger"]
    rows = [
        ("transfers scored", f"{report['transfers']:,}"),
        ("accounts scored", f"{report['accounts']:,}"),
        ("alerts", f"{len(report['alerts']):,}"),
        ("model", f"<code>{report['program_hash']}</code>"),
        ("model id", f"<code>{ledger['model_id']}</code>"),
        ("ledger", f"chain {ledger['chain_id']}, prediction log <code>{ledger['prediction_log']}</code>"),
        ("block ranges committed", f"{ledger['ranges']:,}"),
        ("gas spent", f"{ledger['gas_used']:,}"),
    ]
    return "<h2>The run</h2>" + _table(("", ""), rows)


def _verification(report: Mapping[str, Any]) -> str:
    found = report["verification"]
    if found["result"] == "MATCH":
        text = f"MATCH: {found['ranges']:,} block ranges, {found['transfers']:,} transfers, every bit."
        return f'<h2>Verification</h2><p class="match">{text}</p>'
    cause = html.escape(str((found["mismatch"] or {}).get("cause", "")))
    return f'<h2>Verification</h2><p class="mismatch">MISMATCH: {cause}</p>'


def _evaluation(evaluation: Mapping[str, Any]) -> str:
    test, models = evaluation["protocol"]["test"], models_in_order(evaluation)
    parts = [
        "<h2>How well it does</h2>",
        f"<p>Judged on {test['accounts']:,} accounts that were first seen after training ended, "
        f"{test['positives']:,} of them positive. Beside it, three baselines under the same protocol.</p>",
        _auc_plot(models),
    ]
    head = ("model", "accounts", "precision", "recall", "F1", "average precision", "AUC")
    for checkpoint in CHECKPOINTS:
        title = "at the end" if checkpoint == "end" else f"after {checkpoint} transfer{'s' * (checkpoint != '1')}"
        rows = []
        for name, model in models.items():
            m = model["after"][checkpoint]
            numbers = [f"{m[key]:.3f}" for key in ("precision", "recall", "f1", "average_precision", "auc")]
            rows.append([html.escape(name), f"{m['accounts']:,}", *numbers])
        parts.append(f"<h3>{title}</h3>" + _table(head, rows, ours=0))
    parts.append(_review(models) + _lateness(models))
    return "".join(parts)


def _auc_plot(models: Mapping[str, Any]) -> str:
    """AUC by checkpoint as bars, in SVG; the axis starts at 0.5, which is chance."""
    width, height, bar = 640, 190, 22
    shapes = []
    step = width / len(CHECKPOINTS)
    for number, (name, model) in enumerate(models.items()):
        colour = _AUC_COLOURS[number % len(_AUC_COLOURS)]
        for position, checkpoint in enumerate(CHECKPOINTS):
            auc = model["after"][checkpoint]["auc"]
            tall = max(0.0, (auc - 0.5) * 2 * (height - 50))
            x = position * step + number * (bar + 4) + 10
            shapes.append(
                f'<rect x="{x:.0f}" y="{height - 30 - tall:.0f}" width="{bar}" height="{tall:.0f}" fill="{colour}">'
                f"<title>{html.escape(name)}: AUC {auc:.3f}</title></rect>"
            )
    for position, checkpoint in enumerate(CHECKPOINTS):
        shapes.append(f'<text x="{position * step + 10:.0f}" y="{height - 10}" font-size="13">{checkpoint}</text>')
    legend = " ".join(
        f'<span style="color:{_AUC_COLOURS[number % len(_AUC_COLOURS)]}">■</span> {html.escape(name)}'
        for number, name in enumerate(models)
    )
    plot = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="AUC by transfers">{"".join(shapes)}</svg>'
    return f"{plot}<p class=note>AUC after so many transfers, from 0.5 (chance) up. {legend}</p>"


def _review(models: Mapping[str, Any]) -> str:
    rows = [
        (
            html.escape(name),
            f"{m['review']['accounts']:,}",
            f"{m['review']['caught']:.1f}",
            f"{m['review']['recall']:.3f}",
            f"{m['review']['best_possible_recall']:.3f}",
        )
        for name, m in models.items()
    ]
    budget = format_ppm(next(iter(models.values()))["review"]["budget_ppm"])
    head = ("model", "reviewed", "caught", "recall", "best possible")
    return f"<h3>With a review budget of {budget} of the accounts</h3>" + _table(head, rows, ours=0)


def _lateness(models: Mapping[str, Any]) -> str:
    rows = [(html.escape(name), *lateness_cells(model["lateness"])) for name, model in models.items()]
    text = "<p>Flags at any time, and how much came between an account's first transfer and its first flag.</p>"
    return "<h3>How early, and at what price</h3>" + text + _table(("model", *LATENESS_HEAD), rows, ours=0)


def _alerts(alerts: Sequence[Mapping[str, Any]], most: int = 50) -> str:
    rows = []
    for alert in alerts[:most]:
        reasons = html.escape("; ".join(reason["words"] for reason in alert["reasons"]))
        rows.append(
            (f"{alert['block_number']:,}", f"<code>{alert['account']}</code>", format_ppm(alert["score_ppm"]), reasons)
        )
    more = f"<p class=note>The first {most} of {len(alerts):,}.</p>" if len(alerts) > most else ""
    return "<h2>Alerts</h2>" + _table(("block", "account", "score", "reasons"), rows) + more
