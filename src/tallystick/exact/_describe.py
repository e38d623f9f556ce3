"""A program in words and numbers, for people and for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tallystick.exact._ensemble import KIND_FOREST, KIND_TREES, TreeEnsemble
from tallystick.exact._linear import KIND_LINEAR, Linear
from tallystick.exact._mlp import KIND_MLP
from tallystick.exact._program import Program

__all__ = ["describe", "program_text"]

_KINDS: Final = {
    KIND_TREES: "sum of trees",
    KIND_FOREST: "trees by output",
    KIND_LINEAR: "linear",
    KIND_MLP: "multilayer perceptron",
}


def describe(program: Program) -> dict[str, Any]:
    """Summary of a program; every value is text, an integer, or a list or dictionary of them.

    Examples
    --------
    >>> from tallystick.exact import ErrorBound, Feature
    >>> model = TreeEnsemble((), (5,))
    >>> program = Program((Feature("age_s", 0, 9),), bytes(32), model, 24, ErrorBound(0, "by hand"))
    >>> describe(program)["trees"], describe(program)["base"]
    (0, [5])
    """
    return {
        "hash": "0x" + program.hash.hex(),
        "format": 1,
        "kind": _KINDS[program.model.kind],
        "bytes": len(program.to_bytes()),
        "feature_spec_hash": "0x" + program.feature_spec_hash.hex(),
        "features": [
            {"name": feature.name, "low": feature.low, "high": feature.high} | use
            for feature, use in zip(program.features, _uses(program), strict=True)
        ],
        "outputs": program.model.outputs,
        "decision": program.decision,
        **_size(program),
        "scale_bits": program.scale_bits,
        "calibration_steps": len(program.calibration.raw),
        "threshold_ppm": program.threshold_ppm,
        "threshold_raw": program.calibration.raw_reaching(program.threshold_ppm),
        "error_bound": program.error_bound.numerator,
        "error_bound_derivation": program.error_bound.derivation,
        "metadata": dict(sorted(program.metadata.items())),
    }


def _uses(program: Program) -> list[dict[str, int]]:
    """How much of the model looks at each feature."""
    match program.model:
        case TreeEnsemble(trees=trees):
            used = [0] * len(program.features)
            for tree in trees:
                for feature in tree.feature:
                    used[feature] += 1
            return [{"splits": count} for count in used]
        case Linear(weight=weight):
            return [{"weight": value} for value in weight[program.decision]]
        case mlp:
            columns = zip(*mlp.layers[0].weight, strict=True)
            return [{"weights": sum(value != 0 for value in column)} for column in columns]


def _size(program: Program) -> dict[str, Any]:
    match program.model:
        case TreeEnsemble(trees=trees, base=base, divisor=divisor) as model:
            roots = sum(tree.value[0] for tree in model.trees_of(program.decision))
            return {
                "trees": len(trees),
                "nodes": sum(len(tree.feature) for tree in trees),
                "leaves": sum(len(tree.leaf) for tree in trees),
                "depth": max((tree.depth for tree in trees), default=0),
                "divisor": divisor,
                "base": list(base),
                "bias": base[program.decision] + roots // divisor,
            }
        case Linear(base=base):
            return {"weights": len(base) * len(program.features), "base": list(base)}
        case mlp:
            return {
                "layers": [[layer.inputs, layer.outputs] for layer in mlp.layers],
                "weights": sum(layer.inputs * layer.outputs for layer in mlp.layers),
            }


def program_text(program: Program) -> str:
    """Return the whole program as text, a line for each node, leaf or unit: what a reviewer reads."""
    lines = [f"program 0x{program.hash.hex()}"]
    summary = describe(program)
    lines += [f"{name}: {summary[name]}" for name in summary if name not in ("hash", "features")]
    for index, feature in enumerate(program.features):
        lines.append(f"feature {index} {feature.name} in [{feature.low}, {feature.high}]")
    for raw, ppm in zip(program.calibration.raw, program.calibration.ppm, strict=True):
        lines.append(f"from raw {raw}: {ppm} ppm")
    lines += _model_lines(program)
    return "\n".join(lines) + "\n"


def _model_lines(program: Program) -> Iterator[str]:
    names = [feature.name for feature in program.features]
    match program.model:
        case TreeEnsemble() as model:
            yield from _tree_lines(model, names)
        case Linear(weight=weight, center=center):
            for name, middle, column in zip(names, center, zip(*weight, strict=True), strict=True):
                yield f"weight {name}: {_numbers(column)}  center {middle}"
        case mlp:
            for index, layer in enumerate(mlp.layers):
                yield f"layer {index}: shift {layer.shift}, clip to [{layer.low}, {layer.high}]"
                for unit, (bias, row) in enumerate(zip(layer.bias, layer.weight, strict=True)):
                    yield f"  unit {unit}: bias {bias}, weights {_numbers(row)}"


def _tree_lines(model: TreeEnsemble, names: list[str]) -> Iterator[str]:
    for index, tree in enumerate(model.trees):
        yield f"tree {index}" + (f" for output {model.output[index]}" if model.output else "")
        for node, feature in enumerate(tree.feature):
            test = f"{names[feature]} <= {tree.threshold[node]}"
            sides = f"{_child(tree.left[node])} : {_child(tree.right[node])}"
            yield f"  node {node}: {test} ? {sides}  mean {tree.value[node]}"
        for number, value in enumerate(tree.leaf):
            yield f"  leaf {number}: {value}"


def _child(child: int) -> str:
    return f"node {child}" if child >= 0 else f"leaf {~child}"


def _numbers(values: tuple[int, ...]) -> str:
    return " ".join(map(str, values))
