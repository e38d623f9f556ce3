"""The accounting of ``_exposure.py``, compiled: taint rows of int64 and payments between them; equal to it.

A **taint row** has ``TAINT_COLUMNS[rule]`` columns::

    0                held, gwei
    1 … 6            received, gwei of each category
    haircut, fifo
    7 … 12           now, gwei of each category
    fifo
    13 + 16 c …      pieces of category c: eight times start and end, in gwei from the front of the line;
                     an end of 0 is no piece, and none comes after it
    poison
    7                mask of the categories it is poisoned with

Row 0 is nobody's and stays zero: taking from it takes nothing. ``give``, ``hold`` and ``open_row`` must not get it.

A **payment** ``moved`` is scratch of ``MOVED_COLUMNS`` columns that :func:`take` fills and :func:`give` reads::

    0 … 5            tainted gwei of each category
    6 + 16 c …       fifo: pieces of category c as above, in gwei from the payment's first; valid where gwei is not 0

One transfer, unless it is to oneself, where ``payer`` and ``receiver`` are row numbers and 0 is none::

    tainted = take(taints[payer], amount, mask, rule, moved)
    if tainted and not receiver:
        receiver = …  # a new row
        open_row(taints[receiver], held)
    if receiver:
        give(taints[receiver], amount, moved, rule)

``hold(taints[receiver], amount)`` is the same where the payer has neither row nor mask.
"""

from __future__ import annotations

import numpy as np

from tallystick.compiling import inlined
from tallystick.features._exposure import CATEGORY_COUNT, FIFO, HAIRCUT, PIECES_CAP, POISON, WHOLE_PPM
from tallystick.features._rules import TOTAL_CAP
from tallystick.features._rules_fast import log2_q4, ratio_ppm, saturate

__all__ = [
    "exposure_now_ppm",
    "exposure_received_ppm",
    "give",
    "hold",
    "mul_div",
    "now",
    "open_row",
    "take",
]

_HELD = 0
_RECEIVED = 1
_NOW = _RECEIVED + CATEGORY_COUNT
_POISONED = _NOW
_QUEUES = _NOW + CATEGORY_COUNT
_QUEUE = 2 * PIECES_CAP  # columns of one category's pieces
_MOVED_QUEUES = CATEGORY_COUNT


@inlined
def mul_div(a: int, b: int, c: int) -> int:
    """``floor(a * b / c)`` exactly, without leaving 64 bits, where ``0 <= a, b <= c`` and ``0 < c <= 2**62``.

    Horner's rule over the digits of ``a``, with a remainder below ``c``. Digits have as many bits as leave
    ``remainder * 2**bits + digit * b < c * 2**(bits + 1)`` within 63; where that is none, a step a bit.
    """
    if a > b:
        a, b = b, a
    size = log2_q4(a) >> 4  # bits of a
    digit_bits = 62 - (log2_q4(c) >> 4)
    if digit_bits < 1:
        product: int = _mul_div_by_bits(a, b, c, size)
        return product
    quotient = 0
    rest = 0
    while size > 0:
        bits = min(digit_bits, size)
        size -= bits
        digit = (a >> size) & ((1 << bits) - 1)
        total = (rest << bits) + digit * b
        part = total // c
        rest = total - part * c
        quotient = (quotient << bits) + part
    return quotient


@inlined
def _mul_div_by_bits(a: int, b: int, c: int, size: int) -> int:
    quotient = 0
    rest = 0
    for k in range(size - 1, -1, -1):
        quotient <<= 1
        if rest >= c - rest:
            rest -= c - rest
            quotient += 1
        else:
            rest += rest
        if (a >> k) & 1:
            if rest >= c - b:
                rest -= c - b
                quotient += 1
            else:
                rest += b
    return quotient


@inlined
def open_row(row: np.ndarray, held: int) -> None:
    """Begin a row, as :func:`tallystick.features._exposure.open_taint`."""
    row[:] = 0
    row[_HELD] = held


@inlined
def hold(row: np.ndarray, amount: int) -> None:
    """Twin of :meth:`tallystick.features._exposure.Taint.hold`."""
    row[_HELD] = saturate(row[_HELD] + amount)


@inlined
def take(row: np.ndarray, amount: int, mask: int, rule: int, moved: np.ndarray) -> int:
    """Twin of :meth:`tallystick.features._exposure.Taint.take`: fills ``moved``, returns its mask."""
    tainted = 0
    if amount == 0:
        moved[:CATEGORY_COUNT] = 0
        return tainted
    for c in range(CATEGORY_COUNT):
        if rule == HAIRCUT:
            gwei = _leave_haircut(row, c, amount)
        elif rule == FIFO:
            gwei = _leave_fifo(row, c, amount, moved)
        else:
            gwei = amount if (row[_POISONED] >> c) & 1 else 0
        if (mask >> c) & 1:
            gwei = amount
            if rule == FIFO:
                _all_of_it(moved, c, amount)
        moved[c] = gwei
        if gwei > 0:
            tainted |= 1 << c
    row[_HELD] = max(row[_HELD] - amount, 0)
    return tainted


