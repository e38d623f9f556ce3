from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.features import owner_of
from tallystick.features.sharded._owners import MOST_SHARDS, owners

ADDRESS = st.binary(min_size=20, max_size=20)


def words_of(addresses: list[bytes]) -> np.ndarray:
    padded = b"".join(address + bytes(4) for address in addresses)
    return np.frombuffer(padded, ">u8").astype(np.uint64).reshape(-1, 3)


@given(st.lists(ADDRESS, max_size=5), st.integers(1, MOST_SHARDS))
def test_owners_of_many_are_those_of_each(addresses: list[bytes], shards: int) -> None:
    found = owners(words_of(addresses), shards)
    assert found.dtype == np.int16
    assert found.tolist() == [owner_of(address, shards) for address in addresses]


def test_owners_stay_what_they_are() -> None:
    # Shards of a stream that was begun by an older version must find their accounts again.
    addresses = [bytes(20), b"\xff" * 20, bytes(range(20))]
    assert [owner_of(address, 1_000) for address in addresses] == [0, 54, 128]


@pytest.mark.parametrize("shards", [2, 3, 64])
def test_owners_spread(shards: int) -> None:
    # Addresses that differ in few digits, as crafted ones do, spread like others.
    addresses = [b"\xaa" * 8 + k.to_bytes(4, "big") + b"\xbb" * 8 for k in range(200 * shards)]
    counts = np.bincount(owners(words_of(addresses), shards), minlength=shards)
    assert counts.min() > 200 - 5 * 200**0.5
    assert counts.max() < 200 + 5 * 200**0.5


@pytest.mark.parametrize("shards", [0, -1, MOST_SHARDS + 1])
def test_invalid_number_of_shards(shards: int) -> None:
    with pytest.raises(RangeError, match=f"{shards} shards"):
        owner_of(bytes(20), shards)
    with pytest.raises(RangeError, match=f"{shards} shards"):
        owners(words_of([bytes(20)]), shards)


def test_invalid_address() -> None:
    with pytest.raises(RangeError, match="19 bytes"):
        owner_of(bytes(19), 2)
