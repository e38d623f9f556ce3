from __future__ import annotations

import gas
import pytest
from _gas import dense, models, report, solidity
from _gas.measure import outlook
from eth_hash.auto import keccak

from tallystick.exact import ErrorBound, Feature, Program, Tree, TreeEnsemble

FEATURES = tuple(Feature(f"u16_{index}", 0, 65_535) for index in range(18))
MODEL = TreeEnsemble((Tree((17, 0), (9, 3), (1, -1), (-3, -2), (0, 0), (-5, 7, 1)),), (40,))
PROGRAM = Program(FEATURES, bytes(32), MODEL, 0, ErrorBound(0, "exact"))


def form(name: str) -> solidity.Form:
    return next(one for one in solidity.FORMS if one.name == name)


def test_peer_is_nested_ifs() -> None:
    source = solidity.source_of(PROGRAM, form("uint256 array"))
    assert "function score(uint256[18] calldata f) external pure returns (int256 s)" in source
    assert "s = 40;" in source
    nested = "if (f[17] <= 9) { if (f[0] <= 3) { s += -5; } else { s += 7; } } else { s += 1; }"
    assert nested in source


def test_peer_with_the_likely_side_first() -> None:
    rows = [[0] * 17 + [10], [0] * 17 + [11], [9] * 18]
    likely = solidity.likely_sides(PROGRAM, rows)
    assert likely == [[False, False]]
    source = solidity.source_of(PROGRAM, form("uint256 array"), likely)
    assert "if (f[17] > 9) { s += 1; } else { if (f[0] > 3) { s += 7; } else { s += -5; } }" in source


def test_peer_reads_packed_words() -> None:
    packed = form("packed words")
    source = solidity.source_of(PROGRAM, packed)
    assert "score(uint256 w0, uint256 w1)" in source
    assert "(((w1 >> 224) & 0xffff) <= 9)" in source
    assert "((w0 >> 240) <= 3)" in source
    row = list(range(1, 19))
    call = packed.calldata(row)
    assert call[:4] == keccak(b"score(uint256,uint256)")[:4]
    words = [int.from_bytes(call[4 + 32 * i : 36 + 32 * i], "big") for i in range(2)]
    assert [(words[i // 16] >> 16 * (15 - i % 16)) & 0xFFFF for i in range(18)] == row
    assert form("uint16 array").calldata(row)[:4] == keccak(b"score(uint16[18])")[:4]


def test_rows_are_the_data_then_edges_then_chance() -> None:
    rows = models.check_rows(PROGRAM)
    data = models.quantised()[0]
    assert data.shape == (models.DATA_ROWS, 30)
    assert (data.min(), data.max()) == (0, models.TOP)
    assert rows[: models.DATA_ROWS] == data.tolist()
    assert all(0 <= value <= models.TOP for row in rows for value in row)


def test_dense_tasks() -> None:
    tasks = dense.tasks()
    assert [dense.macs(task.program) for task in tasks] == [784 * 16, 32 * 16, 30]
    assert all(len(task.rows) >= 1_000 for task in tasks)


def test_path_length() -> None:
    (tree,) = MODEL.trees
    assert [gas.path_length(tree, [0] * 17 + [value]) for value in (9, 10)] == [2, 1]


def test_outlook_by_hand() -> None:
    case = {"layout": "branch", "model": "m", "bytes": 10_000, "calldata_bytes": 60, "gas": 2_000.4, "cold_gas": 100}
    assert outlook(case) == {
        "layout": "branch",
        "model": "m",
        "bytes": 10_000,
        "deposit_now": 2_000_000,
        "deposit_eip8037": 15_300_000,
        "call_now": 21_000 + 960 + 2_100,
        "call_floor_eip7976": 21_000 + 3_840,
    }


def test_table_of_the_report() -> None:
    lines = list(report.table(("a", "b"), [{"a": 1_000, "b": None}, {"a": 2.5, "b": True}]))
    assert lines == ["|     a |    b |", "|------:|-----:|", "| 1,000 |    – |", "|   2.5 | True |"]


@pytest.mark.slow
@pytest.mark.chain
def test_figures_hold_what_is_claimed() -> None:
    """The targets of gas and bytes, beside the peer, every row checked."""
    found = gas.measure(quick=True)
    assert found["branch_gas_per_tree"] <= 105
    assert found["table_gas_per_tree"] <= 250
    assert found["branch_gas_per_tree"] < found["solidity_gas_per_tree"] / 1.5
    assert found["mac_gas"] <= 6.5
    assert found["rows_checked"] >= 1_000
    assert found["branch_bytes_per_node"] > found["table_bytes_per_node"] > 0
    assert "solc" in found["versions"]
    assert "branch_gas_per_tree" in report.text(found)
