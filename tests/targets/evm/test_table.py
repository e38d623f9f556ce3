from __future__ import annotations

import pytest
from hypothesis import given, settings

from tallystick.apps.fraud import PRETRAINED, find_model
from tallystick.exact import Feature, Program, Tree
from tallystick.targets.evm import RowCode, table_data
from tallystick.targets.evm.table._plan import is_narrow

from ...exact.programs import Shape, edge_rows, programs, random_program
from .tables import (
    ADDRESS_OF,
    INT31,
    U16,
    NarrowShape,
    call,
    chain,
    check_equal,
    full,
    narrow_program,
    narrow_programs,
    trees_program,
)

INT32 = (1 << 31) - 1


@settings(max_examples=40, deadline=None)
@given(narrow_programs())
def test_random_narrow_programs(program: Program) -> None:
    check_equal(program, edge_rows(program, limit=4))


@settings(max_examples=30, deadline=None)
@given(programs())
def test_random_programs(program: Program) -> None:
    check_equal(program, edge_rows(program, limit=4))


@pytest.mark.parametrize("leaves", [(2,) * 33, (3, 4) * 20, (8,) * 40, (16,) * 40, (40,) * 9])
@pytest.mark.parametrize("domains", ["full", "words", "mixed"])
def test_several_chunks(leaves: tuple[int, ...], domains: str) -> None:
    program = narrow_program(NarrowShape(5, 20, domains, leaves, 1, 1, 1 << 24))
    check_equal(program, edge_rows(program, limit=3))


@pytest.mark.parametrize("code_limit", [1024, 1500, 5000])
@pytest.mark.parametrize("domains", ["full", "mixed"])
def test_several_contracts(code_limit: int, domains: str) -> None:
    program = narrow_program(NarrowShape(6, 40, domains, (2, 4, 7, 16, 30, 12) * 8, 3, 4, 1 << 20))
    assert len(table_data(program, ADDRESS_OF, code_limit).parts) > 2
    check_equal(program, edge_rows(program, limit=3), code_limit)


def test_wide_in_several_contracts() -> None:
    program = random_program(Shape(3, 90, [20] * 12))
    assert len(table_data(program, ADDRESS_OF, 1200).parts) > 4
    check_equal(program, edge_rows(program, limit=3), 1200)


def test_without_push0() -> None:
    for domains in ("full", "words", "mixed"):
        program = narrow_program(NarrowShape(7, 18, domains, (2, 4, 7, 16, 30, 12), 2, 3, 1 << 20))
        check_equal(program, edge_rows(program, limit=3), push0=False)
    program = random_program(Shape(3, 5, [9, 30]))
    check_equal(program, edge_rows(program, limit=3), push0=False)


@pytest.mark.parametrize("depth", range(1, 14))
@pytest.mark.parametrize("sign", [1, -1])
def test_every_depth_and_largest_leaves(depth: int, sign: int) -> None:
    """Each chunk's sum alone fits 32 bits; the largest leaf fills it, so each tree is a chunk."""
    most = INT32 if depth <= 5 else INT31
    program = trees_program(full(1), [chain(depth, sign * most)] * 3)
    check_equal(program, [[0], [1], [2], [depth], [U16]])


@pytest.mark.parametrize(("depth", "leaf"), [(3, INT32), (3, -INT32 - 1), (6, INT31), (6, -INT31 - 1)])
def test_leaves_beyond_narrow_ones_are_written_wide(depth: int, leaf: int) -> None:
    program = trees_program(full(1), [chain(depth, leaf)])
    beyond = trees_program(full(1), [chain(depth, leaf + (1 if leaf > 0 else -1))])
    assert is_narrow(program)
    assert not is_narrow(beyond)
    for made in (program, beyond):
        check_equal(made, [[0], [1], [2], [depth], [U16]])


