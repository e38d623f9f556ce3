from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tallystick.store import TRANSFERS, Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.open(tmp_path / "project", command="test") as opened:
        yield opened


@pytest.fixture
def child() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python code with arguments in a process of its own."""

    def run(code: str, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)

    return run


@pytest.fixture
def transfers() -> Callable[..., pa.Table]:
    """Make rows of the transfers table: one per value, in wei."""

    def make(*values: int, start: int = 0) -> pa.Table:
        rows = [
            {
                "chain_id": 1,
                "block_number": start + number,
                "timestamp": 1_600_000_000 + start + number,
                "transaction_index": 0,
                "transfer_index": 0,
                "transaction_hash": (start + number).to_bytes(32, "big"),
                "from_address": bytes([1] * 20),
                "to_address": bytes([2] * 20) if number % 2 else None,
                "erc20": None,
                "value_binary": value.to_bytes(32, "big"),
                "gas_used": 21_000,
                "gas_price": None,
                "method": None,
                "success": True,
            }
            for number, value in enumerate(values)
        ]
        return pa.Table.from_pylist(rows, schema=TRANSFERS.schema)

    return make
