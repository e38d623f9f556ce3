"""The interpreter's and the front's calls: forms, refusals, answers."""

from __future__ import annotations

import pytest
from eth_abi import encode

from tallystick.exact import Program, score_outputs
from tallystick.hashing import keccak256
from tallystick.runtimes._deploy_factory import FACTORY_CODE
from tallystick.targets.evm import (
    RowCode,
    TableData,
    TableOptions,
    create2_address,
    front_code,
    table_contracts,
    table_data,
)
from tallystick.targets.evm.table._code import TABLE_HASH_SELECTOR, TABLE_SCORE_SELECTOR

from ...exact.programs import edge_rows, program
from .machine import CONTRACT, Outcome, deploy, run
from .tables import ADDRESS_OF, NarrowShape, abi, codes_of, interpreter, narrow_program

PROGRAMS = {
    "words": narrow_program(NarrowShape(1, 20, "full", (9, 16, 4), 1, 1, 1 << 20)),
    "records": narrow_program(NarrowShape(2, 6, "mixed", (9, 30, 4), 3, 2, 1 << 20)),
    "wide": program(),
}
each = pytest.mark.parametrize("made", PROGRAMS.values(), ids=PROGRAMS)


def ask(data: TableData, calldata: bytes) -> Outcome:
    return run(interpreter(True), calldata, codes_of(data))


@each
def test_abi_and_raw_form_agree(made: Program) -> None:
    data = table_data(made, ADDRESS_OF)
    for row in edge_rows(made, limit=2):
        packed = RowCode(made).encode(row)
        raw, other = ask(data, data.address + packed), ask(data, abi(data.address, packed))
        assert raw.words() == other.words() == score_outputs(made, row)


def test_abi_is_what_encoders_write() -> None:
    address, row = bytes(range(1, 21)), b"\x01\x02\x03"
    assert abi(address, row)[4:] == encode(["address", "bytes"], [address, row])
    assert TABLE_SCORE_SELECTOR.to_bytes(4, "big") == keccak256(b"score(address,bytes)")[:4]
    assert TABLE_HASH_SELECTOR.to_bytes(4, "big") == keccak256(b"programHash(address)")[:4]


def test_abi_form_takes_any_padding_and_more_behind_it() -> None:
    made = PROGRAMS["words"]
    data, row = table_data(made, ADDRESS_OF), edge_rows(made)[2]
    packed = RowCode(made).encode(row)
    short = abi(data.address, packed)[: 100 + len(packed)]
    for behind in (b"", b"\xff", b"\xff" * 60):
        assert ask(data, short + behind).words() == score_outputs(made, row)


@each
def test_program_hash(made: Program) -> None:
    data = table_data(made, ADDRESS_OF)
    call = TABLE_HASH_SELECTOR.to_bytes(4, "big") + bytes(12) + data.address
    assert ask(data, call).output == made.hash
    assert ask(data, call[:-1]).reason() == "program: length"
    assert ask(data, call[:-1] + b"\x00").reason() == "table: data"


@each
def test_invalid_length(made: Program) -> None:
    data = table_data(made, ADDRESS_OF)
    row = RowCode(made).encode(edge_rows(made)[0])
    for wrong in (row[:-1], row + b"\x00", b""):
        assert ask(data, data.address + wrong).reason() == "program: length"
        assert ask(data, abi(data.address, wrong)).reason() == "program: length"
    good = abi(data.address, row)
    for at, value in ((67, 0x41), (66, 1), (36, 0xFF), (99, len(row) - 1), (68, 0xFF), (98, 9)):
        assert ask(data, good[:at] + bytes([value]) + good[at + 1 :]).reason() == "program: length", at
    for cut in (4, 16, 35, 99, 100, 99 + len(row)):
        assert ask(data, good[:cut]).reason() == "program: length"
    for short in (b"", b"\x00", b"\xff\xff\xff"):
        assert ask(data, short).reason() == "program: length"


def test_invalid_selector() -> None:
    data = table_data(PROGRAMS["words"], ADDRESS_OF)
    assert ask(data, b"\x01\x02\x03\x04" + bytes(32)).reason() == "program: selector"


def test_invalid_domain_in_both_forms() -> None:
    data = table_data(PROGRAMS["wide"], ADDRESS_OF)
    row = b"\x03\xe9\x00"  # age 1,001 of at most 1,000
    assert ask(data, data.address + row).reason() == "program: domain"
    assert ask(data, abi(data.address, row)).reason() == "program: domain"


@pytest.mark.parametrize("magic", [b"TTb\x00", b"TTb\x02", b"TTp\x01", b"\x00TTb", bytes(4)])
def test_invalid_data(magic: bytes) -> None:
    made = PROGRAMS["words"]
    data = table_data(made, ADDRESS_OF)
    row = RowCode(made).encode(edge_rows(made)[0])
    others = {data.address: data.parts[0][:4] + magic + data.parts[0][8:]}
    hash_call = TABLE_HASH_SELECTOR.to_bytes(4, "big") + bytes(12) + data.address
    for calldata in (data.address + row, abi(data.address, row), hash_call):
        assert run(interpreter(True), calldata, others).reason() == "table: data"


def test_invalid_data_that_is_not_there() -> None:
    made = PROGRAMS["words"]
    row = RowCode(made).encode(edge_rows(made)[0])
    assert run(interpreter(True), b"\x99" * 20 + row).reason() == "table: data"


