"""GraphSense TagPacks: attribution tags in YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from tallystick.errors import RangeError, SourceError
from tallystick.sources.labels._label import Label, normal_address, parse_known
from tallystick.sources.labels._read import LabelRequest
from tallystick.sources.labels._rows import naming, read_text
from tallystick.sources.labels._vocabulary import category_of, network_of

__all__ = ["CONFIDENCE_PERCENT", "read_graphsense_labels"]

CONFIDENCE_PERCENT: Final = {
    "override": 100,
    "ownership": 100,
    "ledger_immanent": 100,
    "manual_transaction": 90,
    "service_api": 70,
    "forensic_investigation": 70,
    "authority_data": 60,
    "trusted_provider": 50,
    "service_data": 50,
    "forensic": 50,
    "untrusted_transaction": 40,
    "web_crawl": 20,
    "heuristic": 10,
    "unknown": 5,
}
"""Levels of GraphSense's confidence taxonomy (graphsense-tagpack-tool, ``confidence.csv``)."""

_REMARK = re.compile(r"(\S+)\s+\((.*)\)")

# Text only: YAML's own types would turn an unquoted 0x… address into a number.
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_graphsense_labels(request: LabelRequest) -> Iterator[Label]:
    """A TagPack (``.yaml``, plain or gzip), or every TagPack of a folder.

    A tag inherits from its pack's head what it does not say itself. The category is the tag's ``abuse``, else
    its ``category``, else its first concept, else ``unspecified``; ``mixing_service`` and ``coinjoin`` give ``mixer``,
    ``service_hack`` gives ``hack``. The detail is the label, with a remark behind the address,
    the tag's source and last change.
    Confidence is the taxonomy's level; a pack without one counts as ``unknown``, 5 %. TagPacks
    date their last change, not the fact: ``valid_from`` and ``valid_to`` are null, and ``known_from`` is the
    last change (``lastmod``), the day after where it names a day: what a tag says now it may have said before, and
    had said by then. A tag whose pack has no ``lastmod`` states no date.
    """
    files = [request.path] if request.path.is_file() else _packs(request.path)
    for file in files:
        yield from _file_labels(file, request)


def _packs(folder: Path) -> list[Path]:
    found = sorted(path for end in ("yaml", "yml") for path in (*folder.glob(f"*.{end}"), *folder.glob(f"*.{end}.gz")))
    if not found:
        raise SourceError("the folder has no TagPack (.yaml, .yaml.gz)", file=str(folder))
    return found


def _file_labels(file: Path, request: LabelRequest) -> Iterator[Label]:
    pack = _load(file)
    source = request.source(f"graphsense:{file.name}")
    for index, tag in enumerate(pack["tags"]):
        try:
            if not isinstance(tag, dict):
                raise RangeError("tag is not a mapping", value=str(tag)[:80], name="tags")
            label = _label({**pack, **tag}, source)
        except RangeError as error:
            cause = f"{error.cause}: {error.where.get('value')!r}"
            column = str(error.where.get("name", "address"))
            request.bad_rows.report(cause, file=str(file), line=_line(file, index), column=column, error=error)
            continue
        yield label


def _load(file: Path) -> dict[str, Any]:
    try:
        pack = yaml.load(read_text(file), Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        cause = f"not valid YAML: {getattr(error, 'problem', error)}"
        raise SourceError(cause, file=str(file), line=line) from error
    if not isinstance(pack, dict) or not isinstance(pack.get("tags"), list):
        raise SourceError("not a TagPack: it has no list of tags", file=str(file))
    return pack


def _label(tag: dict[str, Any], source: str) -> Label:
    for name in ("address", "currency", "label"):
        if not isinstance(tag.get(name), str) or not tag[name]:
            raise RangeError(f"tag has no {name}", value=str(tag.get("address"))[:80], name=name)
    confidence = tag.get("confidence") or "unknown"
    if confidence not in CONFIDENCE_PERCENT:
        raise RangeError("confidence is not in GraphSense's taxonomy", value=str(confidence)[:80], name="confidence")
    address, remark = _split_remark(tag["address"].strip())
    concepts = tag.get("concepts") or ["unspecified"]
    category = tag.get("abuse") or tag.get("category") or concepts[0]
    with naming("lastmod"):
        known = parse_known(tag["lastmod"]) if tag.get("lastmod") else None
    said = (tag["label"], remark, tag.get("source"), f"changed {tag['lastmod']}" if tag.get("lastmod") else None)
    return Label(
        address,
        network_of(tag["currency"], address),
        category_of(str(category)),
        source,
        "; ".join(str(part).strip() for part in said if part),
        CONFIDENCE_PERCENT[confidence] * 10_000,
        known_from=known,
    )


def _split_remark(text: str) -> tuple[str, str | None]:
    """Address and the remark in parentheses that some packs put behind it."""
    remark = _REMARK.fullmatch(text)
    return (normal_address(remark[1]), remark[2]) if remark else (normal_address(text), None)


def _line(file: Path, index: int) -> int:
    """Line of a tag; the file is read once more, with places."""
    root: Any = yaml.compose(read_text(file), Loader=_LOADER)
    tags = next(value for key, value in root.value if key.value == "tags")
    return int(tags.value[index].start_mark.line) + 1
