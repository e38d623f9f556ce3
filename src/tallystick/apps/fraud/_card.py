"""Model cards: what a model is, what it was trained on, how well it did, what it cannot do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.apps.fraud._snapshot_card import CROSS_VALIDATION, cross_validation_markdown
from tallystick.learn import CHECKPOINTS

__all__ = ["LATENESS_HEAD", "card_markdown", "lateness_cells", "measures_markdown", "models_in_order"]


LATENESS_HEAD: Final = (
    "positives flagged",
    "at the first transfer",
    "transfers, mean",
    "90 %",
    "ether, mean",
    "90 %",
    "innocent flagged",
)


def card_markdown(card: Mapping[str, Any]) -> str:
    """Write a card for people."""
    data, program, made = card["data"], card["program"], card["made_with"]
    facts = {
        "program hash": f"`{program['hash']}`",
        "feature spec": f"`{program['feature_spec_hash']}`",
        "shape": f"{program['trees']} trees, {program['nodes']} splits, depth at most {program['depth']}",
        "features": f"{program['features_used']} used of {program['features']}",
        "distance to the float model": f"at most {program['error_bound']} × 2^-{program['scale_bits']} log-odds",
        "flag": f"at {program['threshold_ppm']:,} ppm or more",
        "trained on": f"`{data['source']}`: {data['transfers']:,} transfers read",
        "labelled accounts": f"{data['accounts']:,}, of them {data['positives']:,} positive",
        "content of that data": f"SHA-256 `{data['content_hash']}`",
        "made with": f"tallystick {made['tallystick']}, LightGBM {made['lightgbm']}, {made['platform']}",
        "again": f"`{card['command']}`",
    }
    table = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    limits = "\n".join(f"* {line}" for line in card["limits"])
    return f"""# {card["title"]}

{card["summary"]}

| | |
|---|---|
{table}

## How well it does

{card["evaluation_note"]}

{measures_markdown(card["evaluation"])}
## What it cannot do

{limits}
"""


def models_in_order(evaluation: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Measures by model, ours first, each by checkpoint from the first to the end; JSON keeps no order."""
    models = evaluation["models"]
    names = ["tallystick", *(name for name in models if name != "tallystick")]
    return {name: {**models[name], "after": {key: models[name]["after"][key] for key in CHECKPOINTS}} for name in names}


def measures_markdown(evaluation: Mapping[str, Any]) -> str:
    """Write the measures of a model and its baselines as Markdown tables."""
    protocol = evaluation["protocol"]
    if protocol.get("kind") == CROSS_VALIDATION:
        return cross_validation_markdown(evaluation)
    test = protocol["test"]
    lines = [
        f"Judged on {test['accounts']:,} accounts ({test['positives']:,} positive); split: {protocol['split']}.",
        "",
        "| model | after | accounts | precision | recall | F1 | average precision | AUC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    models = models_in_order(evaluation)
    for name, model in models.items():
        for checkpoint, m in model["after"].items():
            numbers = " | ".join(f"{m[key]:.3f}" for key in ("precision", "recall", "f1", "average_precision", "auc"))
            lines.append(f"| {name} | {checkpoint} | {m['accounts']} | {numbers} |")
    lines += ["", "| model | reviewed | caught | recall | best possible |", "|---|---|---|---|---|"]
    for name, model in models.items():
        r = model["review"]
        lines.append(
            f"| {name} | {r['accounts']} | {r['caught']:.1f} | {r['recall']:.3f} | {r['best_possible_recall']:.3f} |"
        )
    lines += [
        "",
        "How early: flags at any time, and how much came between an account's first transfer and its first flag.",
        "",
        f"| model | {' | '.join(LATENESS_HEAD)} |",
        "|---" * (1 + len(LATENESS_HEAD)) + "|",
    ]
    for name, model in models.items():
        lines.append(f"| {name} | {' | '.join(lateness_cells(model['lateness']))} |")
    return "\n".join(lines) + "\n"


def lateness_cells(late: Mapping[str, Any]) -> list[str]:
    """One model's row of the table on lateness."""
    numbers = [
        f"{late[key][q]:.2f}" if late[key] else "" for key in ("transfers", "value_ether") for q in ("mean", "p90")
    ]
    return [
        f"{late['flagged']} of {late['positives']}",
        f"{late['at_first_transfer']}",
        *numbers,
        f"{late['innocent_flagged']} of {late['innocent']}",
    ]
