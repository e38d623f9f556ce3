"""A program in words and numbers, for people and for JSON."""

from __future__ import annotations

from typing import Any

from tallystick.exact._program import Program

__all__ = ["describe", "program_text"]


def describe(program: Program) -> dict[str, Any]:
    """Summary of a program; every value is text, an integer, or a list or dictionary of them.

    Examples
    --------
    >>> from tallystick.exact import ErrorBound, Feature
    >>> program = Program((Feature("age_s", 0, 9),), bytes(32), (), 24, 5, ErrorBound(0, "by hand"))
    >>> describe(program)["trees"], describe(program)["base"]
    (0, 5)
    """
    used = [0] * len(program.features)
    for tree in program.trees:
        for feature in tree.feature:
            used[feature] += 1
    reach = program.calibration.raw_reaching(program.threshold_ppm)
    return {
        "hash": "0x" + program.hash.hex(),
        "format": 1,
        "kind": "sum of trees",
        "bytes": len(program.to_bytes()),
        "feature_spec_hash": "0x" + program.feature_spec_hash.hex(),
        "features": [
            {"name": feature.name, "low": feature.low, "high": feature.high, "splits": count}
            for feature, count in zip(program.features, used, strict=True)
        ],
        "trees": len(program.trees),
        "nodes": sum(len(tree.feature) for tree in program.trees),
        "leaves": sum(len(tree.leaf) for tree in program.trees),
        "depth": max((tree.depth for tree in program.trees), default=0),
        "scale_bits": program.scale_bits,
        "base": program.base,
        "bias": program.base + sum(tree.value[0] for tree in program.trees),
        "calibration_steps": len(program.calibration.raw),
        "threshold_ppm": program.threshold_ppm,
        "threshold_raw": reach,
        "error_bound": program.error_bound.numerator,
        "error_bound_derivation": program.error_bound.derivation,
        "metadata": dict(sorted(program.metadata.items())),
    }


def program_text(program: Program) -> str:
    """Return the whole program as text, one line for each node and leaf: what a reviewer reads and a diff compares."""
    lines = [f"program 0x{program.hash.hex()}"]
    summary = describe(program)
    lines += [f"{name}: {summary[name]}" for name in summary if name not in ("hash", "features")]
    for index, feature in enumerate(program.features):
        lines.append(f"feature {index} {feature.name} in [{feature.low}, {feature.high}]")
    for raw, ppm in zip(program.calibration.raw, program.calibration.ppm, strict=True):
        lines.append(f"from raw {raw}: {ppm} ppm")
    for index, tree in enumerate(program.trees):
        lines.append(f"tree {index}")
        for node in range(len(tree.feature)):
            name = program.features[tree.feature[node]].name
            left, right = (_child(tree.left[node]), _child(tree.right[node]))
            lines.append(f"  node {node}: {name} <= {tree.threshold[node]} ? {left} : {right}  mean {tree.value[node]}")
        lines += [f"  leaf {number}: {value}" for number, value in enumerate(tree.leaf)]
    return "\n".join(lines) + "\n"


def _child(child: int) -> str:
    return f"node {child}" if child >= 0 else f"leaf {~child}"
