"""Labels of XBlock's data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tallystick.sources._files import find_table
from tallystick.sources.labels._label import Label, normal_address
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import Row, csv_labels

__all__ = ["read_xblock_labels"]

_UNKNOWN: Final = "unknown"


def read_xblock_labels(request: LabelRequest) -> Iterator[Label]:
    """``labels.csv[.gz]``: ``address, label`` and anything else, which goes into ``detail``.

    The category is the label as it stands (``phishing``, ``normal``, ``labelled_benign_or_other``). An account
    marked ``unknown`` has no label and gives no row. The set states no confidence: its labels are
    the truth that models are judged by, so theirs is one.
    """
    file = find_table(request.path, "labels")
    source = request.source(f"xblock:{file.name}")

    def make(row: Row) -> list[Label]:
        if row["label"] == _UNKNOWN:
            normal_address(row["address"])
            return []
        others = (f"{name}={text}" for name, text in row.items() if name not in ("address", "label") and text)
        detail = "; ".join(others) or None
        return [Label(normal_address(row["address"]), "ethereum", row["label"], source, detail)]

    return csv_labels(file, ("address", "label"), make, request.bad_rows)
