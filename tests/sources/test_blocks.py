from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import BadRow, SourceError
from tallystick.settings import Settings
from tallystick.sources import open_source

from .worlds import WORLDS, rpc_blocks


def write(folder: Path, *blocks: Any, name: str = "blocks.json") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(block) for block in blocks))
    return path


@pytest.fixture
def plain(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return WORLDS["blocks"](tmp_path_factory.mktemp("plain"))("").read()


def test_read_takes_lists_lines_answers_and_gzip(tmp_path: Path, plain: Any) -> None:
    blocks = rpc_blocks()
    answers = [{"jsonrpc": "2.0", "id": 1, "result": block} for block in blocks]
    forms = {
        "list.json": json.dumps(blocks).encode(),
        "lines.jsonl": "\n\n".join(json.dumps(block) for block in reversed(blocks)).encode(),
        "answers.ndjson": "\n".join(json.dumps(answer) for answer in answers).encode(),
        "answers.json": json.dumps(answers, indent=1).encode(),
    }
    for name, data in forms.items():
        (tmp_path / name).write_bytes(data)
        assert open_source(f"blocks:{tmp_path / name}").read().equals(plain), name
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(data))
        assert open_source(f"blocks:{tmp_path / name}.gz").read().equals(plain), name


def test_read_orders_files_by_their_blocks_not_their_names(tmp_path: Path, plain: Any) -> None:
    for at, block in enumerate(reversed(rpc_blocks())):
        (tmp_path / f"{at}.json").write_text(json.dumps(block, indent=2))
    assert open_source(f"blocks:{tmp_path}").read().equals(plain)


def test_files_outside_the_range_are_not_hashed(tmp_path: Path) -> None:
    make = WORLDS["blocks"](tmp_path)
    assert [file.name for file in make("#1:3").files()] == ["0x1.json", "0x2.json"]
    assert make("#1:3").content_hash() != make("").content_hash()


def test_range_cuts_within_a_file(tmp_path: Path, plain: Any) -> None:
    path = write(tmp_path, rpc_blocks())
    assert open_source(f"blocks:{path}#2:").read().equals(plain.slice(2))


def test_chain_id_is_stated_or_set(tmp_path: Path) -> None:
    blocks = rpc_blocks()
    for block in blocks:
        for transaction in block["transactions"]:
            transaction["chainId"] = "0x7a69"
    path = write(tmp_path, blocks)
    assert open_source(f"blocks:{path}").read()["chain_id"].unique().to_pylist() == [31337]
    with pytest.raises(SourceError, match="of chain 31337, earlier ones of chain 5"):
        open_source(f"blocks:{path}", settings=Settings(chain_id=5)).read()
    del blocks[1]["transactions"][0]["chainId"]
    blocks[1]["transactions"][1]["chainId"] = "0x1"
    with pytest.raises(SourceError, match=r"chains \[1, 31337\]"):
        open_source(f"blocks:{write(tmp_path, blocks)}").read()
    blocks[1]["transactions"][1]["chainId"] = "x"
    with pytest.raises(SourceError, match="not hexadecimal"):
        open_source(f"blocks:{write(tmp_path, blocks)}").read()


BAD = [
    ("value", "-0x1", "not a quantity"),
    ("input", "0x600", "not hexadecimal bytes"),
    ("value", "1", "not a quantity"),
    ("value", hex(1 << 256), "2\\*\\*256"),
    ("value", "0xzz", "not hexadecimal"),
    ("value", "0x", "not a quantity"),
    ("from", "0x12", "40 hexadecimal"),
    ("to", "0x" + "g" * 40, "not hexadecimal"),
    ("hash", "0x" + "  " * 16 + "11" * 16, "not hexadecimal"),
    ("input", "6001", "not hexadecimal bytes"),
    ("input", "0xzzzzzzzz", "not hexadecimal"),
    ("gasPrice", hex(1 << 64), "2\\*\\*64"),
    ("gasPrice", "0xz", "2\\*\\*64"),
    ("transactionIndex", "0x7", "position in the block"),
]


