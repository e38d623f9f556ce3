"""What the engine remembers: account columns, edge columns, and the facts of one transfer.

State is columns of ``int64``: one row per account, one per edge. The names below are the one
list of them; the compiled engine uses the positions, the reference engine the names.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any, Final

__all__ = ["ACCOUNT", "ACCOUNT_COLUMNS", "DECAYED", "FACT", "FACTS"]


def _positions(kind: str, names: tuple[str, ...]) -> Any:
    # A named tuple of its own positions: numba freezes it, so `s[ACCOUNT.count_in]` costs nothing.
    return namedtuple(kind, names)(*range(len(names)))


# in, out: with the account as receiver, as sender. partner_…: totals over first meetings with a counterparty.
_PLAIN: Final = (
    "first_time",  # s
    "last_time",
    "last_in_time",
    "last_out_time",
    "first_in_time",
    "first_out_time",
    "count_in",  # transfers of the chain's own coin
    "count_out",
    "volume_in",  # gwei, held at TOTAL_CAP
    "volume_out",
    "max_in",  # gwei
    "max_out",
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
    "log_in",  # sum of log2_q4(gwei)
    "log_out",
    "log_sq_in",
    "log_sq_out",
    "log_gap",  # sum of log2_q4(s)
    "log_gap_sq",
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
    "fees",  # gwei paid
    "balance_peak",  # gwei, highest volume_in - volume_out
    "balance_peak_time",
    "first_partner_degree",
    "first_log",
    "tokens_in",  # token transfers
    "tokens_out",
)

# Decayed counters, Q16 for counts and gwei for volumes, four a half-life (see HALF_LIVES_S).
DECAYED: Final = tuple(
    f"decayed_{what}_{half_life}"
    for half_life in ("1h", "1d", "7d", "30d")
    for what in ("count_in", "count_out", "volume_in", "volume_out")
)

ACCOUNT_COLUMNS: Final = _PLAIN + DECAYED
ACCOUNT: Final = _positions("Account", ACCOUNT_COLUMNS)

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
)
FACT: Final = _positions("Fact", FACTS)
