from __future__ import annotations

from random import Random

import pytest

from tallystick.exact import Feature, Program
from tallystick.targets.evm import BranchOptions, RowCode, branch_code

from .calls import PROGRAM_HASH, SCORE, WIDE_DOMAINS, check_rows, ensemble, score_call
from .machine import deploy, run

SIX_BYTES = ensemble((), [Feature("a", 0, 65_535), Feature("b", -2, 300), Feature("c", 0, 65_000)], base=(-7,))


def code_of(program: Program) -> bytes:
    return branch_code(program).runtime


@pytest.mark.parametrize("push0", [True, False])
def test_both_forms_return_the_score(push0: bool) -> None:
    runtime = branch_code(SIX_BYTES, BranchOptions(push0)).runtime
    check_rows(runtime, SIX_BYTES, [[1, 2, 3], [0, -2, 0], [65_535, 300, 65_000]])


def test_program_hash_can_be_read() -> None:
    assert run(code_of(SIX_BYTES), PROGRAM_HASH).output == SIX_BYTES.hash


def test_init_code_leaves_the_runtime() -> None:
    for push0 in (True, False):
        code = branch_code(SIX_BYTES, BranchOptions(push0))
        assert deploy(code.initcode) == code.runtime


def test_length_with_more_behind_the_row() -> None:
    data = score_call(RowCode(SIX_BYTES).encode([1, 2, 3])) + bytes(64)
    assert run(code_of(SIX_BYTES), data).words() == (-7,)


def test_length_without_padding() -> None:
    data = score_call(RowCode(SIX_BYTES).encode([1, 2, 3]))[: 68 + 6]
    assert run(code_of(SIX_BYTES), data).words() == (-7,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        SCORE[:3],
        SCORE,
        score_call(bytes(6), offset=64),
        score_call(bytes(6), offset=(1 << 255) + 32),
        score_call(bytes(6), length=5),
        score_call(bytes(6), length=7),
        score_call(bytes(6), length=(1 << 255) + 6),
        score_call(bytes(5)),
        score_call(bytes(6))[: 68 + 5],
    ],
)
def test_invalid_length(data: bytes) -> None:
    assert run(code_of(SIX_BYTES), data).reason() == "program: length"


@pytest.mark.parametrize("data", [bytes(4), bytes(5), bytes(7), b"\xff" * 100])
def test_invalid_selector(data: bytes) -> None:
    assert run(code_of(SIX_BYTES), data).reason() == "program: selector"


@pytest.mark.parametrize("data", ["0000012f0000", "0000ffff0000", "ffff012efde9", "00000000ffff"])
def test_invalid_domain(data: str) -> None:
    row = bytes.fromhex(data)
    assert run(code_of(SIX_BYTES), row).reason() == "program: domain"
    assert run(code_of(SIX_BYTES), score_call(row)).reason() == "program: domain"


def test_row_of_four_bytes_is_no_selector() -> None:
    program = ensemble((), [Feature("a", 0, 65_535), Feature("b", 0, 65_535)], base=(3,))
    check_rows(code_of(program), program, [[SCORE[0] << 8 | SCORE[1], SCORE[2] << 8 | SCORE[3]]])
    assert run(code_of(program), bytes(4)).reason() == "program: selector"


@pytest.mark.parametrize("seed", range(12))
def test_domain_of_every_feature(seed: int) -> None:
    """One more than a feature's span is refused wherever the feature is, and the span itself is not."""
    random = Random(seed)
    features = [Feature(f"f{i}", *random.choice(WIDE_DOMAINS)) for i in range(random.choice((1, 2, 9, 60)))]
    program = ensemble((), features)
    row, code = RowCode(program), code_of(program)
    highest = [feature.high for feature in features]
    check_rows(code, program, [highest, [feature.low for feature in features]])
    for span, width, at in zip(row.spans, row.widths, row.offsets, strict=True):
        for filler in (row.encode(highest), bytes(row.size)):
            for value in {span + 1, (1 << 8 * width) - 1} - {1 << 8 * width, span}:
                data = filler[:at] + value.to_bytes(width, "big") + filler[at + width :]
                assert run(code, data).reason() == "program: domain"
