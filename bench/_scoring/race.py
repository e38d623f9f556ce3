"""Running competitors in turns, and checking that they did the work."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from _scoring.cases import SCALE_BITS, Case
from _scoring.peers import Batches, Runner
from tallystick.exact import FastProgram, score_outputs

SAMPLED_ROWS: Final = 200
FLOAT32_ERROR: Final = 1e-4  # of peers that add a hundred leaves in float32


class Plan(NamedTuple):
    """How long a race is."""

    rounds: int
    turn_s: float
    slow_turns: int  # of those that need several turns' time for a call, after the warm-up, which counts as well


def rows_per_s(runners: Sequence[Runner], batches: Batches, plan: Plan) -> dict[str, int]:
    """Best rate of each, over rounds in which each has a turn of some seconds; processor time, compiled and warm."""
    racers = [Racer(runner, batches, plan.turn_s) for runner in runners]
    for number in range(plan.rounds):
        for racer in racers if number % 2 else racers[::-1]:
            if number < plan.slow_turns or not racer.slow:
                racer.turn()
    return {racer.name: round(1 / racer.seconds_per_row) for racer in racers}


class Racer:
    """A competitor and its best turn so far."""

    def __init__(self, runner: Runner, batches: Batches, turn_s: float) -> None:
        self.name = runner.name
        self.seconds_per_row = float("inf")
        self._runner, self._batches, self._calls = runner, batches, 1
        while (spent := self.turn()) < turn_s / 4:  # warms up, and finds how many calls fill a turn
            self._calls *= 4
        self.slow = self._calls == 1 and spent > 2 * turn_s
        self._calls = max(1, round(self._calls * turn_s / spent))

    def turn(self) -> float:
        """Call batch after batch; seconds."""
        spent = spend(self._runner, self._batches, self._calls)
        self.seconds_per_row = min(self.seconds_per_row, spent / (self._calls * self._batches.size))
        return spent


def spend(runner: Runner, batches: Batches, calls: int) -> float:
    """Seconds of the process for so many calls, batch after batch."""
    call, count, prepare = runner.call, batches.count, runner.prepare
    if prepare is None or batches.size == 1:
        start = time.process_time()
        for number in range(calls):
            call(number % count)
        return time.process_time() - start
    spent = 0.0
    for number in range(calls):
        prepare(number % count)
        start = time.process_time()
        call(number % count)
        spent += time.process_time() - start
    return spent


def check_ours(case: Case, expected: npt.NDArray[np.float64]) -> int:
    """Equal to the reference on sampled rows, within the bound of LightGBM's scores on all; how many were sampled."""
    fast, rows = FastProgram(case.program), case.rows
    raw, _ = fast.score(rows)
    sample = np.linspace(0, len(rows) - 1, SAMPLED_ROWS).astype(int)
    for number in sample:
        reference = score_outputs(case.program, rows[number].tolist())[0]
        if not reference == raw[number] == fast.score_one(rows[number])[0]:
            raise SystemExit(f"row {number} is not the reference's")
    distance = np.abs(raw / (1 << SCALE_BITS) - expected).max()
    if distance > case.program.error_bound.numerator / (1 << SCALE_BITS):
        raise SystemExit(f"{distance} from LightGBM is more than the error bound")
    return len(sample)


def check_peer(runner: Runner, batches: Batches, expected: npt.NDArray[np.float64]) -> None:
    """A peer's first batches are LightGBM's raw scores; XGBoost's are those of its own model."""
    for number in range(min(batches.count, 50)):
        if runner.prepare is not None:
            runner.prepare(number)
        found = as_scores(runner.call(number))
        wanted = expected[number * batches.size : (number + 1) * batches.size]
        if found.shape != wanted.shape or np.abs(found - wanted).max() > FLOAT32_ERROR * max(1, np.abs(wanted).max()):
            raise SystemExit(f"{runner.name} does not score the model")


def as_scores(result: Any) -> npt.NDArray[np.float64]:
    """Whatever a peer returns."""
    return np.ravel(result.value if isinstance(result, ctypes.c_double) else result).astype(np.float64)


def read_gb_per_s(rows: npt.NDArray[np.int64], rounds: int) -> float:
    """How fast the rows can merely be read: added up by numpy, in a vector loop."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        rows.sum()
        best = min(best, time.process_time() - start)
    return rows.nbytes / best / 1e9
