"""The feature families, in the order of the spec; each file holds definitions, reference and twin."""

from __future__ import annotations

from tallystick.features.families import (
    _activity,
    _approvals,
    _assets,
    _counterparties,
    _exposure,
    _fees,
    _flow,
    _kind,
    _lookalike,
    _motifs,
    _partner,
    _passing,
    _rhythm,
    _size,
)

__all__ = ["FAMILIES"]

FAMILIES = {
    "flow": _flow,
    "size": _size,
    "rhythm": _rhythm,
    "activity": _activity,
    "counterparties": _counterparties,
    "partner": _partner,
    "fees": _fees,
    "motifs": _motifs,
    "passing": _passing,
    "exposure": _exposure,
    "lookalike": _lookalike,
    "approvals": _approvals,
    "kind": _kind,
    "assets": _assets,
}
