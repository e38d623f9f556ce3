"""Exposure on real transfers: the counts that ``docs/explanation/exposure.md`` tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.features import TransferBatch, _exposure
from tallystick.features._exposure import EXPOSURE_RULES, FIFO, PIECES_CAP
from tallystick.sources import open_source

from .taints import Book, Payment

pytestmark = [pytest.mark.data, pytest.mark.slow]
PAGE = (Path(__file__).parents[2] / "docs/explanation/exposure.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stream(data_dir: Path) -> list[Payment]:
    """All transfers of ``tsgn``, its phishing accounts being sources of category 0."""
    source = open_source(f"xblock:{data_dir / 'tsgn'}")
    sources = {
        bytes.fromhex(label["address"][2:]) for label in source.labels().to_pylist() if label["category"] != "normal"
    }
    table = source.read()
    amounts = TransferBatch.from_arrow(table).amount.tolist()
    ids: dict[bytes | None, int] = {None: 0}
    return [
        Payment(ids.setdefault(payer, len(ids)), ids.setdefault(receiver, len(ids)), amount, int(payer in sources))
        for payer, receiver, amount in zip(
            table["from_address"].to_pylist(), table["to_address"].to_pylist(), amounts, strict=True
        )
    ]


def run(rule: int, stream: list[Payment]) -> tuple[Book, list[int]]:
    book = Book(rule)
    return book, [book.pay(payment).gwei[0] for payment in stream]


@pytest.mark.parametrize("rule", EXPOSURE_RULES)
def test_reach_of_each_rule_as_in_docs(rule: str, stream: list[Payment]) -> None:
    book, moved = run(EXPOSURE_RULES[rule], stream)
    assert f"| `{rule}` | {sum(gwei > 0 for gwei in moved):,} | {len(book.taints):,} |" in PAGE


def test_price_of_short_queues_as_in_docs(stream: list[Payment], monkeypatch: pytest.MonkeyPatch) -> None:
    assert PIECES_CAP == 8
    book, moved = run(FIFO, stream)
    monkeypatch.setattr(_exposure, "PIECES_CAP", 1 << 20)
    exact, exact_moved = run(FIFO, stream)
    differ = sum(a != b for a, b in zip(moved, exact_moved, strict=True))
    assert f"{differ} of {len(stream):,} payments carry another amount" in PAGE
    accounts = book.taints.keys() | exact.taints.keys()
    elsewhere = sum(abs(book.now(account)[0] - exact.now(account)[0]) for account in accounts)
    assert f"{100 * elsewhere / exact.total_now(0):.2f} % of all tainted gwei" in " ".join(PAGE.split())
