"""The feature families, in the order of the spec; each file holds definitions, reference and twin."""

from __future__ import annotations

from tallystick.features.families import _activity, _counterparties, _fees, _flow, _partner, _rhythm, _size

__all__ = ["FAMILIES"]

FAMILIES = {
    "flow": _flow,
    "size": _size,
    "rhythm": _rhythm,
    "activity": _activity,
    "counterparties": _counterparties,
    "partner": _partner,
    "fees": _fees,
}
