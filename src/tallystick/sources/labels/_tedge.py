"""Labels of T-EDGE's node table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.errors import RangeError
from tallystick.sources._files import find_table
from tallystick.sources._synthetic import NETWORK, node_address
from tallystick.sources.labels._label import Label
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import Row, csv_labels, naming

__all__ = ["read_tedge_labels"]

_CATEGORIES: Final = {"1.0": "phishing", "1": "phishing", "0.0": "normal", "0": "normal"}


def read_tedge_labels(request: LabelRequest) -> Iterator[Label]:
    """``nodes.csv[.gz]``: ``id, label, has_label``; a node without a label gives no row.

    Addresses are the synthetic ones of the ``tedge`` source, and the network is ``tedge``: they must never be taken
    for accounts of a real chain. The labels are the truth that models are judged by: their confidence is one.
    """
    file = find_table(request.path, "nodes")
    source = request.source(f"tedge:{file.name}")

    def make(row: Row) -> list[Label]:
        with naming("id"):
            address = "0x" + node_address(row["id"]).hex()
        if row["has_label"].lower() != "true":
            return []
        with naming("label"):
            if row["label"] not in _CATEGORIES:
                raise RangeError("label is neither 0 nor 1", value=row["label"][:80])
        return [Label(address, NETWORK, _CATEGORIES[row["label"]], source, f"id={row['id']}")]

    return csv_labels(file, ("id", "label", "has_label"), make, request.bad_rows)
