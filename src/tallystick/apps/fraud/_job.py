"""The scoring job: a stream in; predictions kept, alerts raised, block ranges committed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tallystick.apps.fraud._accounts import AccountScores, AccountTable
from tallystick.apps.fraud._alerts import Alert, Alerts
from tallystick.apps.fraud._progress import Progress, silent
from tallystick.apps.fraud._scorer import Scored, Scorer
from tallystick.apps.fraud._training import BATCH_ROWS
from tallystick.exact import Program
from tallystick.hashing import keccak256
from tallystick.ledger import CommitResult, Committer, RangeCutter
from tallystick.settings import Settings
from tallystick.sources import Source, safe_source
from tallystick.store import Manifest, Output, Project, canonical_json
from tallystick.units import format_hash

__all__ = ["JobResult", "job_key", "score_stream", "score_to_project"]


@dataclass
class JobResult:
    """What a scoring job did.

    Parameters
    ----------
    run
        Key of the rows in the project's tables.
    transfers
        Scored transfers; earlier ones only moved the state.
    skipped
        Those earlier ones.
    accounts
        Last score of every account that was scored.
    alerts
        One for each account that reached the bar of the settings.
    commits
        Block ranges on the ledger, in order.
    seconds
        Time by stage.
    """

    run: str
    transfers: int = 0
    skipped: int = 0
    accounts: AccountTable | None = None
    alerts: list[Alert] = field(default_factory=list)
    commits: list[CommitResult] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def gas_used(self) -> int:
        """Gas of the commits that were sent by this job."""
        return sum(commit.gas_used for commit in self.commits)


def score_stream(source: Source, scorer: Scorer, from_time: int = 0) -> Iterator[Scored]:
    """Score a source's transfers from a time on; those before only move the state.

    Parameters
    ----------
    from_time
        UTC seconds; a block at or after it is scored.
    """
    for table in source.batches(BATCH_ROWS):
        early = int(np.searchsorted(table["timestamp"].to_numpy(), from_time))
        if early:
            scorer.skip(table.slice(0, early).combine_chunks())
        if early < table.num_rows:
            yield scorer.score(table.slice(early).combine_chunks())


def job_key(source: Source, program: Program, from_time: int) -> str:
    """Name of a run: the same source, blocks, program and start give the same one."""
    content = {"source": source.content_hash(), "blocks": str(source.spec.range), "program": program.hash.hex()}
    return keccak256(canonical_json({**content, "from_time": from_time})).hex()[:12]


def score_to_project(
    project: Project,
    source: Source,
    scorer: Scorer,
    from_time: int,
    committer: Committer | None,
    settings: Settings,
    progress: Progress = silent,
) -> JobResult:
    """Score a source into a project's tables and, with a committer, commit range by range.

    Rows that are kept already are compared, ranges that are on the ledger are not sent again: after a stop,
    running the same job resumes it.

    Raises
    ------
    VerificationFailed
        The ledger has another root for a range than this run computes.
    StoreError
        The project holds other rows under this run's key.
    """
    result = JobResult(job_key(source, scorer.program, from_time))
    clock = _Clock(result.seconds)
    accounts, alerts = AccountScores(scorer), Alerts(scorer, settings.alert_ppm, settings.alert_after)
    transfers = project.tables.appender("transfers", result.run)
    predictions = project.tables.appender("predictions", result.run)
    cutter = RangeCutter(settings.commit_transfers, committer.committed if committer else ())
    for scored in clock.timed("read, features and scores", score_stream(source, scorer, from_time)):
        result.transfers += scored.transfers.num_rows
        with clock.stage("accounts and alerts"):
            accounts.add(scored)
            result.alerts += alerts.find(scored)
        with clock.stage("store"):
            transfers.append(scored.transfers)
            predictions.append(scored.predictions)
        if committer is not None:
            with clock.stage("commit"):
                result.commits += [committer.commit(rows) for rows in cutter.push(scored.transfers, scored.predictions)]
        progress("score", result.transfers, None)
    if committer is not None:
        with clock.stage("commit"):
            result.commits += [committer.commit(rows) for rows in cutter.finish()]
    result.accounts = accounts.table()
    parameters = {
        "alert_after": settings.alert_after,
        "alert_ppm": settings.alert_ppm,
        "from_time": from_time,
        "run": result.run,
        "source": safe_source(str(source.spec)),
    }
    _write_manifest(project, source, scorer.program, parameters, result, [*transfers.outputs, *predictions.outputs])
    return result


class _Clock:
    """Adds up the time of stages."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds = seconds

    def stage(self, name: str) -> _Stage:
        return _Stage(self._seconds, name)

    def timed(self, name: str, items: Iterator[Scored]) -> Iterator[Scored]:
        while True:
            with self.stage(name):
                item = next(items, None)
            if item is None:
                return
            yield item


class _Stage:
    def __init__(self, seconds: dict[str, float], name: str) -> None:
        self._seconds, self._name = seconds, name

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self._seconds[self._name] = self._seconds.get(self._name, 0.0) + time.perf_counter() - self._start


def _write_manifest(
    project: Project,
    source: Source,
    program: Program,
    parameters: dict[str, Any],
    result: JobResult,
    outputs: list[Output],
) -> None:
    alerts = "".join(json.dumps(alert.to_json(), sort_keys=True) + "\n" for alert in result.alerts)
    outputs = [*outputs, project.write_file(f"reports/{result.run}/alerts.jsonl", alerts.encode())]
    inputs = {"source": source.content_hash(), "program": format_hash(program.hash)}
    project.manifests.write(Manifest("predictions", inputs, tuple(outputs), parameters))
