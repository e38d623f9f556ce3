"""Random numbers and the few functions of them that are needed, in integers only.

Nothing here goes through floating-point rounding, and nothing uses NumPy's own distributions, which may
change from one release to the next: the same seed gives the same bits on every machine.
"""

from __future__ import annotations

from math import isqrt
from typing import Any, Final

import numpy as np

__all__ = ["OCTAVE", "Draws", "bell", "below", "exponent", "heavy_tail", "log_uniform", "power_of_two", "round_down"]

Array = Any  # numpy array

OCTAVE: Final = 1_024
"""Exponents count 1/1024 of an octave."""

_MANTISSA_BITS: Final = 12
_BELL_SIGMA: Final = 37_837  # of a sum of four uniform 16-bit numbers: 2**16 * sqrt(4 / 12)
_HALF = np.uint64(32)


def _mantissas() -> Array:
    """``round(2**(k / OCTAVE) * 2**12)`` for k in [0, OCTAVE), by square roots in fixed point."""
    shift = 128
    root = 2 << shift
    for _ in range(OCTAVE.bit_length() - 1):
        root = isqrt(root << shift)
    powers = [1 << shift]
    for _ in range(OCTAVE - 1):
        powers.append(powers[-1] * root >> shift)
    half = 1 << (shift - _MANTISSA_BITS - 1)
    return np.array([(power + half) >> (shift - _MANTISSA_BITS) for power in powers], np.uint64)


_MANTISSAS: Final = _mantissas()
_TENS: Final = np.array([10**digits for digits in range(20)], np.uint64)


class Draws:
    """Streams of 64-bit words, one to each purpose, all from one seed.

    Parameters
    ----------
    seed
        In [0, 2**63).

    Examples
    --------
    >>> draws = Draws(1)
    >>> bool((draws.words("a", 5)[3:] == draws.words("a", 2, start=3)).all())
    True
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def words(self, purpose: str, count: int, start: int = 0) -> Array:
        """Words ``start`` to ``start + count`` of a purpose. (count,) uint64"""
        generator = np.random.PCG64(self._sequence(purpose))
        return generator.advance(start).random_raw(count)

    def keyed(self, purpose: str, *keys: Array) -> Array:
        """One word to each row of keys: the same keys give the same word. (rows,) uint64"""
        word = self._sequence(purpose).generate_state(1, np.uint64)[0]
        for key in keys:
            word = _mix(word ^ np.asarray(key).astype(np.uint64))
        return word

    def _sequence(self, purpose: str) -> np.random.SeedSequence:
        return np.random.SeedSequence([self._seed, int.from_bytes(purpose.encode(), "big")])


def _mix(word: Array) -> Array:
    """The output step of SplitMix64: every bit of the input moves every bit of the output."""
    word = (word + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    word ^= word >> np.uint64(30)
    word *= np.uint64(0xBF58476D1CE4E5B9)
    word ^= word >> np.uint64(27)
    word *= np.uint64(0x94D049BB133111EB)
    word ^= word >> np.uint64(31)
    return word


def below(words: Array, limit: Array | int) -> Array:
    """Uniform in [0, limit), from the upper half of each word; limits up to 2**32. (rows,) int64"""
    scaled = (words >> _HALF) * np.asarray(limit).astype(np.uint64)
    return (scaled >> _HALF).astype(np.int64)


def power_of_two(exponents: Array) -> Array:
    """``floor(2**(e / OCTAVE))`` to twelve bits, for e in [0, 51 * OCTAVE). (rows,) int64"""
    mantissas = _MANTISSAS[exponents % OCTAVE]
    return ((mantissas << (exponents // OCTAVE).astype(np.uint64)) >> np.uint64(_MANTISSA_BITS)).astype(np.int64)


def exponent(values: Array | int) -> Array:
    """The largest e with ``2**(e / OCTAVE) <= value`` to twelve bits, for values in [1, 2**53). int64"""
    mantissa, octave = np.frexp(np.asarray(values).astype(np.float64))  # exact: only the bits are taken apart
    twelve = (mantissa * (1 << (_MANTISSA_BITS + 1))).astype(np.uint64)
    return (octave.astype(np.int64) - 1) * OCTAVE + np.searchsorted(_MANTISSAS, twelve, side="right") - 1


def log_uniform(words: Array, low: Array | int, high: Array | int) -> Array:
    """Between low and high, every octave as likely as the next; at least 1. (rows,) int64"""
    first = exponent(low)
    return np.maximum(power_of_two(first + below(words, np.maximum(exponent(high) - first, 1))), 1)


def bell(words: Array, sigma: int) -> Array:
    """Near-normal around 0 with a standard deviation of ``sigma``, within 3.5 of them. (rows,) int64"""
    mask = np.uint64(0xFFFF)
    total = sum(((words >> np.uint64(shift)) & mask).astype(np.int64) for shift in (0, 16, 32, 48))
    return (total - 2 * 0xFFFF) * sigma // _BELL_SIGMA


def heavy_tail(words: Array, sixths: int, octaves: int) -> Array:
    """Exponents of a power law: above ``2**k`` with a chance of ``2**(-6 k / sixths)``, cut at ``octaves``."""
    guarded = words | np.uint64(1 << 40)
    lowest = guarded & (~guarded + np.uint64(1))
    zeros = np.frexp(lowest.astype(np.float64))[1].astype(np.int64) - 1  # exact: a power of two
    steps = zeros * OCTAVE + (words >> np.uint64(54)).astype(np.int64)
    return np.minimum(steps * sixths // 6, octaves * OCTAVE)


def round_down(values: Array, digits: int) -> Array:
    """Keep the leading decimal digits. (rows,) int64

    Examples
    --------
    >>> round_down(np.array([1987, 7]), 2).tolist()
    [1900, 7]
    """
    have = np.searchsorted(_TENS, values.astype(np.uint64), side="right")
    unit = _TENS[np.maximum(have - digits, 0)].astype(np.int64)
    return values // unit * unit
