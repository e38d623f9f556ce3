"""The record of a project's last run: what `commit` and `verify` need to take it up again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from tallystick.errors import Corrupt, StoreError
from tallystick.store import write_bytes

__all__ = ["RunRecord", "read_record", "write_record"]

_FILE: Final = "reports/run.json"


@dataclass(frozen=True)
class RunRecord:
    """One run.

    Parameters
    ----------
    source
        As the user wrote it, without what may be secret in a URL; ``rpc:embedded`` is the project's own chain.
    model
        Program file.
    run
        Key of its rows in the tables.
    from_time
        UTC seconds from which transfers are scored.
    skip_bad_rows
        Malformed rows were left out.
    model_id, chain_id, registry, prediction_log
        Where it is committed; empty and 0 before.
    """

    source: str
    model: str
    run: str
    from_time: int = 0
    skip_bad_rows: bool = False
    model_id: str = ""
    chain_id: int = 0
    registry: str = ""
    prediction_log: str = ""


def write_record(project: Path, record: RunRecord) -> None:
    """Keep a record as the project's last run."""
    write_bytes(project / _FILE, (json.dumps(asdict(record), indent=2) + "\n").encode())


def read_record(project: Path) -> RunRecord:
    """Read the project's last run.

    Raises
    ------
    StoreError
        There is none.
    Corrupt
        The file is not a record.
    """
    path = project / _FILE
    if not path.is_file():
        raise StoreError("the project has no run yet", path=path, next_step="`tally run SOURCE` makes one.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(**{field.name: content[field.name] for field in fields(RunRecord)})
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt("not a run's record", path=path) from error
