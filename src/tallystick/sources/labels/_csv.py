"""Plain CSV of labels, as a user would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tallystick.errors import RangeError
from tallystick.sources._files import find_table
from tallystick.sources.labels._label import Label, normal_address, parse_confidence, parse_known, parse_time
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import Row, csv_labels, naming
from tallystick.units import PPM_ONE

__all__ = ["read_csv_labels"]


def read_csv_labels(request: LabelRequest) -> Iterator[Label]:
    """``address,category[,network,source,detail,confidence,valid_from,valid_to,known_from]``, plain or gzip.

    ``confidence`` is a decimal in [0, 1], one where absent or empty; times are Unix seconds, a day or an
    ISO 8601 time in UTC, a day being its first second for ``valid_from`` and ``valid_to`` and over before it counts for
    ``known_from``; ``network`` is ``ethereum`` where absent; the path may be a folder with ``labels.csv[.gz]``.
    """
    file = find_table(request.path, "labels")
    own = request.source(f"csv:{file.name}")

    def make(row: Row) -> list[Label]:
        with naming("address"):
            address = normal_address(row["address"])
        with naming("category"):
            category = row["category"].strip()
            if not category:
                raise RangeError("category is empty", value="")
        with naming("confidence"):
            confidence = parse_confidence(row["confidence"]) if row.get("confidence") else PPM_ONE
        begins = _time(row, "valid_from")
        ends = _time(row, "valid_to")
        known = _time(row, "known_from", parse_known)
        with naming("valid_to"):
            if begins is not None and ends is not None and ends < begins:
                raise RangeError("ends before it begins", value=row["valid_to"])
        network = (row.get("network") or "ethereum").lower()
        source, detail = row.get("source") or own, row.get("detail") or None
        return [Label(address, network, category, source, detail, confidence, begins, ends, known)]

    return csv_labels(file, ("address", "category"), make, request.bad_rows)


def _time(row: Row, column: str, parse: Callable[[str], int] = parse_time) -> int | None:
    with naming(column):
        return parse(row[column]) if row.get(column) else None
