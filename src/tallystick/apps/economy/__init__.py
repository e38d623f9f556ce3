"""An economy of accounts with planted fraud: planned, then carried out as real transactions on the embedded chain."""

from __future__ import annotations

from tallystick.apps.economy._model import DEFAULT_START, Account, Action, Category, EconomySize, Kind, Plan
from tallystick.apps.economy._plan import plan_economy
from tallystick.apps.economy._run import Progress, run_economy
from tallystick.apps.economy._truth import LABEL_NETWORK, LABEL_SOURCE, Truth, read_truth, write_truth

__all__ = [
    "DEFAULT_START",
    "LABEL_NETWORK",
    "LABEL_SOURCE",
    "Account",
    "Action",
    "Category",
    "EconomySize",
    "Kind",
    "Plan",
    "Progress",
    "Truth",
    "plan_economy",
    "read_truth",
    "run_economy",
    "write_truth",
]
