from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import FakeNode, FakeTransaction
from tallystick.errors import BadRow, ChainError, SourceError, WrongChain
from tallystick.settings import Settings
from tallystick.sources import open_source, parse_source
from tallystick.sources._from_blocks import TRANSFER_TOPIC
from tallystick.sources._rpc import RpcSource

from .worlds import TOKEN, A, B, word


def source_of(node: FakeNode, blocks: str = "", **options: Any) -> RpcSource:
    skip = options.pop("skip_bad_rows", False)
    spec = parse_source(f"rpc:http://user:secret@127.0.0.1:1/key{blocks}")
    settings = Settings(rpc_batch_size=3, rpc_retries=0, **{"confirmations": 0, **options})
    return RpcSource(spec, settings=settings, skip_bad_rows=skip, transport=node)


def test_describe_hides_what_may_be_secret() -> None:
    assert "secret" not in str(source_of(FakeNode()).describe())
    assert "key" not in str(source_of(FakeNode()).describe()["path"])


def test_open_range_ends_at_the_head_first_seen() -> None:
    node = FakeNode()
    node.mine(4, [FakeTransaction()])
    source = source_of(node)
    before = source.content_hash()
    node.mine(2, [FakeTransaction()])
    assert source.read().num_rows == 4
    assert source.content_hash() == before
    assert source_of(node).read().num_rows == 6
    assert source_of(node, "#100:").read().num_rows == 0


def test_open_range_leaves_out_the_newest_blocks() -> None:
    assert Settings().confirmations == 12
    node = FakeNode()
    node.mine(11, [FakeTransaction()])
    assert source_of(node, confirmations=12).read().num_rows == 0  # only block 0 is deep enough, and it has none
    node.mine(9, [FakeTransaction()])
    for blocks, want in (("", range(1, 9)), ("#5:", range(5, 9)), ("#12:", ()), ("#:20", range(1, 20))):
        table = source_of(node, blocks, confirmations=12).read()
        assert table["block_number"].to_pylist() == list(want), blocks
    # a reorganisation of the left out blocks changes nothing that was read
    before = source_of(node, "", confirmations=12).content_hash()
    node.reorg(12)
    assert source_of(node, "", confirmations=12).content_hash() == before


def test_content_hash_changes_with_the_chain() -> None:
    node, other = FakeNode(), FakeNode(chain_id=5)
    for one in (node, other):
        one.mine(4)
    before = source_of(node, "#0:4").content_hash()
    assert before != source_of(node, "#0:3").content_hash()
    assert before != source_of(other, "#0:4").content_hash()
    node.reorg(2)
    assert before != source_of(node, "#0:4").content_hash()


def test_odd_transfer_events_are_left_out() -> None:
    node = FakeNode()
    topics = (TRANSFER_TOPIC, word(A), word(B))
    logs = (
        (TOKEN, topics, "0x"),
        (TOKEN, topics[:2], word("0x1")),
        (TOKEN, topics, word("0x7")),
        (TOKEN, (*topics, word("0x1")), word("0x1")),
    )
    node.mine(1, [FakeTransaction(logs=logs)])
    table = source_of(node).read()
    assert table["transfer_index"].to_pylist() == [0, 1]
    assert int.from_bytes(table["value_binary"][1].as_py(), "big") == 7


def test_receipts_one_by_one_give_the_same() -> None:
    node = FakeNode()
    node.mine(5, [FakeTransaction(), FakeTransaction(succeeds=False, recipient=None)])
    want = source_of(node).read()
    node.unsupported.add("eth_getBlockReceipts")
    assert source_of(node).read().equals(want)
    assert want["to_address"].null_count == 5  # nothing was created


def test_chain_id_is_the_nodes() -> None:
    node = FakeNode(chain_id=31337)
    node.mine(1, [FakeTransaction()])
    assert source_of(node, chain_id=31337).read()["chain_id"].to_pylist() == [31337]
    with pytest.raises(WrongChain):
        source_of(node, chain_id=1).read()


def test_invalid_transaction_is_reported_with_its_block() -> None:
    node = FakeNode()
    node.mine(3, [FakeTransaction(), FakeTransaction(sender="0x12")])
    with pytest.raises(BadRow, match="40 hexadecimal") as caught:
        source_of(node).read()
    assert (caught.value.where["line"], caught.value.where["column"]) == (1, "transactions[1].from")
    source = source_of(node, skip_bad_rows=True)
    assert (source.read().num_rows, source.bad_rows.count) == (3, 3)


def test_invalid_timestamp_is_refused() -> None:
    node = FakeNode(block_time_s=1 << 32)
    node.mine(1, [FakeTransaction()])
    with pytest.raises(SourceError, match="below 2\\*\\*32"):
        source_of(node).read()


def test_invalid_url_is_refused() -> None:
    with pytest.raises(SourceError, match="not an http"):
        open_source("rpc:/some/path")


def test_invalid_range_beyond_the_head_is_refused() -> None:
    with pytest.raises(ChainError, match="head is at block 0"):
        source_of(FakeNode(), "#0:5").read()


@pytest.mark.chain
def test_embedded_chain_is_read(embedded_chain: Any, tmp_path: Path) -> None:
    from tallystick.chain import EmbeddedSigner, connect, send_transaction

    w3 = connect(embedded_chain.url)
    sender, recipient = embedded_chain.accounts[0], embedded_chain.accounts[1]
    signer = EmbeddedSigner(sender)
    receipt = send_transaction(w3, signer, {"to": recipient.address, "value": 12_345})
    text = f"rpc:{embedded_chain.url}#{receipt['blockNumber']}:"
    source = open_source(text, settings=Settings(confirmations=0))
    row = source.read().to_pylist()[0]
    assert row["transaction_hash"] == bytes(receipt["transactionHash"])
    assert int.from_bytes(row["value_binary"], "big") == 12_345
    assert (row["gas_used"], row["success"], row["chain_id"]) == (21_000, True, embedded_chain.chain_id)
    assert source.content_hash() == source.content_hash()
