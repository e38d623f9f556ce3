"""The compiled contracts that ship with the package; ``scripts/compile_contracts`` writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

__all__ = ["Artifact", "load_artifact"]


@dataclass(frozen=True)
class Artifact:
    """A compiled contract: interface, deployment code, and what both were made from."""

    name: str
    compiler: str
    sources: dict[str, str]
    abi: list[dict[str, Any]]
    bytecode: str


def load_artifact(name: str) -> Artifact:
    """Read a contract's artefact: ``ModelRegistry`` or ``PredictionLog``.

    Examples
    --------
    >>> load_artifact("ModelRegistry").compiler
    'vyper 0.4.3'
    """
    text = (files("tallystick.ledger") / "artifacts" / f"{name}.json").read_text(encoding="utf-8")
    return Artifact(**json.loads(text))
