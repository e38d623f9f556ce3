"""Linear models and multilayer perceptrons as contracts, run in another machine and compared with the reference."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings

from tallystick.errors import ProgramError
from tallystick.exact import DenseLayer, Mlp, Program, score_outputs
from tallystick.hashing import keccak256
from tallystick.targets.evm import DenseCode, DenseOptions, RowCode, dense_code

from ...exact.programs import program as trees
from .dense_programs import BYTE, dense, dense_programs, extreme_rows, linear, make
from .machine import Outcome, deploy, run

DATA = DenseOptions(inline=False)
SMALL = DenseOptions(inline=False, code_limit=4000)
INT32 = (-(1 << 31), (1 << 31) - 1)


def addresses_of(code: DenseCode) -> list[bytes]:
    return [bytes([9] * 19 + [number]) for number in range(len(code.data))]


def call(code: DenseCode, calldata: bytes) -> Outcome:
    addresses = addresses_of(code)
    return run(code.runtime(addresses), calldata, dict(zip(addresses, code.data, strict=True)))


def abi(row: bytes) -> bytes:
    head = keccak256(b"score(bytes)")[:4] + (32).to_bytes(32, "big") + len(row).to_bytes(32, "big")
    return head + row + bytes(-len(row) % 32)


def check(program: Program, options: DenseOptions | None = None) -> DenseCode:
    code = dense_code(program, options)
    for row in extreme_rows(program):
        packed = RowCode(program).encode(row)
        expected = score_outputs(program, row)
        assert call(code, packed).words() == expected
        assert call(code, abi(packed)).words() == expected
    return code


@settings(max_examples=25, deadline=None)
@given(dense_programs())
def test_equals_reference(program: Program) -> None:
    check(program)


@settings(max_examples=20, deadline=None)
@given(dense_programs())
def test_equals_reference_with_data(program: Program) -> None:
    check(program, DATA)


@settings(max_examples=20, deadline=None)
@given(dense_programs())
def test_equals_reference_with_data_contracts(program: Program) -> None:
    assume(len(program.features) <= 40)  # more do not fit
    code = check(program, SMALL)
    assert max(len(part) for part in (code.runtime(addresses_of(code)), *code.data)) <= SMALL.code_limit


@pytest.mark.parametrize("options", [None, DATA, DenseOptions(push0=False)])
@pytest.mark.parametrize("weight", [-128, -1, 0, 127])
@pytest.mark.parametrize(("shift", "low", "high"), [(0, *INT32), (31, *INT32), (7, 0, 255), (3, -128, 127), (0, 5, 6)])
def test_extremes(options: DenseOptions | None, weight: int, shift: int, low: int, high: int) -> None:
    """All weights at an end of int8, with clips on and off."""
    layer = DenseLayer(((weight,) * 33,) * 4, (0, -1, 1, -1_000_000), shift, low, high)
    check(make([BYTE] * 32 + [(-128, 127)], Mlp((layer,))), options)


@pytest.mark.parametrize("options", [DATA, DenseOptions(code_limit=65_536)])
@pytest.mark.parametrize("inputs", [258, 259, 784])
@pytest.mark.parametrize("weight", [(-128, 127), (127, -128)])
def test_lanes_that_are_full(options: DenseOptions, inputs: int, weight: tuple[int, int]) -> None:
    """A lane of 24 bits holds 258 products of 255 by 255: sums are looked at in between."""
    rows = tuple((one,) * inputs for one in (*weight, *weight))
    check(make([BYTE] * inputs, Mlp((DenseLayer(rows, (0, -1, 1, 5), 3, *INT32),))), options)


@pytest.mark.parametrize("options", [None, DATA])
def test_layers_feed_each_other(options: DenseOptions | None) -> None:
    first = DenseLayer(((100, -100), (1, 1), (0, 0)), (0, -5, 7), 3, -40, 90)  # the last one never changes
    last = DenseLayer(((3, -4, 5), (-1, 0, 9)), (1, 2), 1, *INT32)
    check(make([BYTE, (-50, 50)], Mlp((first, last))), options)


@pytest.mark.parametrize("options", [None, DATA])
def test_weights_from_zero_up(options: DenseOptions | None) -> None:
    """Nothing to take out of the sums, nothing to add, nothing to shift."""
    check(make([BYTE] * 12, Mlp((DenseLayer(((0, 127) * 6, (1, 2) * 6), (0, 0), 0, *INT32),))), options)


def test_constant_program() -> None:
    """No input can change: no lanes, no data."""
    layer = DenseLayer(((5, -6),), (3,), 1, -100, 100)
    code = check(make([(7, 7), (-2, -2)], Mlp((layer, DenseLayer(((2,),), (0,), 0, -9, 9)))), DATA)
    assert code.layouts == ("code", "code")


@pytest.mark.parametrize("options", [None, DATA])
def test_linear_at_the_ends_of_int64(options: DenseOptions | None) -> None:
    wide = (-(1 << 62), (1 << 62) - 1)
    check(linear([(1, 0, 0), (-1, 1 << 40, 0), (0, 0, -(1 << 62))], [wide, (0, 1 << 20), (0, 1)], base=-12345), options)


@pytest.mark.parametrize("options", [None, DATA])
def test_widest_lanes(options: DenseOptions | None) -> None:
    """The largest weight of one feature and the largest value of another meet in a lane that nobody wants."""
    wide = (0, (1 << 63) - 1)
    check(linear([(1, 0), (0, (1 << 63) - 1), (-1, 0), (0, 1 - (1 << 63))], [wide, (0, 1)]), options)


def test_data_contracts_are_shared_by_content() -> None:
    program = dense(784, 40)
    code = dense_code(program)
    assert code.layouts == ("data",)
    assert len(code.data) == 2
    assert all(data[:1] == b"\x00" and len(data) <= 24_576 for data in code.data)
    assert [deploy(init) for init in code.data_initcodes] == list(code.data)
    assert deploy(code.initcode(addresses_of(code))) == code.runtime(addresses_of(code))
    row = [255 - i % 256 for i in range(784)]
    assert call(code, RowCode(program).encode(row)).words() == score_outputs(program, row)


def test_largest_layer_becomes_data_first() -> None:
    first = dense(784, 16).model
    assert isinstance(first, Mlp)
    last = DenseLayer(((1, -2) * 8,), (0,), 0, *INT32)
    code = dense_code(make([BYTE] * 784, Mlp((*first.layers, last))))
    assert code.layouts == ("data", "code")
    assert code.data == ()


def test_long_linear_model() -> None:
    program = linear([[(i * 7919) % 4001 - 2000 for i in range(400)]] * 40, [(0, 65_535)] * 400)
    code = dense_code(program)
    assert code.layouts == ("data",)
    assert len(code.data) == 2
    row = [(i * 40_503) % 65_536 for i in range(400)]
    assert call(code, RowCode(program).encode(row)).words() == score_outputs(program, row)


def test_gas_of_784_by_16() -> None:
    """One contract, one call: below three gas for a multiplication with all that belongs to it."""
    program = dense(784, 16)
    code = dense_code(program)
    assert code.data == ()
    outcome = call(code, RowCode(program).encode([(i * 37) % 256 for i in range(784)]))
    assert outcome.gas <= 3 * 784 * 16
    assert len(code.runtime()) <= 22_000


def test_gas_of_784_by_16_as_code() -> None:
    program = dense(784, 16)
    code = dense_code(program, DenseOptions(code_limit=65_536))
    assert code.layouts == ("code",)
    assert call(code, RowCode(program).encode([(i * 37) % 256 for i in range(784)])).gas <= 2 * 784 * 16


def test_gas_of_32_by_16() -> None:
    program = dense(32, 16)
    outcome = call(dense_code(program), RowCode(program).encode([255] * 32))
    assert outcome.gas <= 2_000


def test_program_hash() -> None:
    program = dense(3, 2)
    outcome = call(dense_code(program), keccak256(b"programHash()")[:4])
    assert outcome.output == program.hash


@pytest.mark.parametrize("options", [None, DATA])
def test_invalid_calls_revert(options: DenseOptions | None) -> None:
    program = make([(0, 200), (0, 255), (-3, 1000)], Mlp((DenseLayer(((1, 2, 3),), (0,), 0, *INT32),)))
    code = dense_code(program, options)
    assert call(code, bytes([201, 0, 0, 0])[:3]).reason() == "program: length"
    row = RowCode(program).encode([200, 255, 1000])
    assert len(row) == 5
    assert call(code, b"\x00" + bytes([201]) + row[2:]).reason() == "program: domain"
    assert call(code, row[:3] + (1004).to_bytes(2, "big")).reason() == "program: domain"
    assert call(code, row[:-1]).failed
    assert call(code, abi(row)[:-32]).reason() == "program: length"
    assert call(code, abi(row + b"\x00")).reason() == "program: length"


def test_invalid_kind() -> None:
    with pytest.raises(ProgramError, match="packed lanes are for linear"):
        dense_code(trees())


def test_invalid_code_limit() -> None:
    with pytest.raises(ProgramError, match="does not fit into 700 bytes"):
        dense_code(dense(100, 3), DenseOptions(code_limit=700))
    with pytest.raises(ProgramError, match="does not fit into 3000 bytes"):
        dense_code(dense(1000, 20), DenseOptions(code_limit=3000))  # nor do the weights of three outputs


def test_invalid_addresses() -> None:
    code = dense_code(dense(784, 40))
    with pytest.raises(ProgramError, match="needs 2 addresses"):
        code.runtime()
    with pytest.raises(ProgramError, match="20 bytes each"):
        code.runtime([bytes(20), bytes(19)])