def test_equal_to_the_threshold_whatever_is_beside_it() -> None:
    """Neighbours in memory of all values: a comparison of whole words must not see them."""
    ends = (0, 1, 0xFF, 0x100, 0xFEFF, 0xFF00, U16 - 1, U16)
    trees = [Tree((1,), (min(t, U16 - 1),), (-1,), (-2,), (1 << i,), (1 << i, 1 << i + 9)) for i, t in enumerate(ends)]
    program = trees_program(full(3), trees)
    check_equal(program, [(a, b, a) for a in (0, U16) for b in ends])


def test_no_trees() -> None:
    for features in (full(2), [Feature("x", 0, 1)], [Feature("x", -(1 << 63), (1 << 63) - 1)]):
        check_equal(trees_program(features, [], base=(-7,)), [[feature.high for feature in features]])


@pytest.mark.parametrize("size", [1, 2, 4])
def test_mean_rounds_down(size: int) -> None:
    leaves = (-7, 7)
    trees = [Tree((0,), (0,), (-1,), (-2,), (0,), leaves)] * size
    program = trees_program([Feature("x", 0, 1)], trees, base=(-(1 << 40),), divisor=4)
    check_equal(program, [[0], [1]])


def test_many_outputs() -> None:
    trees = [Tree((0,), (0,), (-1,), (-2,), (0,), (-i, i)) for i in range(70)]
    program = trees_program([Feature("x", 0, 1)], trees, base=tuple(range(70)), output=tuple(range(70)))
    check_equal(program, [[0], [1]], code_limit=1024)


def test_more_features_than_slots_and_records() -> None:
    """Features 64 and up have no narrow lane; records hold 255 features each."""
    for count in (64, 65, 300):
        trees = [Tree((i,), (5,), (-1,), (-2,), (0,), (0, 1 << i % 20)) for i in range(count)]
        check_equal(trees_program(full(count), trees), [[0] * count, list(range(count))])


def test_unused_features_leave_others_alone() -> None:
    features = [Feature(f"f{i}", 0, (1 << 50) if i % 2 else 255) for i in range(9)]
    trees = [Tree((i,), (100,), (-1,), (-2,), (0,), (0, 1 << i)) for i in (2, 4, 8)]
    program = trees_program(features, trees)
    for value in (0, 100, 101, 255):
        check_equal(program, [[value if i % 2 == 0 else (1 << 50) - value for i in range(9)]])


def test_shipped_model() -> None:
    """Features of up to seven bytes, 185 of them: records of wide nodes."""
    program = find_model(PRETRAINED).program
    check_equal(program, edge_rows(program, limit=2))


def test_value_above_its_span_anywhere() -> None:
    for kind, lows in (("words", 256), ("mixed", 0)):
        program = narrow_program(NarrowShape(8, 23, kind, (4, 9), 1, 1, 100))
        row = RowCode(program)
        data = table_data(program, ADDRESS_OF)
        for i, (span, width, offset) in enumerate(zip(row.spans, row.widths, row.offsets, strict=True)):
            assert span >= lows
            packed = bytearray(row.encode([feature.low for feature in program.features]))
            packed[offset : offset + width] = span.to_bytes(width, "big")
            assert not call(data, bytes(packed)).failed
            if span + 1 < 1 << 8 * width:
                packed[offset : offset + width] = (span + 1).to_bytes(width, "big")
                assert call(data, bytes(packed)).reason() == "program: domain", i
                packed[offset : offset + width] = b"\xff" * width
                assert call(data, bytes(packed)).reason() == "program: domain", i


def test_gas_hardly_depends_on_the_row_in_trees_of_fixed_depth() -> None:
    trees = narrow_program(NarrowShape(9, 30, "full", (5,) * 10, 1, 1, 1 << 24)).model.trees
    program = trees_program(full(30), trees)
    data = table_data(program, ADDRESS_OF)
    gas = {call(data, RowCode(program).encode(row)).gas for row in edge_rows(program, limit=5)}
    assert max(gas) - min(gas) <= 4  # the last unit's word may be the first to reach into another word of memory
