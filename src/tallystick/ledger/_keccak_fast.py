"""Keccak-256 over many equal-length rows at once, equal to :func:`tallystick.hashing.keccak256`.

The permutation follows FIPS 202 §3.2 step by step (theta, rho, pi, chi, iota) with the 25 lanes
in local variables: lane ``a[x + 5y]`` is ``a0`` … ``a24``. The padding is Keccak's own (first
byte 0x01), as the EVM has it, not SHA-3's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba.extending import register_jitable
from numpy.typing import NDArray

from tallystick.compiling import compiled

__all__ = ["RATE_BYTES", "absorb_byte", "hash_rows", "permute"]

RATE_BYTES: Final = 136  # bytes taken in before each permutation: (1600 - 2 * 256) / 8
_PAD_FIRST: Final = 0x01
_PAD_LAST: Final = 0x80


def _round_constants() -> NDArray[np.uint64]:
    """Constants of the step iota, from the bit register of FIPS 202, algorithm 5."""
    constants = []
    register = 1
    for _ in range(24):
        word = 0
        for power in range(7):
            if register & 1:
                word |= 1 << ((1 << power) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(word)
    return np.array(constants, dtype=np.uint64)


_ROUND_CONSTANTS: Final = _round_constants()


@register_jitable(inline="always")
def _rotl(lane: np.uint64, bits: int) -> np.uint64:
    return (lane << np.uint64(bits)) | (lane >> np.uint64(64 - bits))


@compiled
def permute(state: NDArray[np.uint64]) -> None:
    """Apply Keccak-f[1600] to a state of 25 lanes, in place."""
    a0, a1, a2, a3, a4 = state[0], state[1], state[2], state[3], state[4]
    a5, a6, a7, a8, a9 = state[5], state[6], state[7], state[8], state[9]
    a10, a11, a12, a13, a14 = state[10], state[11], state[12], state[13], state[14]
    a15, a16, a17, a18, a19 = state[15], state[16], state[17], state[18], state[19]
    a20, a21, a22, a23, a24 = state[20], state[21], state[22], state[23], state[24]
    for turn in range(24):
        # theta: every lane takes in the parity of two neighbouring columns
        c0 = a0 ^ a5 ^ a10 ^ a15 ^ a20
        c1 = a1 ^ a6 ^ a11 ^ a16 ^ a21
        c2 = a2 ^ a7 ^ a12 ^ a17 ^ a22
        c3 = a3 ^ a8 ^ a13 ^ a18 ^ a23
        c4 = a4 ^ a9 ^ a14 ^ a19 ^ a24
        d0 = c4 ^ _rotl(c1, 1)
        d1 = c0 ^ _rotl(c2, 1)
        d2 = c1 ^ _rotl(c3, 1)
        d3 = c2 ^ _rotl(c4, 1)
        d4 = c3 ^ _rotl(c0, 1)
        # rho and pi: rotate each lane and move it
        b0 = a0 ^ d0
        b1 = _rotl(a6 ^ d1, 44)
        b2 = _rotl(a12 ^ d2, 43)
        b3 = _rotl(a18 ^ d3, 21)
        b4 = _rotl(a24 ^ d4, 14)
        b5 = _rotl(a3 ^ d3, 28)
        b6 = _rotl(a9 ^ d4, 20)
        b7 = _rotl(a10 ^ d0, 3)
        b8 = _rotl(a16 ^ d1, 45)
        b9 = _rotl(a22 ^ d2, 61)
        b10 = _rotl(a1 ^ d1, 1)
        b11 = _rotl(a7 ^ d2, 6)
        b12 = _rotl(a13 ^ d3, 25)
        b13 = _rotl(a19 ^ d4, 8)
        b14 = _rotl(a20 ^ d0, 18)
        b15 = _rotl(a4 ^ d4, 27)
        b16 = _rotl(a5 ^ d0, 36)
        b17 = _rotl(a11 ^ d1, 10)
        b18 = _rotl(a17 ^ d2, 15)
        b19 = _rotl(a23 ^ d3, 56)
        b20 = _rotl(a2 ^ d2, 62)
        b21 = _rotl(a8 ^ d3, 55)
        b22 = _rotl(a14 ^ d4, 39)
        b23 = _rotl(a15 ^ d0, 41)
        b24 = _rotl(a21 ^ d1, 2)
        # chi: the only step that is not linear; iota: the round's constant
        a0 = b0 ^ (~b1 & b2)
        a1 = b1 ^ (~b2 & b3)
        a2 = b2 ^ (~b3 & b4)
        a3 = b3 ^ (~b4 & b0)
        a4 = b4 ^ (~b0 & b1)
        a5 = b5 ^ (~b6 & b7)
        a6 = b6 ^ (~b7 & b8)
        a7 = b7 ^ (~b8 & b9)
        a8 = b8 ^ (~b9 & b5)
        a9 = b9 ^ (~b5 & b6)
        a10 = b10 ^ (~b11 & b12)
        a11 = b11 ^ (~b12 & b13)
        a12 = b12 ^ (~b13 & b14)
        a13 = b13 ^ (~b14 & b10)
        a14 = b14 ^ (~b10 & b11)
        a15 = b15 ^ (~b16 & b17)
        a16 = b16 ^ (~b17 & b18)
        a17 = b17 ^ (~b18 & b19)
        a18 = b18 ^ (~b19 & b15)
        a19 = b19 ^ (~b15 & b16)
        a20 = b20 ^ (~b21 & b22)
        a21 = b21 ^ (~b22 & b23)
        a22 = b22 ^ (~b23 & b24)
        a23 = b23 ^ (~b24 & b20)
        a24 = b24 ^ (~b20 & b21)
        a0 ^= _ROUND_CONSTANTS[turn]
    state[0], state[1], state[2], state[3], state[4] = a0, a1, a2, a3, a4
    state[5], state[6], state[7], state[8], state[9] = a5, a6, a7, a8, a9
    state[10], state[11], state[12], state[13], state[14] = a10, a11, a12, a13, a14
    state[15], state[16], state[17], state[18], state[19] = a15, a16, a17, a18, a19
    state[20], state[21], state[22], state[23], state[24] = a20, a21, a22, a23, a24


@register_jitable(inline="always")
def absorb_byte(state: NDArray[np.uint64], place: int, byte: int) -> None:
    """XOR one byte into the state; lanes are little-endian."""
    state[place >> 3] ^= np.uint64(byte) << np.uint64((place & 7) << 3)


@compiled
def _absorb_lanes(state: NDArray[np.uint64], row: NDArray[np.uint8], start: int, lanes: int) -> None:
    for lane in range(lanes):
        at = start + 8 * lane
        word = np.uint64(row[at])
        for byte in range(1, 8):
            word |= np.uint64(row[at + byte]) << np.uint64(8 * byte)
        state[lane] ^= word


@compiled
def _hash_rows(rows: NDArray[np.uint8], hashes: NDArray[np.uint8]) -> None:
    size = rows.shape[1]
    whole = size // RATE_BYTES
    rest = size - whole * RATE_BYTES
    state = np.empty(25, np.uint64)
    for number in range(rows.shape[0]):
        row = rows[number]
        state[:] = np.uint64(0)
        for block in range(whole):
            _absorb_lanes(state, row, block * RATE_BYTES, RATE_BYTES // 8)
            permute(state)
        _absorb_lanes(state, row, whole * RATE_BYTES, rest // 8)
        for place in range(rest // 8 * 8, rest):
            absorb_byte(state, place, row[whole * RATE_BYTES + place])
        absorb_byte(state, rest, _PAD_FIRST)
        absorb_byte(state, RATE_BYTES - 1, _PAD_LAST)
        permute(state)
        for place in range(32):
            hashes[number, place] = np.uint8(state[place >> 3] >> np.uint64((place & 7) << 3))


def hash_rows(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Hash each row of a matrix of bytes.

    Parameters
    ----------
    rows
        (n, size) uint8, any n and size, C order.

    Returns
    -------
    NDArray[np.uint8]
        (n, 32); row k is ``keccak256(rows[k].tobytes())``.

    Examples
    --------
    >>> hash_rows(np.zeros((1, 0), np.uint8)).tobytes().hex()[:16]
    'c5d2460186f7233c'
    """
    hashes = np.empty((rows.shape[0], 32), np.uint8)
    _hash_rows(np.ascontiguousarray(rows, dtype=np.uint8), hashes)
    return hashes
