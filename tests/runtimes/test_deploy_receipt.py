from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallystick.errors import InputError
from tallystick.runtimes import DeployedContract, DeploymentReceipt

RECEIPT = DeploymentReceipt(
    1,
    "branch",
    bytes(range(32)),
    "0x" + "0f" * 20,
    (
        DeployedContract.of("shard 0", "0x" + "aa" * 20, b"\x01", "0x" + "cc" * 32, 12, 34_567),
        DeployedContract.of("router", "0x" + "bb" * 20, b"\x02\x03", "", 0, 0),
    ),
)
# A file of version 1, as it was released.
RELEASED = """{
  "format": "tallystick-evm-deployment",
  "format_version": 1,
  "chain_id": 1,
  "target": "branch",
  "program_hash": "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
  "factory": "0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
  "address": "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
  "contracts": [
    {
      "role": "shard 0",
      "address": "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "code_hash": "0x5fe7f977e71dba2ea1a68e21057beebb9be2ac30c6410aa38d4f3fbe41dcffd2",
      "code_bytes": 1,
      "transaction": "0xcccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
      "block": 12,
      "gas_used": 34567
    },
    {
      "role": "router",
      "address": "0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
      "code_hash": "0x57ca2fe04d5cba0d4d4219560d4b2e77c3f4f8c7214a1b99ee8c3a7fa01184fe",
      "code_bytes": 2,
      "transaction": "",
      "block": 0,
      "gas_used": 0
    }
  ]
}
"""


def test_receipt_file_of_version_1(tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    RECEIPT.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["receipt.json"]
    assert path.read_text(encoding="utf-8") == RELEASED
    assert DeploymentReceipt.load(path) == RECEIPT
    assert (RECEIPT.address, RECEIPT.gas_used) == ("0x" + "bb" * 20, 34_567)


def changed(**changes: Any) -> Any:
    return {**RECEIPT.to_json(), **changes}


def with_contract(**changes: Any) -> Any:
    content = RECEIPT.to_json()
    return {**content, "contracts": [{**content["contracts"][0], **changes}, content["contracts"][1]]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "not a deployment receipt"),
        ({}, "KeyError"),
        (changed(format="tallystick-report"), "format and version are"),
        (changed(format_version=2), "format and version are"),
        (changed(chain_id="1"), "'1' is not a count"),
        (changed(chain_id=True), "True is not a count"),
        (changed(program_hash="0x00"), "hash is not 64 hexadecimal digits"),
        (changed(contracts=[]), "address is not the last contract's"),
        (changed(address="0x" + "aa" * 20), "address is not the last contract's"),
        (with_contract(address="0x1"), "address is not 40"),
        (with_contract(code_bytes=-1), "-1 is not a count"),
        (with_contract(transaction="0x12"), "hash is not 64"),
    ],
)
def test_invalid_receipts(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        DeploymentReceipt.load(path)


def test_invalid_receipt_that_is_absent_or_no_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        DeploymentReceipt.load(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="not a deployment receipt"):
        DeploymentReceipt.load(tmp_path / "bad.json")
