"""Forta's lists of malicious addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from tallystick.errors import SourceError
from tallystick.sources.labels._label import Label, normal_address
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import Row, csv_header, csv_labels, naming, table_files
from tallystick.sources.labels._vocabulary import category_of

__all__ = ["read_forta_labels"]

_CONFIDENCE_PPM: Final = 500_000  # a trusted provider on GraphSense's scale; the lists state none


def read_forta_labels(request: LabelRequest) -> Iterator[Label]:
    """``etherscan_malicious_labels.csv``, ``phishing_scams.csv`` and ``malicious_smart_contracts.csv``.

    The path is the folder or one of the files, plain or gzip, told apart by their columns:

    * ``banned_address, wallet_tag, data_source``: the category is the list named in ``data_source``
      (``etherscan-phish-hack-list`` gives ``phishing``; ``exploit`` and ``heist`` give ``hack``).
    * ``address, etherscan_tag, etherscan_labels``: the category is ``etherscan_labels``.
    * ``contract_address, contract_tag, contract_creator, …``: ``hack``, for the contract and its creator.

    The lists state no confidence; theirs is 50 %, as GraphSense rates a trusted provider.
    """
    for file in table_files(request.path, "*.csv"):
        yield from _file_labels(file, request)


def _file_labels(file: Path, request: LabelRequest) -> Iterator[Label]:
    source = request.source(f"forta:{file.name}")
    header = csv_header(file)
    for column, make in (("banned_address", _banned), ("etherscan_tag", _tagged), ("contract_creator", _contract)):
        if column in header:
            required = tuple(name for name in header if "notes" not in name)
            return csv_labels(file, required, _with_source(make, source), request.bad_rows)
    raise SourceError(f"not one of Forta's lists: the header is {', '.join(header)[:200]}", file=str(file), line=1)


def _with_source(make: Callable[[Row, str], list[Label]], source: str) -> Callable[[Row], list[Label]]:
    return lambda row: make(row, source)


def _label(row: Row, column: str, category: str, source: str, detail: str) -> Label:
    with naming(column):
        address = normal_address(row[column])
    return Label(address, "ethereum", category_of(category), source, detail or None, _CONFIDENCE_PPM)


def _banned(row: Row, source: str) -> list[Label]:
    listed = row["data_source"].removeprefix("etherscan-").removesuffix("-list")
    return [_label(row, "banned_address", listed, source, row["wallet_tag"])]


def _tagged(row: Row, source: str) -> list[Label]:
    return [_label(row, "address", row["etherscan_labels"], source, row["etherscan_tag"])]


def _contract(row: Row, source: str) -> list[Label]:
    return [
        _label(row, "contract_address", "exploit", source, row["contract_tag"]),
        _label(row, "contract_creator", "exploit", source, row["contract_creator_tag"]),
    ]