@inlined
def _leave_haircut(row: np.ndarray, c: int, amount: int) -> int:
    tainted, held = row[_NOW + c], row[_HELD]
    gwei: int = 0
    if tainted == 0:
        return gwei
    if amount >= held:
        gwei = tainted
    elif tainted == held:
        gwei = amount
    else:
        gwei = mul_div(amount, tainted, held)
    row[_NOW + c] = tainted - gwei
    return gwei


@inlined
def _all_of_it(moved: np.ndarray, c: int, amount: int) -> None:
    to = _MOVED_QUEUES + _QUEUE * c
    moved[to] = 0
    moved[to + 1] = amount
    moved[to + 3] = 0


@inlined
def _leave_fifo(row: np.ndarray, c: int, amount: int, moved: np.ndarray) -> int:
    """Cut a queue after ``amount``: the front into the payment, the rest to the front."""
    if row[_NOW + c] == 0:
        return 0
    queue = row[_QUEUES + _QUEUE * c : _QUEUES + _QUEUE * (c + 1)]
    paid = moved[_MOVED_QUEUES + _QUEUE * c : _MOVED_QUEUES + _QUEUE * (c + 1)]
    gwei, to, kept = 0, 0, 0
    for at in range(0, _QUEUE, 2):
        start, end = queue[at], queue[at + 1]
        if end == 0:
            break
        if start < amount:
            paid[to] = start
            paid[to + 1] = min(end, amount)
            gwei += paid[to + 1] - start
            to += 2
        queue[at] = queue[at + 1] = 0
        if end > amount:
            queue[kept] = max(start - amount, 0)
            queue[kept + 1] = end - amount
            kept += 2
    if to < _QUEUE:
        paid[to + 1] = 0
    row[_NOW + c] -= gwei
    return gwei


@inlined
def give(row: np.ndarray, amount: int, moved: np.ndarray, rule: int) -> None:
    """Twin of :meth:`tallystick.features._exposure.Taint.give`."""
    before = row[_HELD]
    hold(row, amount)
    for c in range(CATEGORY_COUNT):
        gwei = moved[c]
        if gwei == 0:
            continue
        row[_RECEIVED + c] = saturate(row[_RECEIVED + c] + gwei)
        if rule == HAIRCUT:
            row[_NOW + c] = min(row[_NOW + c] + gwei, row[_HELD])
        elif rule == FIFO:
            _arrive_fifo(row, c, before, moved)
        else:
            row[_POISONED] |= 1 << c


@inlined
def _arrive_fifo(row: np.ndarray, c: int, before: int, moved: np.ndarray) -> None:
    queue = row[_QUEUES + _QUEUE * c : _QUEUES + _QUEUE * (c + 1)]
    paid = moved[_MOVED_QUEUES + _QUEUE * c : _MOVED_QUEUES + _QUEUE * (c + 1)]
    used = 0
    while used < _QUEUE and queue[used + 1] != 0:
        used += 2
    for at in range(0, _QUEUE, 2):
        if paid[at + 1] == 0:
            break
        start, end = before + paid[at], min(before + paid[at + 1], TOTAL_CAP)
        if start >= end:
            break
        row[_NOW + c] += end - start
        if used > 0 and queue[used - 1] == start:
            queue[used - 1] = end
        elif used < _QUEUE:
            queue[used] = start
            queue[used + 1] = end
            used += 2
        else:
            _join_full(queue, start, end)


@inlined
def _join_full(queue: np.ndarray, start: int, end: int) -> None:
    """Put a piece at the end of a full queue by closing the narrowest gap."""
    last = _QUEUE - 2
    narrowest, at = start - queue[last + 1], last
    for k in range(last - 2, -2, -2):
        gap = queue[k + 2] - queue[k + 1]
        if gap <= narrowest:  # the first of equals
            narrowest, at = gap, k
    next_start = start if at == last else queue[at + 2]
    next_end = end if at == last else queue[at + 3]
    if queue[at + 1] - queue[at] < next_end - next_start:
        queue[at] += narrowest
        queue[at + 1] = next_end
    else:
        queue[at + 1] = next_end - narrowest
    if at == last:
        return
    for k in range(at + 2, last):
        queue[k] = queue[k + 2]
    queue[last] = start
    queue[last + 1] = end


@inlined
def now(row: np.ndarray, c: int, rule: int) -> int:
    """Tainted gwei of category ``c`` among those held; twin of ``Taint.now``."""
    if rule == POISON:
        return row[_HELD] if (row[_POISONED] >> c) & 1 else 0
    tainted: int = row[_NOW + c]
    return tainted


@inlined
def exposure_now_ppm(row: np.ndarray, c: int, rule: int) -> int:
    """Twin of :meth:`tallystick.features._exposure.Taint.exposure_now_ppm`; 0 of row 0."""
    if rule == POISON:
        return WHOLE_PPM if (row[_POISONED] >> c) & 1 else 0
    ppm: int = ratio_ppm(row[_NOW + c], row[_HELD])
    return min(ppm, WHOLE_PPM)


@inlined
def exposure_received_ppm(row: np.ndarray, c: int, volume_in: int) -> int:
    """Twin of :meth:`tallystick.features._exposure.Taint.exposure_received_ppm`; 0 of row 0."""
    ppm: int = ratio_ppm(row[_RECEIVED + c], volume_in)
    return min(ppm, WHOLE_PPM)
