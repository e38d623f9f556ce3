"""The table of measures on the card of a model that was judged by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["CROSS_VALIDATION", "cross_validation_markdown"]

CROSS_VALIDATION: Final = "cross-validation"  # a protocol's kind


def cross_validation_markdown(evaluation: Mapping[str, Any]) -> str:
    """Write the measures as a Markdown table."""
    protocol, models = evaluation["protocol"], evaluation["models"]
    names = ["tallystick", *(name for name in models if name != "tallystick")]
    keys = ("accuracy", "precision", "recall", "f1", "auc")
    lines = [
        f"Judged on {protocol['accounts']:,} accounts ({protocol['positives']:,} positive); {protocol['split']}.",
        f"After ± stands the standard deviation over the repeats; a sample of {protocol['accounts']:,} accounts by "
        f"itself gives an accuracy of {models['tallystick']['after']['end']['accuracy']:.3f} a standard error of "
        f"{protocol['standard_error']:.3f}.",
        "",
        "| model | accuracy | precision | recall | F1 | AUC |",
        "|---|---|---|---|---|---|",
    ]
    for name in names:
        found, sd = models[name]["after"]["end"], models[name]["sd"]
        cells = " | ".join(f"{found[key]:.3f} ± {sd[key]:.3f}" for key in keys)
        lines.append(f"| {name} | {cells} |")
    return "\n".join(lines) + "\n"
