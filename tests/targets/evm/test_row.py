from __future__ import annotations

import pytest
from hypothesis import given

from tallystick.errors import RangeError
from tallystick.exact import Feature, Program
from tallystick.targets.evm import RowCode

from ...exact.programs import edge_rows, programs
from .calls import ensemble


def row_code(*domains: tuple[int, int]) -> RowCode:
    return RowCode(ensemble((), [Feature(f"f{i}", *domain) for i, domain in enumerate(domains)]))


def test_row_packs_without_gaps() -> None:
    code = row_code((-1, 254), (0, 1000), (5, 261))
    assert (code.widths, code.offsets, code.size, code.spans) == ((1, 2, 2), (0, 1, 3), 5, (255, 1000, 256))
    assert code.encode([0, 258, 261]).hex() == "0101020100"


def test_row_of_four_bytes_has_one_in_front() -> None:
    code = row_code((0, 65_535), (0, 65_535))
    assert (code.offsets, code.size) == ((1, 3), 5)
    assert code.encode([1, 2]).hex() == "0000010002"


def test_widest_domain_takes_eight_bytes() -> None:
    code = row_code((-(1 << 63), (1 << 63) - 1))
    assert code.encode([-(1 << 63)]) == bytes(8)
    assert code.encode([(1 << 63) - 1]) == b"\xff" * 8


def test_invalid_row_outside_the_domain() -> None:
    with pytest.raises(RangeError, match=r"outside \[0, 3\]"):
        row_code((0, 3)).encode([4])


@given(programs(max_leaves=4))
def test_row_can_be_read_back(program: Program) -> None:
    code = RowCode(program)
    for row in edge_rows(program)[:3]:
        data = code.encode(row)
        assert len(data) == code.size
        places = zip(code.offsets, code.widths, program.features, strict=True)
        assert [int.from_bytes(data[at : at + width], "big") + f.low for at, width, f in places] == list(row)


def test_pack_takes_what_the_bytes_can_say() -> None:
    assert row_code((0, 3)).pack([4]) == b"\x04"
    for value in (-1, 256):
        with pytest.raises(OverflowError):
            row_code((0, 3)).pack([value])
