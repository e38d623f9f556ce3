"""Exposure to labelled sources: what part of an account's money came from them, by three rules of accounting.

A labelled account is a *source* of its categories: every gwei it pays is tainted with them. From there taint moves
with the money, each category on its own:

* **haircut** mixes: a payment carries the account's average, rounded down;
* **fifo** queues: what came in first leaves first;
* **poison** spoils: whoever received tainted money once pays nothing else ever after.

An account that never received tainted money has no :class:`Taint`; nothing is stored for it, and it pays clean money.
Amounts are gwei of the chain's own coin in [0, ``AMOUNT_CAP``]. A failed transfer moves 0, and 0 changes nothing. A
payment to oneself is left out by the caller. ``_exposure_fast.py`` holds the compiled twins, tested equal.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Final

from tallystick.features._rules import TOTAL_CAP, ratio_ppm, saturate

__all__ = [
    "CATEGORY_COUNT",
    "EXPOSURE_RULES",
    "FIFO",
    "HAIRCUT",
    "MOVED_COLUMNS",
    "PIECES_CAP",
    "POISON",
    "TAINT_COLUMNS",
    "WHOLE_PPM",
    "FifoTaint",
    "HaircutTaint",
    "Moved",
    "PoisonTaint",
    "Taint",
    "open_taint",
]

CATEGORY_COUNT: Final = 6
HAIRCUT: Final = 0
FIFO: Final = 1
POISON: Final = 2
EXPOSURE_RULES: Final = {"haircut": HAIRCUT, "fifo": FIFO, "poison": POISON}
PIECES_CAP: Final = 8  # tainted pieces of a category that a queue tells apart
WHOLE_PPM: Final = 1_000_000

# Columns of a taint row (see :meth:`Taint.row`) and of a compiled payment (see ``_exposure_fast.py``).
_TOTALS: Final = 1 + 2 * CATEGORY_COUNT  # held; received and now of each category
_QUEUES: Final = 2 * PIECES_CAP * CATEGORY_COUNT
TAINT_COLUMNS: Final = {HAIRCUT: _TOTALS, FIFO: _TOTALS + _QUEUES, POISON: 1 + CATEGORY_COUNT + 1}
MOVED_COLUMNS: Final = CATEGORY_COUNT + _QUEUES

_Piece = tuple[int, int]  # [start, end) in gwei


def _gwei(pieces: list[_Piece]) -> int:
    return sum(end - start for start, end in pieces)


@dataclass
class Moved:
    """What a payment carries: for each category the tainted pieces of it, counted from its first gwei.

    Only fifo cares where in the payment a piece lies; by the other rules it is one piece from 0.
    """

    pieces: list[list[_Piece]] = field(default_factory=lambda: [[] for _ in range(CATEGORY_COUNT)])

    @property
    def gwei(self) -> list[int]:
        """Tainted gwei of each category."""
        return [_gwei(pieces) for pieces in self.pieces]

    @property
    def mask(self) -> int:
        """Categories of which anything is tainted: bit c for category c."""
        return sum(1 << c for c, pieces in enumerate(self.pieces) if pieces)


class Taint(ABC):
    """What is known of an account that has received tainted money.

    Parameters
    ----------
    held
        Gwei it held before that, by its transfers: ``max(0, volume_in - volume_out)``. All of it is clean.

    Examples
    --------
    A source of category 2 pays 10 to an account that holds 30, which then pays 20: a quarter of its 40 was
    tainted, so is a quarter of the 20.

    >>> source, account = HaircutTaint(), HaircutTaint(held=30)
    >>> account.give(10, source.take(10, mask=1 << 2))
    >>> account.held, account.now[2], account.exposure_now_ppm(2)
    (40, 10, 250000)
    >>> account.take(20).gwei, account.held, account.now
    ([0, 0, 5, 0, 0, 0], 20, [0, 0, 5, 0, 0, 0])
    """

    rule: ClassVar[int]

    def __init__(self, held: int = 0) -> None:
        self.held = held  # gwei in [0, TOTAL_CAP]
        self.received = [0] * CATEGORY_COUNT  # tainted gwei ever received, held at TOTAL_CAP

    @property
    @abstractmethod
    def now(self) -> list[int]:
        """Tainted gwei among those held, for each category; at most ``held``."""

    def take(self, amount: int, mask: int = 0) -> Moved:
        """Pay: what of the payment is tainted; it leaves this account.

        Known money leaves before unknown: of a payment larger than ``held``, all that is held goes, and the rest is
        clean. An account without taint pays as a new ``Taint`` does; nothing but the mask taints it.

        Parameters
        ----------
        amount
            Gwei.
        mask
            Categories the payer itself is labelled with: of these, the whole payment is tainted.

        Examples
        --------
        >>> HaircutTaint().take(7, mask=0b11).gwei
        [7, 7, 0, 0, 0, 0]
        """
        if amount == 0:
            return Moved()
        left = [self._leave(c, amount) for c in range(CATEGORY_COUNT)]
        self.held = max(self.held - amount, 0)
        return Moved([[(0, amount)] if mask >> c & 1 else pieces for c, pieces in enumerate(left)])

    def give(self, amount: int, moved: Moved) -> None:
        """Receive a payment and what it carries."""
        before = self.held
        self.hold(amount)
        for c, pieces in enumerate(moved.pieces):
            self.received[c] = saturate(self.received[c] + _gwei(pieces))
            self._arrive(c, before, pieces)

    def hold(self, amount: int) -> None:
        """Receive clean money.

        Examples
        --------
        >>> account = PoisonTaint(held=5)
        >>> account.hold(2)
        >>> account.held
        7
        """
        self.held = saturate(self.held + amount)

    def exposure_now_ppm(self, category: int) -> int:
        """Tainted part of what is held, in [0, 10**6]; by poison all or nothing, also of an empty account.

        Examples
        --------
        >>> account = PoisonTaint()
        >>> account.give(5, PoisonTaint().take(5, mask=1))
        >>> account.take(5).gwei, account.exposure_now_ppm(0), account.exposure_now_ppm(1)
        ([5, 0, 0, 0, 0, 0], 1000000, 0)
        """
        return min(ratio_ppm(self.now[category], self.held), WHOLE_PPM)

    def exposure_received_ppm(self, category: int, volume_in: int) -> int:
        """Tainted part of all income, in [0, 10**6].

        Examples
        --------
        >>> account = HaircutTaint(held=30)
        >>> account.give(10, HaircutTaint().take(10, mask=1))
        >>> account.exposure_received_ppm(0, volume_in=50)
        200000
        """
        return min(ratio_ppm(self.received[category], volume_in), WHOLE_PPM)

    def row(self) -> list[int]:
        """Return the columns of the compiled engine: ``held``, each ``received``, each ``now``."""
        return [self.held, *self.received, *self.now]

    @abstractmethod
    def _leave(self, c: int, amount: int) -> list[_Piece]:
        """Take out and return what of a payment is tainted; ``held`` is from before it."""

    @abstractmethod
    def _arrive(self, c: int, before: int, pieces: list[_Piece]) -> None:
        """Take in what of a payment is tainted; ``before`` was held before it, ``held`` is after."""


class HaircutTaint(Taint):
    """Mixed: ``floor(amount * now / held)`` of a payment is tainted.

    The payer keeps ``now - floor(amount * now / held) = ceil(now * (held - amount) / held)``, and as
    ``now <= held`` that is at most ``held - amount``: what is tainted never exceeds what is held, without a clamp.
    A payment of all that is held leaves nothing behind.

    Examples
    --------
    >>> account = HaircutTaint(held=2)
    >>> account.give(1, HaircutTaint().take(1, mask=1))
    >>> [(account.take(1).gwei[0], account.now[0]) for _ in range(3)]  # a third of a gwei rounds down to none
    [(0, 1), (0, 1), (1, 0)]
    """

    rule = HAIRCUT

    def __init__(self, held: int = 0) -> None:
        super().__init__(held)
        self._now = [0] * CATEGORY_COUNT

    @property
    def now(self) -> list[int]:
        """Tainted gwei among those held, for each category."""
        return list(self._now)

    def _leave(self, c: int, amount: int) -> list[_Piece]:
        gwei = amount * self._now[c] // self.held if amount < self.held else self._now[c]
        self._now[c] -= gwei
        return [(0, gwei)] if gwei else []

    def _arrive(self, c: int, before: int, pieces: list[_Piece]) -> None:
        self._now[c] = min(self._now[c] + _gwei(pieces), self.held)


class FifoTaint(Taint):
    """Queued: what is held stands in line in the order it came, and payments leave from the front.

    Only tainted pieces are stored, as ``[start, end)`` in gwei from the front of the line, in order and apart. Pieces
    that touch are one. A piece too many (``PIECES_CAP`` + 1) closes the narrowest gap, the first of equals: the
    shorter of its two pieces moves up to the longer, the later one where they are equal. So no tainted gwei is
    lost, and nothing moves further than that gap. What would stand beyond ``TOTAL_CAP`` is dropped.

    Examples
    --------
    30 clean, then 10 tainted: a payment of 20 is clean, the next one is half tainted, at its end.

    >>> account = FifoTaint(held=30)
    >>> account.give(10, FifoTaint().take(10, mask=1))
    >>> account.take(20).pieces[0], account.take(20).pieces[0]
    ([], [(10, 20)])
    """

    rule = FIFO

    def __init__(self, held: int = 0) -> None:
        super().__init__(held)
        self.pieces: list[list[_Piece]] = [[] for _ in range(CATEGORY_COUNT)]

    @property
    def now(self) -> list[int]:
        """Tainted gwei among those held, for each category."""
        return [_gwei(pieces) for pieces in self.pieces]

    def row(self) -> list[int]:
        """As :meth:`Taint.row`, then each category's ``PIECES_CAP`` times start and end, zeros where there is none."""
        queues = [[at for piece in pieces for at in piece] for pieces in self.pieces]
        return super().row() + [at for queue in queues for at in queue + [0] * (2 * PIECES_CAP - len(queue))]

    def _leave(self, c: int, amount: int) -> list[_Piece]:
        paid = [(start, min(end, amount)) for start, end in self.pieces[c] if start < amount]
        self.pieces[c] = [(max(start - amount, 0), end - amount) for start, end in self.pieces[c] if end > amount]
        return paid

    def _arrive(self, c: int, before: int, pieces: list[_Piece]) -> None:
        for start, end in pieces:
            piece = (before + start, min(before + end, TOTAL_CAP))
            if piece[0] < piece[1]:
                self.pieces[c] = _join(self.pieces[c], piece)


