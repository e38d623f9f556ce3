"""Fast keccak equals the library's, at every length around the block boundaries and at random ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.hashing import keccak256
from tallystick.ledger import _keccak_fast as keccak
from tallystick.ledger._keccak_fast import hash_rows


def _check(rows: np.ndarray) -> None:
    hashes = hash_rows(rows)
    assert hashes.shape == (len(rows), 32)
    assert [row.tobytes() for row in hashes] == [keccak256(row.tobytes()) for row in rows]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 65, 134, 135, 136, 137, 143, 144, 198, 271, 272, 273, 1000])
def test_hash_rows_equals_library(size: int) -> None:
    _check(np.random.default_rng(size).integers(0, 256, (5, size), dtype=np.uint8))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 4), st.integers(0, 420), st.integers(0, 2**32))
def test_hash_rows_equals_library_on_random_shapes(rows: int, size: int, seed: int) -> None:
    _check(np.random.default_rng(seed).integers(0, 256, (rows, size), dtype=np.uint8))


def test_hash_rows_takes_views_that_are_not_contiguous() -> None:
    _check(np.random.default_rng(1).integers(0, 256, (8, 60), dtype=np.uint8)[::2, 3:40])


def test_permutation_is_the_same_uncompiled() -> None:
    compiled = np.random.default_rng(1).integers(0, 2**64, 25, dtype=np.uint64)
    plain = compiled.copy()
    keccak.permute(compiled)
    keccak.permute.py_func(plain)
    assert (plain == compiled).all()


@pytest.mark.parametrize("size", [0, 13, 136, 198])
def test_rows_hash_the_same_uncompiled(size: int) -> None:
    rows = np.random.default_rng(size).integers(0, 256, (2, size), dtype=np.uint8)
    hashes = np.empty((2, 32), np.uint8)
    keccak._hash_rows.py_func(rows, hashes)
    assert (hashes == hash_rows(rows)).all()


def test_absorbing_is_the_same_uncompiled() -> None:
    row = np.random.default_rng(2).integers(0, 256, 40, dtype=np.uint8)
    lanes, bytewise, compiled = np.zeros((3, 25), np.uint64)
    keccak._absorb_lanes.py_func(lanes, row, 8, 4)
    for place in range(32):
        keccak.absorb_byte(bytewise, place, row[8 + place])
    keccak._absorb_lanes(compiled, row, 8, 4)
    assert (lanes == compiled).all()
    assert (lanes == bytewise).all()
    assert keccak._rotl(np.uint64(1 << 63 | 1), 1) == 3
