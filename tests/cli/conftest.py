from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .calls import finish, good, start
from .streams import write_stream

COMMIT_TRANSFERS = 8


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Work in a fresh folder, with no setting of ours in the environment."""
    for name in [name for name in os.environ if name.startswith("TALLY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TALLY_RPC_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small labelled stream."""
    return write_stream(tmp_path_factory.mktemp("stream"))


@dataclass(frozen=True)
class Kept:
    """A finished run on a chain that another process keeps up."""

    project: Path
    source: str
    url: str
    accounts: list[dict[str, str]]
    report: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.project / "reports" / "run.json").read_text(encoding="utf-8"))
        return content

    @property
    def contracts(self) -> list[str]:
        """What another machine needs to find the commitments."""
        record = self.record
        flags = ["--model-id", record["model_id"], "--rpc-url", self.url]
        return [*flags, "--registry", record["registry"], "--prediction-log", record["prediction_log"]]

    def copy(self, target: Path, **changes: Any) -> Path:
        """Copy of the project without its chain, its record changed."""
        shutil.copytree(self.project, target, ignore=shutil.ignore_patterns("chain", "lock"))
        record = {**self.record, **changes}
        (target / "reports" / "run.json").write_text(json.dumps(record), encoding="utf-8")
        return target

    def table(self, project: Path, name: str) -> Path:
        """File of the run's only part."""
        [part] = (project / "tables" / name / self.report["run"]).iterdir()
        return part


@pytest.fixture(scope="session")
def kept(stream: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """One run for the whole session; change copies only."""
    folder = tmp_path_factory.mktemp("kept")
    chain = start("chain", "up", "--json", folder=folder)
    try:
        assert chain.stdout is not None
        facts = json.loads(chain.stdout.readline())
        project, source = folder / "tally-data", f"xblock:{stream}"
        arguments = ("run", source, "-m", "tsgn-v1", "--project", project, "--commit-transfers", COMMIT_TRANSFERS)
        report = good(*arguments, "--json").json
        yield Kept(project, source, facts["url"], facts["accounts"], report)
    finally:
        chain.send_signal(signal.SIGINT)
        done = finish(chain)
    assert done.code == 0, done.err
    assert "stopped" in done.err
