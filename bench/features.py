"""Our feature engine against IBM's Graph Feature Preprocessor (PyPI `snapml`), on the same streams in one run.

    python bench/features.py                 speed, as a table
    python bench/features.py --json          one JSON object
    python bench/features.py --quick         small parts of everything, in under a minute
    python bench/features.py --scale         cost per transfer and account from 1 to 20 million accounts too
    python bench/features.py --quality       LightGBM on our features and on the peer's too
    python bench/features.py --streams generated,tsgn --transfers 1000000

One process on one core. Both engines take the same transfers in turns, a piece at a time, after compilation and after
both have the state of what came before. Inputs are prepared outside the clock for both; the peer is given account
numbers, ours interns addresses inside the clock. docs/explanation/performance.md says what the figures mean.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from _features.engines import COMPARABLE, WINDOW_S, families, peer_parameters, peer_version
from _features.inputs import NAMES, Inputs
from _features.machine import ColdStart, facts, peer_has_a_wheel
from _features.quality import accounts_quality, transfers_quality
from _features.report import text
from _features.scale import measure_scale
from _features.speed import measure_stream, warm_up
from _features.streams import Stream

from tallystick import __version__
from tallystick.learn import Recipe
from tallystick.settings import load_settings

TRANSFERS, QUICK_TRANSFERS = 5_000_000, 40_000


def measure(inputs: Inputs, options: argparse.Namespace, cores: list[int]) -> dict[str, Any]:
    """Everything that was asked for."""
    quick = options.quick
    # In quick runs the first use is measured beside the rest, on another core where there is one.
    cold = ColdStart(cores[0] if quick else cores[-1])
    cold_s = None if quick else cold.seconds()
    peer = has_peer()
    warm_up(peer)
    result: dict[str, Any] = {"streams": [], "scale": [], "quality": []}
    for name in options.streams:
        stream = inputs.stream(name)
        result["streams"].append(measure_stream(stream, inputs.plan(name), peer))
        if peer and (quick or options.quality):
            result["quality"] += quality(inputs, stream, quick)
        del stream
    if quick or options.scale:
        result["scale"] = measure_scale(*((1_000, 1, 2_000) if quick else (1_000_000, 3, 500_000)))
    return {
        **result,
        "cold_start_s": cold.seconds() if cold_s is None else cold_s,
        "peer_version": peer_version(),
        "peer_parameters": peer_parameters(),
        "families": {"comparable": families(COMPARABLE), "everything": families()},
        "window_s": WINDOW_S,
        "machine": facts(cores[-1]),
        "version": __version__,
        "quick": quick,
    }


def quality(inputs: Inputs, stream: Stream, quick: bool) -> list[dict[str, Any]]:
    """What there is truth for: transfers of the generated stream, accounts of tsgn."""
    if stream.name == "generated":
        return list(transfers_quality(*inputs.planted(), rounds=20 if quick else 200))
    if stream.name == "tsgn":
        recipe = Recipe(rounds=20) if quick else Recipe()
        return list(accounts_quality(stream, inputs.labels("tsgn"), recipe))
    return []


def has_peer() -> bool:
    """Whether there is a peer to measure; where there could be and it is not installed, that is an error."""
    if find_spec("snapml"):
        return True
    if peer_has_a_wheel():
        sys.exit("the peer is not installed: pip install 'tallystick[bench]'")
    print("the peer has no wheel for this Python or machine; ours is measured alone", file=sys.stderr)
    return False


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="small parts of everything")
    parser.add_argument("--scale", action="store_true", help="1 to 20 million accounts")
    parser.add_argument("--quality", action="store_true", help="models on both engines' features")
    parser.add_argument("--data", type=Path, help="folder of the public data sets")
    parser.add_argument("--transfers", type=int, help=f"of the generated stream, {TRANSFERS:,} unless told")
    parser.add_argument("--streams", default=",".join(NAMES), help="some of %(default)s; empty for none")
    options = parser.parse_args()
    options.streams = [name for name in options.streams.split(",") if name]
    if unknown := set(options.streams) - set(NAMES):
        parser.error(f"no stream {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return options


def main() -> None:
    options = arguments()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    settings = load_settings().settings
    if options.data:
        settings = replace(settings, data=options.data)
    transfers = options.transfers or (QUICK_TRANSFERS if options.quick else TRANSFERS)
    result = measure(Inputs(settings, transfers, options.quick), options, cores)
    print(json.dumps(result, sort_keys=True) if options.json else text(result))


if __name__ == "__main__":
    main()