@pytest.mark.parametrize(("field", "text", "cause"), BAD)
def test_invalid_transaction_is_reported_with_its_place(tmp_path: Path, field: str, text: str, cause: str) -> None:
    blocks = rpc_blocks()
    blocks[1]["transactions"][1][field] = text
    path = write(tmp_path, *blocks, name="blocks.jsonl")
    with pytest.raises(BadRow, match=cause) as caught:
        open_source(f"blocks:{path}").read()
    where = caught.value.where
    assert (where["file"], where["line"], where["column"]) == (str(path), 2, f"transactions[1].{field}")
    source = open_source(f"blocks:{path}", skip_bad_rows=True)
    assert (source.read().num_rows, source.bad_rows.count) == (4, 1)


def test_invalid_structure_is_a_bad_row(tmp_path: Path) -> None:
    blocks = rpc_blocks()
    del blocks[1]["transactions"][0]["from"]
    blocks[2]["timestamp"] = "soon"
    del blocks[4]["parentHash"]
    source = open_source(f"blocks:{write(tmp_path, *blocks)}", skip_bad_rows=True)
    assert source.read()["block_number"].to_pylist() == [1]
    assert [(note.line, note.column) for note in source.bad_rows.first] == [
        (2, "transactions[0]"),
        (3, "timestamp"),
        (5, None),
    ]


def test_invalid_hashes_only_are_refused(tmp_path: Path) -> None:
    block = rpc_blocks()[1] | {"transactions": ["0x" + "00" * 32]}
    with pytest.raises(SourceError, match="hashes only"):
        open_source(f"blocks:{write(tmp_path, block)}").read()


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("[1", "not block JSON"),
        ("[]", "holds no block"),
        ('{"number": "x"}', "not hexadecimal"),
        ('{"number": 5}', "not block JSON"),
        ('{"number": "0x1"}\nx', "not valid JSON"),
    ],
)
def test_invalid_file_is_refused(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(SourceError, match=cause):
        open_source(f"blocks:{path}").read()


def test_invalid_repeated_or_overlapping_blocks_are_refused(tmp_path: Path) -> None:
    blocks = rpc_blocks()
    with pytest.raises(SourceError, match="twice"):
        open_source(f"blocks:{write(tmp_path, blocks[1], blocks[1])}").read()
    write(tmp_path, blocks[:3])
    write(tmp_path, blocks[2:], name="more.json")
    with pytest.raises(SourceError, match="overlap"):
        open_source(f"blocks:{tmp_path}").read()


def test_invalid_folder_or_gzip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no \.json"):
        open_source(f"blocks:{tmp_path}").read()
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(rpc_blocks()).encode())[:-20])
    with pytest.raises(SourceError, match="cut off"):
        open_source(f"blocks:{tmp_path}").read()


def test_invalid_times_across_files_are_refused(tmp_path: Path) -> None:
    WORLDS["blocks"](tmp_path)
    block = rpc_blocks()[4] | {"timestamp": "0x1"}
    (tmp_path / "0x4.json").write_text(json.dumps(block))
    with pytest.raises(SourceError, match="backwards"):
        open_source(f"blocks:{tmp_path}").read()


@pytest.mark.data
def test_real_blocks_equal_a_plain_reading(data_dir: Path) -> None:
    source = open_source(f"blocks:{data_dir / 'mainnet_blocks'}")
    table = source.read()
    rows = iter(table.to_pylist())
    count = 0
    for file in sorted((data_dir / "mainnet_blocks").glob("*.json.gz")):
        block = json.loads(gzip.decompress(file.read_bytes()))
        for index, transaction in enumerate(block["transactions"]):
            row = next(rows)
            assert (row["block_number"], row["transaction_index"]) == (int(block["number"], 16), index)
            assert row["transaction_hash"].hex() == transaction["hash"][2:]
            assert int.from_bytes(row["value_binary"], "big") == int(transaction["value"], 16)
            assert row["to_address"] == (bytes.fromhex(transaction["to"][2:]) if transaction["to"] else None)
            count += 1
    assert table.num_rows == count == 19_742
    assert set(table["chain_id"].unique().to_pylist()) == {1}
