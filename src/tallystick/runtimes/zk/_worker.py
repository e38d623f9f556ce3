"""A process of its own that calls ezkl: its logs, panics and memory stay out of ours.

Run as a script with a job on standard input: a JSON list of steps, each a function of ezkl and its arguments. Writes
one JSON object to what was standard output: {"results": [...]} or {"results": [...], "step": name, "error": text}.
Standard output itself is turned to standard error, for whatever the library prints. Imports nothing of ours.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["main", "run_job"]


def run_job(steps: list[tuple[str, dict[str, Any]]], note: Callable[[str], None] = lambda text: None) -> dict[str, Any]:
    """Call one function after the other until one fails; a panic is not an ``Exception``, and fails a step too."""
    results: list[Any] = []
    for name, arguments in steps:
        try:
            results.append(_call(name, arguments))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            note(f"{name}: {error}")
            return {"results": results, "step": name, "error": f"{type(error).__name__}: {error}"}
    return {"results": results}


def _call(name: str, arguments: dict[str, Any]) -> Any:
    import ezkl

    function = getattr(ezkl, name)
    if "py_run_args" in arguments:
        arguments = {**arguments, "py_run_args": _run_args(ezkl.PyRunArgs(), arguments["py_run_args"])}

    async def call() -> Any:  # some of its functions are coroutines, and want a loop at the call
        result = function(**arguments)
        return await result if inspect.isawaitable(result) else result

    return asyncio.run(call())


def _run_args(made: Any, wanted: Mapping[str, Any]) -> Any:
    for name, value in wanted.items():
        setattr(made, name, value)
    return made


def main() -> None:
    """Do the job that stands on standard input."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with answer:
        json.dump(run_job(json.load(sys.stdin)), answer, default=list)  # bytes as lists


if __name__ == "__main__":
    main()
