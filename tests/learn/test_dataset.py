"""Rows of labelled accounts, against the reference engine and plain dictionaries."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.errors import LearnError
from tallystick.features import SPEC, ReferenceEngine, TransferBatch
from tallystick.learn import AccountRows, account_rows, binary_labels, running_count
from tallystick.sources.labels import Label, label_table

from .streams import World

A, B, C = ("0x" + name * 20 for name in ("aa", "bb", "cc"))


def test_rows_against_the_reference_engine(world: World, rows: AccountRows) -> None:
    """One row for each transfer of an account; of a transfer to oneself, the receiver's."""
    features = ReferenceEngine().advance(TransferBatch.from_arrow(world.table))
    expected = []
    seen: Counter[bytes] = Counter()
    numbers = []
    for number, transfer in enumerate(world.table.to_pylist()):
        moved = 0 if transfer["erc20"] or not transfer["success"] else int.from_bytes(transfer["value_binary"])
        for side, name in enumerate(("from_address", "to_address")):
            itself = transfer["from_address"] == transfer["to_address"]
            if transfer[name] in world.labels and not (itself and side == 0):
                seen[transfer[name]] += 1
                numbers.append(seen[transfer[name]])
                fact = (transfer[name], transfer["timestamp"], moved // 10**9, bool(side))
                expected.append((fact, features[2 * number + side]))
    facts = [
        (rows.addresses[account], time, amount, incoming)
        for account, time, amount, incoming in zip(
            rows.account.tolist(), rows.time.tolist(), rows.amount.tolist(), rows.incoming.tolist(), strict=True
        )
    ]
    assert facts == [fact for fact, _ in expected]
    assert rows.rows.tolist() == [row for _, row in expected]
    assert rows.transfer.tolist() == numbers
    assert len(rows) == len(expected) > 900


def test_partners_are_the_other_side(world: World, rows: AccountRows) -> None:
    ids: dict[bytes, int] = {}
    partners = []
    for transfer in world.table.to_pylist():
        ends = (transfer["from_address"], transfer["to_address"])
        for name in ends:
            if name is not None:
                ids.setdefault(name, len(ids) + 1)
        for side, (own, other) in enumerate((ends, ends[::-1])):
            if own in world.labels and not (own == other and side == 0):
                partners.append(0 if other is None else ids[other])
    assert rows.partner.tolist() == partners
    assert 0 in partners  # somebody paid nobody


def test_tokens_and_transfers_to_oneself_count_one(world: World, rows: AccountRows) -> None:
    """The count of transfers is not the feature of that name, which leaves tokens out and counts both own sides."""
    transfers = world.table.to_pylist()
    own = [row for row in transfers if row["from_address"] in world.labels]
    itself = [row for row in own if row["from_address"] == row["to_address"]]
    assert itself
    assert any(row["erc20"] for row in own)
    feature = rows.rows[:, SPEC.names.index("transfers")]
    assert (feature > rows.transfer).any()
    assert (feature < rows.transfer).any()
    ends = Counter(chain.from_iterable({row["from_address"], row["to_address"]} for row in transfers))
    last = rows.last_rows()
    assert rows.transfer[last].tolist() == [ends[rows.addresses[account]] for account in rows.account[last]]


@given(st.lists(st.integers(0, 6)))
def test_running_count_against_a_plain_loop(ids: list[int]) -> None:
    seen: Counter[int] = Counter()
    expected = []
    for item in ids:
        seen[item] += 1
        expected.append(seen[item])
    found = running_count(np.array(ids, np.int64))
    assert found.tolist() == expected
    assert found.dtype.name == "int64"


def test_addresses_are_in_order_of_first_appearance(rows: AccountRows) -> None:
    _, first = np.unique(rows.account, return_index=True)
    assert (np.diff(first) > 0).all()
    assert np.array_equal(rows.first_time, rows.time[first])


@pytest.mark.parametrize("batch_rows", [1, 37, 100_000])
def test_batches_do_not_matter(world: World, rows: AccountRows, batch_rows: int) -> None:
    other = world.rows(batch_rows)
    assert other.addresses == rows.addresses
    for name in ("rows", "account", "transfer", "time", "amount", "partner", "incoming"):
        assert np.array_equal(getattr(other, name), getattr(rows, name)), name


def test_last_rows_and_where(rows: AccountRows) -> None:
    last = rows.last_rows()
    assert rows.account[last].tolist() == list(range(len(rows.addresses)))
    for account, at in enumerate(last.tolist()):
        assert at == max(np.flatnonzero(rows.account == account))
    some = rows.where(rows.account % 2 == 1)
    assert some.account[some.last_rows()].tolist() == list(range(1, len(rows.addresses), 2))
    assert some.first_time[1] == rows.first_time[1]
    assert some.first_time[0] == np.iinfo(np.int64).max  # no row is left


def test_invalid_source_without_labelled_accounts(world: World) -> None:
    with pytest.raises(LearnError, match="no labelled account occurs"):
        account_rows([world.table], {bytes(20): 1})
    with pytest.raises(LearnError, match="no labelled account occurs"):
        account_rows([], world.labels)


def _labels(*pairs: tuple[str, str]) -> dict[bytes, int]:
    return binary_labels(label_table(Label(address, "ethereum", category, "list") for address, category in pairs))


def test_binary_labels() -> None:
    found = _labels((A, "phishing"), (B, "normal"), (C, "exchange"), (A, "mixer"))
    assert found == {bytes.fromhex("aa" * 20): 1, bytes.fromhex("bb" * 20): 0}


def test_binary_labels_of_other_categories() -> None:
    table = label_table(Label(address, "ethereum", what, "list") for address, what in ((A, "mixer"), (B, "exchange")))
    assert binary_labels(table, "mixer", "exchange") == {bytes.fromhex("aa" * 20): 1, bytes.fromhex("bb" * 20): 0}


def test_binary_labels_leave_out_accounts_of_other_chains() -> None:
    bitcoin = "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"
    assert _labels((A, "phishing"), (bitcoin, "phishing"), ("0x" + "ab" * 32, "normal"), (B, "normal")).keys() == {
        bytes.fromhex("aa" * 20),
        bytes.fromhex("bb" * 20),
    }


def test_invalid_label_both_ways() -> None:
    with pytest.raises(LearnError, match=f"{A} is labelled both phishing and normal") as caught:
        _labels((A, "phishing"), (B, "normal"), (A, "normal"))
    assert caught.value.where["name"] == A


@pytest.mark.parametrize(("there", "missing"), [("phishing", "normal"), ("normal", "phishing")])
def test_invalid_labels_of_one_category(there: str, missing: str) -> None:
    with pytest.raises(LearnError, match=f"no address is labelled {missing}"):
        _labels((A, there), (B, "exchange"))
