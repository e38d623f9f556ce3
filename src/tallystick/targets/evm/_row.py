"""A row as calldata: what every contract of a program is called with (``docs/formats/evm-row-v1.md``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from tallystick.exact import Program, check_row

__all__ = ["MAX_VALUE_BYTES", "RowCode"]

MAX_VALUE_BYTES: Final = 8
_SELECTOR_BYTES: Final = 4


@dataclass(frozen=True)
class RowCode:
    """How rows are packed: each value minus its feature's low, big-endian, in as few bytes as its domain needs.

    Features follow each other without gaps. A row of exactly four bytes, as long as a function's selector, gets one
    zero byte in front, so that a contract tells the two apart by length.

    Examples
    --------
    >>> from tallystick.exact import ErrorBound, Feature, Program, TreeEnsemble
    >>> features = (Feature("a", -1, 254), Feature("b", 0, 1000))
    >>> code = RowCode(Program(features, bytes(32), TreeEnsemble(()), 0, ErrorBound(0, "")))
    >>> code.widths, code.offsets, code.encode([0, 258]).hex()
    ((1, 2), (0, 1), '010102')
    """

    program: Program

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Bytes of each feature, 1 to 8."""
        spans = [feature.high - feature.low for feature in self.program.features]
        return tuple(max(1, (span.bit_length() + 7) // 8) for span in spans)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each feature begins in the row."""
        at, starts = int(sum(self.widths) == _SELECTOR_BYTES), []
        for width in self.widths:
            starts.append(at)
            at += width
        return tuple(starts)

    @property
    def size(self) -> int:
        """Bytes of a row."""
        return self.offsets[-1] + self.widths[-1]

    @cached_property
    def spans(self) -> tuple[int, ...]:
        """Largest packed value of each feature: high minus low. A contract refuses what is above."""
        return tuple(feature.high - feature.low for feature in self.program.features)

    def encode(self, row: Sequence[int]) -> bytes:
        """Pack a row.

        Raises
        ------
        RangeError
            As in :func:`tallystick.exact.score_row`.
        """
        return self.pack(check_row(self.program, row))

    def pack(self, values: Sequence[int]) -> bytes:
        """Pack values without looking at their domains, as somebody might who means to mislead a contract.

        Raises
        ------
        OverflowError
            A value does not fit its feature's bytes, so that no row can say it.
        """
        parts = zip(values, self.program.features, self.widths, strict=True)
        return bytes(self.offsets[0]) + b"".join(
            (value - feature.low).to_bytes(width, "big") for value, feature, width in parts
        )
