"""Both trees agree with each other and with RFC 6962's own small examples of shape."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import RangeError
from tallystick.hashing import keccak256
from tallystick.ledger import _merkle as reference
from tallystick.ledger import _merkle_fast as fast
from tallystick.ledger._keccak_fast import hash_rows
from tallystick.ledger._merkle_fast import fast_proof, fast_root


def _leaves(count: int, seed: int = 0, size: int = 198) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size), dtype=np.uint8)


def _hashes(leaves: np.ndarray) -> list[bytes]:
    return [keccak256(row.tobytes()) for row in leaves]


def test_root_of_seven_leaves_has_the_shape_of_the_rfc() -> None:
    a, b, c, d, e, f, g = _hashes(_leaves(7))
    node = reference.hash_node
    expected = node(node(node(a, b), node(c, d)), node(node(e, f), g))
    assert reference.merkle_root([a, b, c, d, e, f, g]) == expected
    assert reference.merkle_proof([a, b, c, d, e, f, g], 6) == [node(e, f), node(node(a, b), node(c, d))]


def test_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert reference.merkle_root([]) == fast_root(_leaves(0)) == keccak256(b"")


@pytest.mark.parametrize("count", range(1, 71))
def test_fast_equals_reference(count: int) -> None:
    leaves = _leaves(count, seed=count, size=11)
    hashes = _hashes(leaves)
    root = fast_root(leaves)
    assert root == reference.merkle_root(hashes)
    for index in range(count):
        proof = fast_proof(leaves, index)
        assert proof == reference.merkle_proof(hashes, index)
        assert reference.verify_proof(root, count, index, hashes[index], proof)


def test_fast_equals_reference_on_a_large_tree() -> None:
    leaves = _leaves(5_003)
    hashes = [row.tobytes() for row in hash_rows(leaves)]
    assert fast_root(leaves) == reference.merkle_root(hashes)
    for index in (0, 4_095, 4_096, 5_002):
        assert fast_proof(leaves, index) == reference.merkle_proof(hashes, index)


@settings(deadline=None)
@given(st.data())
def test_proof_holds_for_nothing_else(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40), "count")
    index = data.draw(st.integers(0, count - 1), "index")
    hashes = _hashes(_leaves(count, size=5))
    root, proof = reference.merkle_root(hashes), reference.merkle_proof(hashes, index)
    other = data.draw(st.integers(0, count - 1).filter(lambda k: k != index) if count > 1 else st.just(1), "other")
    assert not reference.verify_proof(root, count, other, hashes[index], proof)
    assert not reference.verify_proof(root, count, index, keccak256(hashes[index]), proof)
    assert not reference.verify_proof(keccak256(root), count, index, hashes[index], proof)
    assert not reference.verify_proof(root, count, index, hashes[index], [*proof, root])
    if proof:
        assert not reference.verify_proof(root, count, index, hashes[index], proof[:-1])
        place = data.draw(st.integers(0, len(proof) - 1), "place")
        flipped = [keccak256(part) if k == place else part for k, part in enumerate(proof)]
        assert not reference.verify_proof(root, count, index, hashes[index], flipped)


def test_proof_of_an_inner_node_as_leaf_fails() -> None:
    hashes = _hashes(_leaves(4))
    left = reference.hash_node(hashes[0], hashes[1])
    right = reference.hash_node(hashes[2], hashes[3])
    root = reference.merkle_root(hashes)
    assert reference.verify_proof(
        root, 2, 0, left, [right]
    )  # a tree of two such leaves is another tree: count says which
    assert not reference.verify_proof(root, 4, 0, left, [right])


@pytest.mark.parametrize("index", [-1, 3])
def test_invalid_index_is_refused(index: int) -> None:
    leaves = _leaves(3)
    with pytest.raises(RangeError, match="leaf index"):
        fast_proof(leaves, index)
    with pytest.raises(RangeError, match="leaf index"):
        reference.merkle_proof(_hashes(leaves), index)
    assert not reference.verify_proof(fast_root(leaves), 3, index, bytes(32), [])


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_climbing_is_the_same_uncompiled(count: int) -> None:
    nodes = hash_rows(_leaves(count))
    siblings = np.empty((64, 32), np.uint8)
    for index in (0, count - 1):
        found = fast._climb.py_func(nodes.copy(), index, siblings)
        assert [row.tobytes() for row in siblings[:found]] == fast_proof(_leaves(count), index)
    plain, compiled, state = nodes.copy(), nodes.copy(), np.empty(25, np.uint64)
    assert fast._rise.py_func(plain, count, state) == fast._rise(compiled, count, state)
    assert (plain == compiled).all()