def _join(queue: list[_Piece], piece: _Piece) -> list[_Piece]:
    """Put a piece at the end of a queue of pieces."""
    if queue and queue[-1][1] == piece[0]:
        return [*queue[:-1], (queue[-1][0], piece[1])]
    queue = [*queue, piece]
    if len(queue) <= PIECES_CAP:
        return queue
    k = min(range(PIECES_CAP), key=lambda at: queue[at + 1][0] - queue[at][1])
    return [*queue[:k], _closed(queue[k], queue[k + 1]), *queue[k + 2 :]]


def _closed(a: _Piece, b: _Piece) -> _Piece:
    """One piece of two, as long as both: the shorter moves up to the longer."""
    gap = b[0] - a[1]
    return (a[0] + gap, b[1]) if a[1] - a[0] < b[1] - b[0] else (a[0], b[1] - gap)


class PoisonTaint(Taint):
    """Spoiled: after one tainted gwei, everything held counts as tainted and every payment is, for ever.

    Examples
    --------
    >>> account = PoisonTaint(held=999)
    >>> account.give(1, PoisonTaint().take(1, mask=1))
    >>> account.now[0], account.take(1_000).gwei[0], account.take(1).gwei[0]
    (1000, 1000, 1)
    """

    rule = POISON

    def __init__(self, held: int = 0) -> None:
        super().__init__(held)
        self.poisoned = 0  # categories, bit c for category c

    @property
    def now(self) -> list[int]:
        """All that is held, for each category that has come near."""
        return [self.held if self.poisoned >> c & 1 else 0 for c in range(CATEGORY_COUNT)]

    def exposure_now_ppm(self, category: int) -> int:
        """``10**6`` or 0."""
        return WHOLE_PPM if self.poisoned >> category & 1 else 0

    def row(self) -> list[int]:
        """Return the columns of the compiled engine: ``held``, each ``received``, the poisoned categories' mask."""
        return [self.held, *self.received, self.poisoned]

    def _leave(self, c: int, amount: int) -> list[_Piece]:
        return [(0, amount)] if self.poisoned >> c & 1 else []

    def _arrive(self, c: int, before: int, pieces: list[_Piece]) -> None:
        self.poisoned |= 1 << c if pieces else 0


_TAINTS: Final[dict[int, type[Taint]]] = {kind.rule: kind for kind in (HaircutTaint, FifoTaint, PoisonTaint)}


def open_taint(rule: int, held: int = 0) -> Taint:
    """Begin an account's taint by one of the rules ``HAIRCUT``, ``FIFO``, ``POISON``.

    Examples
    --------
    >>> [len(open_taint(rule).row()) for rule in (HAIRCUT, FIFO, POISON)]
    [13, 109, 8]
    """
    return _TAINTS[rule](held)
