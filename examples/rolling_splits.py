"""Judge a recipe on rolling time splits: the experiment behind docs/log.md.

    python examples/rolling_splits.py xblock:../shared/data/tsgn
    python examples/rolling_splits.py xblock:../shared/data/tsgn --set num_leaves=5 --leave-out 'partner/*'

Accounts are ranked by first appearance. At each cut, the accounts before it train and those after it are
judged. Prints the mean over the cuts of AUC after 1, 3, 5 and 10 transfers and at the end, and of F1 at the
end where log-odds of 0 are the threshold.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from tallystick.exact import FastProgram
from tallystick.features import FAMILIES, SPEC, EngineOptions
from tallystick.learn import (
    CHECKPOINTS,
    PARAMETERS,
    AccountRows,
    Recipe,
    RowScores,
    TimeSplit,
    account_rows,
    binary_labels,
    fit,
    judge,
    label_array,
    verdicts,
)
from tallystick.sources import open_source

CUTS = (750, 850, 950, 1_050, 1_150, 1_250)  # accounts, of the 1,515 of tsgn


def read(text: str, window_s: int = EngineOptions().window_s) -> tuple[AccountRows, np.ndarray]:
    """Feature rows of a source's labelled accounts, and their labels."""
    source = open_source(text)
    table = source.labels()
    if table is None:
        sys.exit(f"{text} has no labels")
    by_address = binary_labels(table)
    rows = account_rows(source.batches(), by_address, EngineOptions(window_s=window_s))
    return rows, label_array(rows, by_address)


def matching(patterns: list[str]) -> list[str]:
    """Features whose ``family/name`` fits one of the patterns; each pattern must fit some."""
    known = [f"{family}/{feature.name}" for family, module in FAMILIES.items() for feature in module.FEATURES]
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            sys.exit(f"no feature fits {pattern!r}; `tally features --list` shows families and names")
    return [name for name in known if any(fnmatch.fnmatch(name, pattern) for pattern in patterns)]


def without(rows: AccountRows, features: list[str]) -> AccountRows:
    """Make features constant, so that no tree can use them."""
    values = rows.rows.copy()
    for feature in features:
        values[:, SPEC.names.index(feature.partition("/")[2])] = 0
    return replace(rows, rows=values)


def measure(rows: AccountRows, labels: np.ndarray, recipe: Recipe, cut: int) -> list[float]:
    """AUC at each checkpoint, then F1 at the end, of one cut."""
    times = np.sort(rows.first_time)
    split = TimeSplit(int(times[cut])).apply(rows, SPEC)
    raw, _ = FastProgram(fit(split.train, labels, recipe)).score(split.test.rows)
    after = judge(verdicts(split.test, RowScores(raw, raw >= 0)), labels, 10_000)["after"]
    return [after[key]["auc"] for key in CHECKPOINTS] + [after["end"]["f1"]]


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="KIND:PATH with labels")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=JSON", help="LightGBM parameters")
    parser.add_argument("--rounds", type=int, default=Recipe().rounds)
    parser.add_argument("--seed", type=int, default=Recipe().seed)
    parser.add_argument("--leave-out", nargs="*", default=[], metavar="PATTERN", help="FAMILY/NAME, * for anything")
    parser.add_argument("--window", type=int, default=EngineOptions().window_s, help="of motifs, seconds")
    arguments = parser.parse_args()
    changes: dict[str, Any] = {
        name: json.loads(value) for name, value in (item.split("=", 1) for item in arguments.set)
    }
    recipe = Recipe(rounds=arguments.rounds, parameters={**PARAMETERS, **changes}, seed=arguments.seed)
    left_out = matching(arguments.leave_out)
    rows, labels = read(arguments.source, arguments.window)
    rows = without(rows, left_out)
    found = np.array([measure(rows, labels, recipe, cut) for cut in CUTS])
    names = [f"AUC {key}" for key in CHECKPOINTS] + ["F1 end"]
    means = zip(names, found.mean(axis=0), strict=True)
    sys.stdout.write("  ".join(f"{name} {value:.4f}" for name, value in means) + "\n")


if __name__ == "__main__":
    main()
