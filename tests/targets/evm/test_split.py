from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.errors import ProgramError
from tallystick.exact import Feature, Program, score_outputs
from tallystick.targets.evm import BranchOptions, RowCode, SplitBranch, split_branch

from ...exact.programs import edge_rows, ladder, random_tree
from .calls import PROGRAM_HASH, check_rows, ensemble, full_tree, random_ensemble
from .machine import deploy, run

FEATURES = [Feature(f"f{i}", 0, 65_535) for i in range(6)]


def addresses_of(split: SplitBranch) -> list[bytes]:
    return [bytes([0xAA] * 18) + number.to_bytes(2, "big") for number in range(1, len(split.shards) + 1)]


def check_split(program: Program, split: SplitBranch, rows: list[list[int]]) -> bytes:
    addresses = addresses_of(split)
    shards = {address: deploy(shard.initcode) for address, shard in zip(addresses, split.shards, strict=True)}
    router = split.router(addresses).runtime
    check_rows(router, program, rows, shards)
    return router


def some_trees(count: int, depth: int) -> Program:
    random = Random(0)
    return ensemble([full_tree(random, FEATURES, depth) for _ in range(count)], FEATURES)


def test_many_trees_in_small_shards() -> None:
    program = some_trees(40, 3)
    split = split_branch(program, 900)
    assert len(split.shards) > 5
    assert all(len(shard.runtime) <= 900 for shard in split.shards)
    assert sum(shard.nodes for shard in split.shards) == 40 * 7
    check_split(program, split, edge_rows(program)[:15])


def test_shards_are_full() -> None:
    """Another tree would not have fitted."""
    split = split_branch(some_trees(40, 3), 1_500)
    assert all(len(shard.runtime) > 1_350 for shard in split.shards[:-1])


def test_one_large_tree_is_cut() -> None:
    features = [Feature(f"f{i}", 0, 1 << 40) for i in range(40)]
    program = ensemble([full_tree(Random(5), features, 8)], features)
    split = split_branch(program, 2_000)
    assert len(split.shards) > 3
    check_split(program, split, edge_rows(program)[:20])


def test_no_trees_need_no_shard() -> None:
    program = ensemble((), FEATURES, base=(-9,))
    split = split_branch(program, 500)
    assert split.shards == ()
    check_split(program, split, [[0] * 6])


@settings(max_examples=10)
@given(st.integers(0, 1 << 32), st.booleans())
def test_split_is_the_reference(seed: int, push0: bool) -> None:
    program = random_ensemble(seed)
    split = split_branch(program, 2_500, BranchOptions(push0))
    check_split(program, split, edge_rows(program, seed, limit=4))


def test_router_answers_as_one_contract() -> None:
    program = ensemble([random_tree(Random(1), [Feature("a", 0, 40_000)], 20, 99)], [Feature("a", 0, 40_000)])
    router = check_split(program, split_branch(program, 600), [[0], [40_000]])
    assert run(router, PROGRAM_HASH).output == program.hash
    assert run(router, (40_001).to_bytes(2, "big")).reason() == "program: domain"
    assert run(router, b"abc").reason() == "program: length"
    assert run(router, b"abcd").reason() == "program: selector"


def test_router_reverts_with_what_a_shard_reverts_with() -> None:
    program = ladder(3)
    split = split_branch(program, 600)
    (address,) = addresses_of(split)
    row = RowCode(program).encode([1])
    reverting = bytes.fromhex("602a5f5260205ffd")
    outcome = run(split.router([address]).runtime, row, {address: reverting})
    assert outcome.failed
    assert int.from_bytes(outcome.output, "big") == 42


@pytest.mark.parametrize("code", [b"", bytes.fromhex("60405ff3")])
def test_invalid_shard_answers_another_size(code: bytes) -> None:
    program = ladder(3)
    (address,) = addresses_of(split_branch(program, 600))
    outcome = run(split_branch(program, 600).router([address]).runtime, RowCode(program).encode([1]), {address: code})
    assert outcome.reason() == "program: shard"


def test_invalid_addresses() -> None:
    split = split_branch(ladder(3), 600)
    for addresses in ([], [bytes(19)], [bytes(20)] * 2):
        with pytest.raises(ProgramError, match="1 addresses of 20 bytes"):
            split.router(addresses)


@pytest.mark.parametrize(("limit", "depth"), [(20, 1), (60, 4), (300, 4)])
def test_invalid_limit_too_small(limit: int, depth: int) -> None:
    """For one test, for the conditions of a part, for the router."""
    program = some_trees(3, depth)
    with pytest.raises(ProgramError, match="too small") as caught:
        split_branch(program, limit)
    assert caught.value.where["value"] == limit


def test_parts_add_up_without_a_divisor() -> None:
    program = ensemble([random_tree(Random(3), FEATURES, 30, 1 << 20)] * 3, FEATURES, base=(-4,), divisor=7)
    split = split_branch(program, 700)
    row = [1, 2, 3, 4, 5, 6]
    data = RowCode(program).encode(row)
    total = sum(run(shard.runtime, data).words()[0] for shard in split.shards)
    assert (total // 7 - 4,) == score_outputs(program, row)
    check_split(program, split, [row])
