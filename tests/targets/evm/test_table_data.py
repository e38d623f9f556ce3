"""Data contracts: their bytes, their addresses, and programs that have none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tallystick.errors import ProgramError
from tallystick.exact import DenseLayer, ErrorBound, Feature, Mlp, Program
from tallystick.hashing import keccak256
from tallystick.targets.evm import create2_address, interpreter_code, table_data
from tallystick.targets.evm.table._data import TableData
from tallystick.targets.evm.table._layout import FIXED, MODES

from .table_vectors import FOLDER, texts
from .tables import ADDRESS_OF, FACTORY, U16, NarrowShape, chain, full, narrow_program, trees_program


@pytest.mark.parametrize("name", ["table"])
def test_vectors_stay(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="ascii") == texts()[f"{name}.json"]


def test_vectors_hold_every_mode() -> None:
    content: dict[str, Any] = json.loads((FOLDER / "table.json").read_text(encoding="ascii"))
    parts = "".join(part for case in content["cases"] for part in case["parts"])
    assert len(content["cases"]) == 5
    assert all(f"{mode:02x}" in parts for _, mode in MODES)


def test_same_program_same_address_another_factory_another() -> None:
    made = narrow_program(NarrowShape(4, 9, "words", (5, 9), 1, 1, 99))
    data = table_data(made, ADDRESS_OF)
    assert data == table_data(Program.from_bytes(made.to_bytes()), ADDRESS_OF)
    assert data.address == create2_address(FACTORY, data.initcodes[-1]) == data.addresses[0]
    assert data.address != create2_address(b"\x78" * 20, data.initcodes[-1])
    assert data.address != create2_address(FACTORY, data.initcodes[-1], b"\x01" * 32)
    other = table_data(made.calibrated(made.calibration, 5), ADDRESS_OF)  # same trees, another program
    assert data.address != other.address


def test_address_commits_to_every_part() -> None:
    made = narrow_program(NarrowShape(4, 20, "full", (9, 16, 4) * 9, 1, 1, 1 << 20))
    data = table_data(made, ADDRESS_OF, 1024)
    for part, following in zip(data.parts, data.addresses[1:], strict=False):
        assert following in part
    assert len(data.initcodes) == len(data.parts)
    assert [ADDRESS_OF(code) for code in data.initcodes] == list(reversed(data.addresses))


def test_bytes_of_one_stump() -> None:
    """Every byte by hand, as ``docs/formats/evm-table-v1.md`` says."""
    from tallystick.exact import Tree

    made = trees_program(full(1), [Tree((0,), (0x1234,), (-1,), (-2,), (0,), (-2, 7))], base=(-1,))
    head = bytes(4) + b"TTb\x01" + b"\x01" + bytes(20) + b"\x00\x00\x02"
    first = b"\x00\x2c" + bytes([dict(MODES)["depth1"], 0]) + (0x160).to_bytes(3, "big") + bytes(23) + b"\x00\x80"
    done = b"\x00\x20" + bytes([dict(MODES)["end1"]]) + bytes(27) + b"\x00\xac"
    tree = b"\x00\x12\x34\xff" + b"\xff\xff\xff\xfe" + b"\x00\x00\x00\x07"
    expected = head + made.hash + b"\xff" * 32 + first + done + tree
    assert table_data(made, ADDRESS_OF).parts == (expected,)


def test_strides_are_what_the_format_says() -> None:
    assert [(kind.depth, kind.stride) for kind in FIXED] == [(1, 12), (2, 32), (3, 64), (4, 128), (5, 288)]
    assert [mode for _, mode in MODES] == list(range(3, 73, 5))
    assert len(interpreter_code()) < 9_000


def test_create2_of_the_standard() -> None:
    """Examples of EIP-1014."""
    deployer = bytes.fromhex("deadbeef00000000000000000000000000000000")
    salt = bytes.fromhex("000000000000000000000000feed000000000000000000000000000000000000")
    assert create2_address(deployer, b"\x00", salt).hex() == "d04116cdd17bebe565eb2422f2497e06cc1c9833"
    assert create2_address(bytes(20), b"\x00").hex() == "4d1a2e2bb4f88f0250f26ffff098b0b30b26bf38"


def refusal(made: Program, code_limit: int = 24_576) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        table_data(made, ADDRESS_OF, code_limit)
    return caught.value


def test_invalid_kind() -> None:
    layer = DenseLayer(((1,),), (0,), 0, 0, 9)
    made = Program((Feature("x", 0, 9),), bytes(32), Mlp((layer,)), 0, ErrorBound(0, "by hand"))
    assert refusal(made).cause == "a table holds trees only"


def test_invalid_code_limit() -> None:
    assert refusal(trees_program(full(1), []), 1023).where["value"] == 1023
    assert isinstance(table_data(trees_program(full(1), []), ADDRESS_OF, 1 << 20), TableData)


def test_invalid_outputs() -> None:
    made = trees_program(full(1), [], base=(0,) * 2048)
    assert refusal(made).where["value"] == 2048
    assert table_data(trees_program(full(1), [], base=(0,) * 2047), ADDRESS_OF).parts


def test_invalid_tree_above_the_limit() -> None:
    assert refusal(trees_program(full(1), [chain(70, 9)]), 1024).cause == "a tree does not fit into a data contract"


def test_invalid_features_beyond_the_lanes() -> None:
    from tallystick.exact import Tree

    stumps = [Tree((i,), (5,), (-1,), (-2,), (0,), (0, 1)) for i in range(4200)]
    made = trees_program([Feature(f"f{i}", 0, U16 + 1) for i in range(4200)], stumps)
    assert refusal(made).where["value"] == 4200


def test_hash_stands_at_its_place() -> None:
    made = narrow_program(NarrowShape(4, 9, "words", (5, 9), 1, 1, 99))
    part = table_data(made, ADDRESS_OF).parts[0]
    assert part[32:64] == made.hash != keccak256(part)
