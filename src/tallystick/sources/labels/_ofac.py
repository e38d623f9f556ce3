"""Sanctioned addresses by asset, one address a line, as extracted from OFAC's list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tallystick.errors import RangeError, SourceError
from tallystick.sources._bad_rows import BadRows
from tallystick.sources.labels._label import Label, normal_address, parse_known, parse_time
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import Row, csv_labels, naming, read_text, table_files
from tallystick.sources.labels._vocabulary import network_of

__all__ = ["read_ofac_labels"]

_PREFIX: Final = "sanctioned_addresses_"


def read_ofac_labels(request: LabelRequest) -> Iterator[Label]:
    """``sanctioned_addresses_ASSET.txt`` of a folder, or one such file.

    The files say that an address is on the list, not since when: ``valid_from`` is null. A list is
    as old as its snapshot: Tornado Cash, delisted on 2025-03-21, stands in every list taken before.
    A delistings file (``address, valid_to`` and optionally ``valid_from, known_from``; the request's, or
    ``delistings.csv`` beside the list) gives the times that are known. The network follows the asset; tokens on several
    networks (USDT, USDC) go by the form of the address.
    """
    files = table_files(request.path, f"{_PREFIX}*.txt")
    folder = request.path if request.path.is_dir() else request.path.parent
    beside = folder / "delistings.csv"
    known = request.delistings or (beside if beside.is_file() else None)
    times = _times(known, request.bad_rows) if known else {}
    for file in files:
        yield from _file_labels(file, request, times)


def _file_labels(file: Path, request: LabelRequest, times: Mapping[str, Label]) -> Iterator[Label]:
    asset = file.name.removeprefix(_PREFIX).split(".")[0]
    if not file.name.startswith(_PREFIX) or not asset:
        raise SourceError(f"the file's name is not {_PREFIX}ASSET.txt", file=str(file))
    source = request.source(f"ofac:{file.name}")
    for line, text in enumerate(read_text(file).splitlines(), start=1):
        if not text.strip():
            continue
        try:
            address = normal_address(text.strip())
        except RangeError as error:
            cause = f"{error.cause}: {text[:80]!r}"
            request.bad_rows.report(cause, file=str(file), line=line, column="address", error=error)
            continue
        label = Label(address, network_of(asset, address), "sanction", source, asset)
        if address in times:
            known = times[address]
            label = replace(label, valid_from=known.valid_from, valid_to=known.valid_to, known_from=known.known_from)
        yield label


def _times(file: Path, bad: BadRows) -> dict[str, Label]:
    """Labels that carry only times, by address."""

    def make(row: Row) -> list[Label]:
        with naming("address"):
            address = normal_address(row["address"])
        with naming("valid_from"):
            begins = parse_time(row["valid_from"]) if row.get("valid_from") else None
        with naming("valid_to"):
            ends = parse_time(row["valid_to"])
        with naming("known_from"):
            known = parse_known(row["known_from"]) if row.get("known_from") else None
        return [Label(address, "", "", "", valid_from=begins, valid_to=ends, known_from=known)]

    if not file.is_file():
        raise SourceError("no such delistings file", file=str(file))
    return {label.address: label for label in csv_labels(file, ("address", "valid_to"), make, bad)}
