"""What the engine remembers: account columns, and the facts of one transfer.

State is columns: one packed row per account, wide columns as ``int64`` and narrow ones as
``uint32``. The names below are the one list of them; the compiled engine unpacks a row into ``int64``
and uses the positions, the reference engine uses the names. Tables beside the accounts (edges, rings
of recent transfers, token holdings) are described where they live: ``_layout.py``.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any, Final

__all__ = [
    "ACCOUNT",
    "ACCOUNT_COLUMNS",
    "DECAYED_COUNTS",
    "DECAYED_VOLUMES",
    "FACT",
    "FACTS",
    "NARROW",
    "WIDE",
    "positions",
]


def positions(kind: str, names: tuple[str, ...]) -> Any:
    """Name the positions of columns."""
    # A named tuple of its own positions: numba freezes it, so `s[ACCOUNT.count_in]` costs nothing.
    return namedtuple(kind, names)(*range(len(names)))


# in, out: with the account as receiver, as sender. partner_…: totals over first meetings with a counterparty.
# Decayed counters: gwei for volumes, Q12 for counts, two a half-life (see HALF_LIVES_S).
WIDE: Final = (
    "volume_in",  # gwei, held at TOTAL_CAP
    "volume_out",
    "max_in",  # gwei
    "max_out",
    "fees",  # gwei paid
    "balance_peak",  # gwei, highest volume_in - volume_out
    "log_in",  # sum of log2_q4(gwei)
    "log_out",
    "log_sq_in",
    "log_sq_out",
    "log_gap",  # sum of log2_q4(s)
    "log_gap_sq",
    "decayed_volume_in_1h",
    "decayed_volume_out_1h",
    "decayed_volume_in_1d",
    "decayed_volume_out_1d",
    "decayed_volume_in_7d",
    "decayed_volume_out_7d",
)

# Held at 2**32 - 1 instead of wrapping.
NARROW: Final = (
    "decayed_count_in_1h",
    "decayed_count_out_1h",
    "decayed_count_in_1d",
    "decayed_count_out_1d",
    "decayed_count_in_7d",
    "decayed_count_out_7d",
    "first_time",  # s
    "last_time",
    "last_in_time",
    "last_out_time",
    "first_in_time",
    "first_out_time",
    "balance_peak_time",
    "count_in",  # transfers of the chain's own coin
    "count_out",
    "partners_in",  # distinct counterparties
    "partners_out",
    "fresh_in",  # from accounts never seen before
    "fresh_out",
    "zero_in",  # transfers of nothing
    "zero_out",
    "round_in",  # at most two significant digits
    "round_out",
    "repeat_in",  # the same amount as the last time in this direction
    "repeat_out",
    "tag_in",  # last amount's tag
    "tag_out",
    "partner_degree_in",  # sum of log2_q4(partner's transfers before)
    "partner_degree_out",
    "partner_log_in",  # sum of the partner's mean log amount
    "partner_log_out",
    "partner_fan_in",  # sum of log2_q4(partner's distinct receivers)
    "partner_fan_out",  # sum of log2_q4(partner's distinct senders)
    "hubs_in",  # partners who had paid 128 accounts or more
    "active_days",  # UTC days with a transfer
    "calls",  # transfers with a method
    "failures",
    "first_partner_degree",
    "first_log",
    "tokens_in",  # token transfers
    "tokens_out",
    "assets",  # distinct tokens held at some time
    "holders",  # of a token contract: distinct accounts that held it
    "funder",  # id of the first payer
    "funder_rank",  # how many accounts it had funded before
    "funded",  # accounts that this one funded first
    "kind",  # bits: 1 it signed a transaction, 2 it was called, 4 it is a token, 8 it looks like an older account
    "approvals",  # approving calls
    "approval_time",  # of the last
    "pulled",  # token payments that another account signed
    "lookalikes",  # transfers with a counterparty that looks like a recent one
    "closed",  # cycles of money that came back
    "echoes",  # payments that pass a recent income on
    "near_from",  # four bits a label category: 15 less the transfers from a labelled source, 0 for none known
    "near_to",  # and to one
    "labels",  # bits: categories that the account itself is labelled with
    "taint",  # row of its exposure, 0 for none
)

ACCOUNT_COLUMNS: Final = WIDE + NARROW
ACCOUNT: Final = positions("Account", ACCOUNT_COLUMNS)
DECAYED_VOLUMES: Final = ACCOUNT.decayed_volume_in_1h
DECAYED_COUNTS: Final = ACCOUNT.decayed_count_in_1h

# What one side of a transfer knows about it before the transfer changes the state.
FACTS: Final = (
    "time",  # s
    "incoming",  # 1 for the receiver's side
    "log_value",  # log2_q4(gwei)
    "digits",  # significant digits of the amount in gwei
    "call",  # 1 with a method
    "failed",
    "token",  # 1 for a token transfer
    "log_fee",  # log2_q4(gwei), -1 where unknown
    "gap",  # s since the subject's last transfer, -1 at its first
    "gap_same",  # s since its last in this direction
    "edge_count",  # transfers before from this sender to this receiver
    "edge_reverse",  # and the other way
    "edge_age",  # s since the first of them
    "log_over_mean",  # log_value less the subject's mean, NO_MEAN at its first
    "over_max_in",  # ppm of the subject's largest income
    "over_max_out",
    "over_balance",  # ppm of its balance
    "repeat",  # 1 for the amount of last time in this direction
    "cycles_2",  # cycles that this transfer closes, by length
    "cycles_3",
    "cycles_4",
    "cycle_share",  # ppm, this amount against the first of the cycle
    "cycle_span",  # s since the first of the shortest-lived cycle, -1 for none
    "diamond",  # widest scatter-gather that this transfer completes, in accounts
    "payers",  # distinct recent payers of the subject
    "payees",  # and payees
    "echo",  # ppm, likeness to the most alike recent amount the other way
    "echo_gap",  # s since then, -1 for none
    "lookalike",  # 1 where the counterparty looks like a recent one and is another
    "dust",  # 1 for next to nothing
    "approval",  # 1 for an approving call
    "since_approval",  # s since the subject's last approval, -1 for none
    "pulled",  # 1 for a token payment that its payer did not sign
    "from_funder",  # 1 where the counterparty paid the subject first of all
    "log_asset",  # log2_q4 of the amount in the asset's own smallest units
    "asset_first",  # 1 at the subject's first transfer of this token
    "asset_over_in",  # ppm of all it had received of this token
    "asset_over_out",
    "asset_passed",  # ppm, all it sent of this token against all it received, with this transfer
    "asset_in",  # its transfers of this token, with this one
    "asset_out",
    "asset_holders",  # accounts that held this token, with these two
    *(f"exposed_{c}" for c in range(6)),  # ppm of what it holds that came from each label category
    *(f"received_{c}" for c in range(6)),  # ppm of its income that did
    *(f"partner_exposed_{c}" for c in range(6)),  # ppm of what the counterparty holds
)
FACT: Final = positions("Fact", FACTS)
