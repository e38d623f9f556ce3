"""Every kind of label list, on small files written here and on the publishers' own."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from tallystick.errors import BadRow, RangeError, SourceError
from tallystick.sources import BadRows, label_kinds, read_labels
from tallystick.sources.labels._graphsense import CONFIDENCE_PERCENT

A, B = "0x" + "aA" * 20, "0x" + "bB" * 20
BITCOIN = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"

DAY_AFTER = 1_727_481_600  # 2024-09-28

PACK = f"""title: Test pack
creator: Somebody
currency: ETH
confidence: forensic
label: bad things
lastmod: 2022-08-13
tags:
- address: "{A}"
  abuse: phishing
- address: {B}
  category: mixing_service
  label: Mixer
  confidence: ownership
  source: https://example.org
- address: {BITCOIN} (a remark)
  currency: BTC
  concepts: [hosting]
"""


def write_list(kind: str, folder: Path) -> Path:
    """A small list of the kind; returns the path to name."""
    files = {
        "csv": (
            "labels.csv",
            "address,category,confidence,valid_from,valid_to,known_from\n"
            f"{A},mixer,0.25,2022-08-08,,1659916801\n{B},x,,,9,\n",
        ),
        "etherscan": ("combinedAllLabels.json", json.dumps({A: {"name": "N", "labels": ["phish-hack", "dex"]}})),
        "forta": (
            "phishing_scams.csv",
            f"address,etherscan_tag,etherscan_labels,is_contract\n{A},F1,phish-hack,False\n",
        ),
        "graphsense": ("pack.yaml", PACK),
        "ofac": ("sanctioned_addresses_ETH.txt", f"{A}\n\n{B}\n"),
        "tedge": (
            "nodes.csv",
            ",id,label,has_label,is_train,is_test\n0,7,1.0,True,True,False\n1,8,,False,,\n2,9,0.0,True,,\n",
        ),
        "xblock": ("labels.csv", f"address,label,set\n{A},phishing,1\n{B},unknown,1\n"),
    }
    name, text = files[kind]
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("kind", label_kinds())
def test_check_reads_folder_file_and_gzip_alike(kind: str, tmp_path: Path) -> None:
    folder = write_list(kind, tmp_path)
    table = read_labels(f"{kind}:{folder}")
    assert table.num_rows > 0
    file = next(folder.iterdir())
    assert read_labels(f"{kind}:{file}").equals(table)
    zipped = tmp_path / "zipped"
    zipped.mkdir()
    (zipped / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    columns = [name for name in table.column_names if name != "source"]
    assert read_labels(f"{kind}:{zipped}").select(columns).equals(table.select(columns))


@pytest.mark.parametrize("kind", label_kinds())
def test_check_notes_the_snapshot(kind: str, tmp_path: Path) -> None:
    table = read_labels(f"{kind}:{write_list(kind, tmp_path)}#2024-09-27")
    assert all(source.endswith("(snapshot 2024-09-27)") for source in table["source"].to_pylist())
    assert all(source.startswith(f"{kind}:") for source in table["source"].to_pylist())
    own = read_labels(f"{kind}:{tmp_path}")["known_from"].to_pylist()  # what the list dates itself stays
    assert table["known_from"].to_pylist() == [DAY_AFTER if known is None else known for known in own]


@pytest.mark.parametrize("kind", label_kinds())
def test_invalid_folder_without_the_list_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="the folder has no"):
        read_labels(f"{kind}:{tmp_path}")


@pytest.mark.parametrize("kind", label_kinds())
def test_invalid_truncated_gzip_is_refused(kind: str, tmp_path: Path) -> None:
    file = next(write_list(kind, tmp_path).iterdir())
    file.write_bytes(gzip.compress(file.read_bytes())[:-9])
    with pytest.raises(SourceError, match="cannot be read"):
        read_labels(f"{kind}:{file}")


BAD_LISTS = [
    ("csv", "address,category\n0x12,x\n", 2, "address"),
    ("csv", f"address,category\n{A},\n", 2, "category"),
    ("csv", f"address,category,confidence\n{A},x,2\n", 2, "confidence"),
    ("csv", f"address,category,valid_from\n\n{A},x,soon\n", 3, "valid_from"),
    ("csv", f"address,category,valid_from,valid_to\n{A},x,9,8\n", 2, "valid_to"),
    ("csv", f"address,category,known_from\n{A},x,later\n", 2, "known_from"),
    ("csv", f"address,category\n{A}\n", 2, None),
    ("etherscan", '{\n"0x12": {"labels": ["x"]}}', 2, "address"),
    ("forta", "banned_address,wallet_tag,data_source\nx y,t,s\n", 2, "banned_address"),
    ("graphsense", PACK + "- address: 0x12\n", 18, "address"),
    ("graphsense", PACK + f"- address: {A}\n  confidence: sure\n", 18, "confidence"),
    ("graphsense", PACK + f"- address: {A}\n  lastmod: lately\n", 18, "lastmod"),
    ("graphsense", PACK + "- label: nobody\n", 18, "address"),
    ("graphsense", PACK + "- nobody\n", 18, "tags"),
    ("ofac", f"{A}\nnot an address\n", 2, "address"),
    ("tedge", "id,label,has_label\nx,1.0,True\n", 2, "id"),
    ("tedge", "id,label,has_label\n1,2.0,True\n", 2, "label"),
    ("xblock", "address,label\n0x12,phishing\n", 2, "address"),
    ("xblock", "address,label\n0x12,unknown\n", 2, "address"),
]


@pytest.mark.parametrize(("kind", "text", "line", "column"), BAD_LISTS)
def test_invalid_row_is_reported_with_its_place(
    kind: str, text: str, line: int, column: str | None, tmp_path: Path
) -> None:
    file = next(write_list(kind, tmp_path).iterdir())
    file.write_text(text)
    with pytest.raises(BadRow) as caught:
        read_labels(f"{kind}:{file}")
    where = caught.value.where
    assert (where["file"], where["line"], where.get("column")) == (str(file), line, column)
    bad = BadRows(skip=True)
    read_labels(f"{kind}:{file}", bad_rows=bad)
    assert bad.count == 1


@pytest.mark.parametrize(
    ("kind", "text", "cause"),
    [
        ("csv", "address,kind\n", "'category' is missing"),
        ("csv", "", "'address' is missing"),
        ("csv", 'address,category\n"a"b,c\n', "cannot be read"),
        ("etherscan", "[1]", "not a label cloud"),
        ("forta", "a,b\n", "not one of Forta"),
        ("graphsense", "tags: [", "not valid YAML"),
        ("graphsense", "title: x\n", "no list of tags"),
        ("graphsense", "- x\n", "no list of tags"),
    ],
)
def test_invalid_list_is_refused(kind: str, text: str, cause: str, tmp_path: Path) -> None:
    file = next(write_list(kind, tmp_path).iterdir())
    file.write_text(text)
    with pytest.raises(SourceError, match=cause):
        read_labels(f"{kind}:{file}")


def test_invalid_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did you mean 'ofac'"):
        read_labels("ofca:x")
    with pytest.raises(SourceError, match="no such file"):
        read_labels(f"ofac:{tmp_path / 'absent'}")
    with pytest.raises(RangeError, match="YYYY-MM-DD"):
        read_labels(f"csv:{write_list('csv', tmp_path)}#today")
    with pytest.raises(RangeError, match="32-bit"):
        read_labels(f"csv:{tmp_path}#2106-02-07")


def test_csv_keeps_source_confidence_and_times(tmp_path: Path) -> None:
    first, second = read_labels(f"csv:{write_list('csv', tmp_path)}").to_pylist()
    assert first == {
        "address": A.lower(),
        "network": "ethereum",
        "category": "mixer",
        "source": "csv:labels.csv",
        "detail": None,
        "confidence_ppm": 250_000,
        "valid_from": 1_659_916_800,
        "valid_to": None,
        "known_from": 1_659_916_801,
    }
    assert (second["confidence_ppm"], second["valid_from"], second["valid_to"]) == (1_000_000, None, 9)
    assert second["known_from"] is None


def test_graphsense_inherits_from_the_head(tmp_path: Path) -> None:
    rows = read_labels(f"graphsense:{write_list('graphsense', tmp_path)}").to_pylist()
    assert [(row["network"], row["category"], row["confidence_ppm"]) for row in rows] == [
        ("ethereum", "phishing", 500_000),
        ("ethereum", "mixer", 1_000_000),
        ("bitcoin", "hosting", 500_000),
    ]
    assert rows[1]["detail"] == "Mixer; https://example.org; changed 2022-08-13"
    assert rows[2]["detail"] == "bad things; a remark; changed 2022-08-13"
    assert rows[1]["address"] == B.lower()
    assert {row["known_from"] for row in rows} == {1_660_435_200}  # 2022-08-14, the day after


def test_graphsense_tag_states_its_own_change(tmp_path: Path) -> None:
    pack = tmp_path / "pack.yaml"
    pack.write_text(PACK + f"- address: '{A}'\n  lastmod: 2023-08-16 12:18:52.619444\n")
    assert read_labels(f"graphsense:{pack}")["known_from"].to_pylist() == [1_660_435_200] * 3 + [1_692_188_333]


def test_graphsense_without_confidence_is_unknown(tmp_path: Path) -> None:
    file = tmp_path / "pack.yaml"
    file.write_text(f"currency: ETH\nlabel: x\ntags:\n- address: '{A}'\n")
    row = read_labels(f"graphsense:{file}").to_pylist()[0]
    assert (row["confidence_ppm"], row["category"]) == (CONFIDENCE_PERCENT["unknown"] * 10_000, "unspecified")
    assert row["known_from"] is None


def test_ofac_takes_times_from_delistings(tmp_path: Path) -> None:
    folder = write_list("ofac", tmp_path)
    times = tmp_path / "times.csv"
    times.write_text(f"address,valid_from,valid_to\n{A},2022-08-08,2025-03-21\n")
    rows = read_labels(f"ofac:{folder}", delistings=times).to_pylist()
    assert [(row["valid_from"], row["valid_to"]) for row in rows] == [(1_659_916_800, 1_742_515_200), (None, None)]
    times.rename(tmp_path / "delistings.csv")
    assert read_labels(f"ofac:{folder}").to_pylist() == rows
    with pytest.raises(SourceError, match="no such delistings"):
        read_labels(f"ofac:{folder}", delistings=times)


def test_ofac_takes_knowledge_from_delistings(tmp_path: Path) -> None:
    folder = write_list("ofac", tmp_path)
    times = folder / "delistings.csv"
    times.write_text(f"address,valid_from,valid_to,known_from\n{A},2022-08-08,2025-03-21,2022-08-08\n{B},,9,\n")
    assert read_labels(f"ofac:{folder}")["known_from"].to_pylist() == [1_660_003_200, None]
    assert read_labels(f"ofac:{folder}#2024-09-27")["known_from"].to_pylist() == [1_660_003_200, DAY_AFTER]
    times.write_text(f"address,valid_to,known_from\n{A},9,early\n")
    with pytest.raises(BadRow, match="neither Unix") as caught:
        read_labels(f"ofac:{folder}")
    assert caught.value.where["column"] == "known_from"


def test_invalid_delistings_row_is_refused(tmp_path: Path) -> None:
    folder = write_list("ofac", tmp_path)
    (tmp_path / "delistings.csv").write_text(f"address,valid_to\n{A},later\n")
    with pytest.raises(BadRow, match="neither Unix"):
        read_labels(f"ofac:{folder}")


def test_invalid_ofac_file_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(A)
    with pytest.raises(SourceError, match="file's name"):
        read_labels(f"ofac:{tmp_path / 'list.txt'}")


def test_forta_reads_its_three_lists(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"banned_address,wallet_tag,data_source\n{A},Robber,etherscan-heist-list\n")
    (tmp_path / "b.csv").write_text(
        "contract_address,contract_tag,contract_creator,contract_creator_tag,source,notes\n"
        f"{A},Multisig,{B},Attacker,https://example.org,note\n"
    )
    rows = read_labels(f"forta:{tmp_path}").to_pylist()
    assert [(row["category"], row["detail"]) for row in rows] == [
        ("hack", "Robber"),
        ("hack", "Multisig"),
        ("hack", "Attacker"),
    ]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rows", "category", "least"),
    [
        ("ofac:labels/ofac#2024-09-27", 654, "sanction", 654),
        ("graphsense:labels/graphsense", 55_175, "phishing", 5_000),
        ("forta:labels/forta", 13_492, "phishing", 13_000),
        ("etherscan:labels/etherscan", 33_026, "mixer", 10),
        ("xblock:tsgn", 1_515, "phishing", 679),
        ("xblock:xblock_phishing", 2_219, "phishing", 1_718),
        ("tedge:tedge", 623, "normal", 306),
    ],
)
def test_real_lists_are_read_whole(data_dir: Path, name: str, rows: int, category: str, least: int) -> None:
    kind, path = name.split(":")
    table = read_labels(f"{kind}:{data_dir / path}")
    assert table.num_rows == rows
    assert Counter(table["category"].to_pylist())[category] >= least
    assert table["valid_from"].null_count == table["valid_to"].null_count == rows
    undated = {"graphsense": 1_632}.get(kind, 0 if "#" in name else rows)  # packs without a last change
    assert table["known_from"].null_count == undated


@pytest.mark.data
def test_real_ofac_list_still_holds_tornado_cash(data_dir: Path, tmp_path: Path) -> None:
    pool = "0x910cbd523d972eb0a6f4cae4618ad62622b39dbf"
    times = tmp_path / "delistings.csv"
    times.write_text(f"address,valid_to\n{pool},2025-03-21\n")
    table = read_labels(f"ofac:{data_dir / 'labels/ofac'}", delistings=times)
    ends = dict(zip(table["address"].to_pylist(), table["valid_to"].to_pylist(), strict=True))
    assert ends[pool] == 1_742_515_200
    assert sum(end is not None for end in ends.values()) == 1
