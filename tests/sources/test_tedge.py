from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.errors import BadRow
from tallystick.sources import open_source
from tallystick.sources._synthetic import edge_hashes, node_address, node_addresses

from .worlds import WORLDS


def test_edges_become_transfers_in_time_order(tmp_path: Path) -> None:
    rows = WORLDS["tedge"](tmp_path)("").read().to_pylist()
    assert [(row["block_number"], row["transaction_index"], row["timestamp"]) for row in rows] == [
        (0, 0, 100),
        (1, 0, 200),
        (2, 0, 300),
        (2, 1, 300),
    ]
    assert [int.from_bytes(row["value_binary"], "big") for row in rows] == [
        1,
        0,
        16_550_000_000_000_000_000,
        20_800_981_670_000_000_000,
    ]
    assert [row["transaction_hash"][-1] for row in rows] == [1, 3, 0, 2]
    assert {row["chain_id"] for row in rows} == {0}
    assert rows[0]["from_address"] == b"tedge node\0\0" + (2).to_bytes(8, "big")


def test_synthetic_names_are_reversible() -> None:
    ids = [0, 1, 255, 256, 10**12]
    assert [bytes(row) for row in node_addresses(ids)] == [node_address(str(one)) for one in ids]
    assert [int.from_bytes(bytes(row)[24:], "big") for row in edge_hashes(ids)] == ids


def test_labels_are_of_the_same_addresses(tmp_path: Path) -> None:
    source = WORLDS["tedge"](tmp_path)("")
    labels = source.labels()
    assert labels is not None
    assert labels["address"].to_pylist() == ["0x" + node_address("1").hex()]
    (tmp_path / "nodes.csv").unlink()
    assert source.labels() is None


def test_invalid_label_is_counted_with_the_sources_bad_rows(tmp_path: Path) -> None:
    WORLDS["tedge"](tmp_path)
    with (tmp_path / "nodes.csv").open("a") as file:
        file.write("1,x,1.0,True\n")
    with pytest.raises(BadRow) as caught:
        open_source(f"tedge:{tmp_path}").labels()
    assert caught.value.where["line"] == 3
    source = open_source(f"tedge:{tmp_path}", skip_bad_rows=True)
    labels = source.labels()
    assert labels is not None
    assert (labels.num_rows, source.bad_rows.count, source.bad_rows.first[0].line) == (1, 1, 3)


def test_invalid_edge_is_reported_with_its_place(tmp_path: Path) -> None:
    WORLDS["tedge"](tmp_path)
    path = tmp_path / "edges.csv"
    path.write_text(path.read_text().replace("16.55", "-16.55"))
    with pytest.raises(BadRow, match="negative") as caught:
        open_source(f"tedge:{path}").read()
    assert (caught.value.where["line"], caught.value.where["column"]) == (2, "amount")


@pytest.mark.data
def test_real_edges_are_read_whole(data_dir: Path) -> None:
    source = open_source(f"tedge:{data_dir / 'tedge'}")
    table = source.read()
    assert (table.num_rows, source.bad_rows.count) == (106_083, 0)
    accounts = {cell.hex() for name in ("from_address", "to_address") for cell in table[name].to_pylist()}
    labels = source.labels()
    assert labels is not None
    assert {address[2:] for address in labels["address"].to_pylist()} <= accounts