def test_invalid_part_that_is_not_there() -> None:
    """Missing trees are refused, not left out of the sum."""
    made = narrow_program(NarrowShape(3, 20, "full", (9, 16, 4) * 9, 1, 1, 1 << 20))
    data = table_data(made, ADDRESS_OF, 1024)
    row = RowCode(made).encode(edge_rows(made)[0])
    for missing in data.addresses[1:]:
        others = {address: code for address, code in codes_of(data).items() if address != missing}
        assert run(interpreter(True), data.address + row, others).reason() == "table: data"


def test_data_cannot_be_run() -> None:
    for made in PROGRAMS.values():
        for part in table_data(made, ADDRESS_OF, 1024).parts:
            assert part[0] == 0
            outcome = run(part, b"\x01" * 40)
            assert (outcome.failed, outcome.output) == (False, b"")


@each
@pytest.mark.parametrize("push0", [True, False])
def test_front_has_the_interface_of_the_other_targets(made: Program, push0: bool) -> None:
    data, there = table_data(made, ADDRESS_OF), b"\x55" * 20
    front = front_code(made, there, data.address, push0)
    others = {there: interpreter(push0), **codes_of(data)}
    code = RowCode(made)
    for row in edge_rows(made, limit=2):
        packed = code.encode(row)
        words = (32).to_bytes(32, "big") + len(packed).to_bytes(32, "big")
        call = keccak256(b"score(bytes)")[:4] + words + packed + bytes(-len(packed) % 32)
        expected = score_outputs(made, row)
        assert run(front, packed, others).words() == run(front, call, others).words() == expected
        assert run(front, packed[:-1], others).reason() in ("program: selector", "program: length")
        assert run(front, call[:70], others).reason() == "program: length"
    assert run(front, keccak256(b"programHash()")[:4], others).output == made.hash
    assert run(front, b"\x00" * 5, others).reason() in ("program: selector", "program: length")


def test_front_passes_refusals_on() -> None:
    made, there = PROGRAMS["wide"], b"\x55" * 20
    data = table_data(made, ADDRESS_OF)
    front = front_code(made, there, data.address)
    row = b"\x03\xe9\x00"
    assert run(front, row, {there: interpreter(True), **codes_of(data)}).reason() == "program: domain"
    assert run(front, row, {there: interpreter(True)}).reason() == "table: data"


def test_two_fronts_share_interpreter_and_data() -> None:
    made = PROGRAMS["records"]
    there, data = b"\x55" * 20, table_data(made, ADDRESS_OF)
    again = table_data(Program.from_bytes(made.to_bytes()), ADDRESS_OF)
    assert again == data
    others = {there: interpreter(True), **codes_of(data)}
    fronts = [front_code(made, there, found.address, push0) for found, push0 in ((data, True), (again, False))]
    row = edge_rows(made)[2]
    packed = RowCode(made).encode(row)
    assert fronts[0] != fronts[1]
    assert [run(front, packed, others).words() for front in fronts] == [score_outputs(made, row)] * 2


@each
@pytest.mark.parametrize("push0", [True, False])
@pytest.mark.parametrize("code_limit", [24_576, 1200])
def test_model_with_its_front_in_it(made: Program, push0: bool, code_limit: int) -> None:
    contracts = table_contracts(made, ADDRESS_OF, TableOptions(code_limit, push0))
    assert contracts[0].role == "interpreter"
    parts = len(contracts) - 1
    assert [contract.role for contract in contracts[1:]] == [*(f"data {n}" for n in range(parts, 1, -1)), "model"]
    there = {ADDRESS_OF(contract.initcode): deploy(contract.initcode) for contract in contracts}
    assert list(there.values()) == [contract.runtime for contract in contracts]
    (interpreter_there, *_, model_there), model = there, contracts[-1].runtime
    assert len(model) <= code_limit
    for row in edge_rows(made, limit=2):
        packed = RowCode(made).encode(row)
        expected = score_outputs(made, row)
        assert run(model, packed, there, at=model_there).words() == expected
        calldata = model_there + packed
        assert run(contracts[0].runtime, calldata, there, at=interpreter_there).words() == expected
    assert run(model, keccak256(b"programHash()")[:4], there, at=model_there).output == made.hash


def test_front_is_reached_whatever_the_data_before_it() -> None:
    """A push among the data must not hide the place to jump to."""
    contracts = table_contracts(PROGRAMS["words"], ADDRESS_OF)
    model = contracts[-1].runtime
    for byte in range(256):
        hidden = model[:3] + bytes([byte]) * 125 + model[128:]
        assert run(hidden, keccak256(b"programHash()")[:4]).output == PROGRAMS["words"].hash


def test_factory_deploys_to_the_address_that_follows() -> None:
    """The proxy that most chains have, whose code is no part of this layer."""
    contracts = table_contracts(PROGRAMS["words"], ADDRESS_OF)
    for salt in (bytes(32), b"\x07" * 32):
        code = contracts[1].initcode
        address = create2_address(CONTRACT, code, salt)
        assert run(FACTORY_CODE, salt + code).output == address
        again = run(FACTORY_CODE, salt + code, {address: b"\x00"})
        assert (again.failed, again.output) == (True, b"")
