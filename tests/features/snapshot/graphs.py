"""Small graphs of payments for the tests of the snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa
from hypothesis import strategies as st

from tallystick.store import TRANSFERS

GWEI = 10**9
NAMES = tuple(bytes([k + 1]) * 20 for k in range(6))


class Pay(NamedTuple):
    """One transfer."""

    time: int
    sender: int
    receiver: int | None
    gwei: int
    token: bool = False
    success: bool = True


def to_table(pays: Sequence[Pay], names: Sequence[bytes] = NAMES) -> pa.Table:
    """Arrow table of layout TRANSFERS; the order is the one given."""
    columns = {
        "chain_id": [0 for _ in pays],
        "block_number": list(range(len(pays))),
        "timestamp": [pay.time for pay in pays],
        "transaction_index": [0 for _ in pays],
        "transfer_index": [0 for _ in pays],
        "transaction_hash": [bytes(32) for _ in pays],
        "from_address": [names[pay.sender] for pay in pays],
        "to_address": [None if pay.receiver is None else names[pay.receiver] for pay in pays],
        "erc20": [b"\x77" * 20 if pay.token else None for pay in pays],
        "value_binary": [(pay.gwei * GWEI).to_bytes(32, "big") for pay in pays],
        "gas_used": [None for _ in pays],
        "gas_price": [None for _ in pays],
        "method": [None for _ in pays],
        "success": [pay.success for pay in pays],
    }
    return pa.table(columns, schema=TRANSFERS.schema)


@st.composite
def graphs(draw: st.DrawFn, most: int = 30) -> list[Pay]:
    """Transfers rising in time among few accounts, with what is rare drawn often."""
    account = st.integers(0, len(NAMES) - 1)
    amount = st.one_of(
        st.sampled_from((0, 1, 10**6, 10**8, 10**8 - 1, 3 * 10**8 + 1, 1 << 42, 1 << 61, 1 << 63)),
        st.integers(0, 10**12),
    )
    shape = st.builds(
        Pay,
        time=st.sampled_from((0, 0, 1, 59, 3_600, 3_601, 86_400, 10**7)),  # gaps here, summed up below
        sender=account,
        receiver=st.one_of(account, account, st.none()),
        gwei=amount,
        token=st.sampled_from((False, False, False, True)),
        success=st.sampled_from((True, True, True, False)),
    )
    time, result = 10**9, []
    for pay in draw(st.lists(shape, max_size=most)):
        time += pay.time
        result.append(pay._replace(time=time))
    return result
