"""Fraud on account chains: train, score streams, raise alerts with reasons, commit, verify."""

from __future__ import annotations

from tallystick.apps.fraud._accounts import AccountScores, AccountTable, write_accounts
from tallystick.apps.fraud._alerts import Alert, Alerts, Reason
from tallystick.apps.fraud._card import card_markdown, measures_markdown
from tallystick.apps.fraud._job import JobResult, job_key, score_stream, score_to_project
from tallystick.apps.fraud._ledger import LedgerSession, open_ledger
from tallystick.apps.fraud._models import PRETRAINED, Model, find_model, save_model, shipped_models
from tallystick.apps.fraud._page import report_page
from tallystick.apps.fraud._progress import Progress, silent
from tallystick.apps.fraud._record import RunRecord, read_record, write_record
from tallystick.apps.fraud._run import (
    LoopResult,
    dataset_hash,
    metrics_hash,
    open_project_source,
    project_model,
    register_model,
    run_loop,
    stored_half,
)
from tallystick.apps.fraud._scorer import Scored, Scorer, check_spec
from tallystick.apps.fraud._snapshot_scores import score_snapshot, takes_snapshot
from tallystick.apps.fraud._training import BATCH_ROWS, Training, train
from tallystick.apps.fraud._verify import recompute, verify_model

__all__ = [
    "BATCH_ROWS",
    "PRETRAINED",
    "AccountScores",
    "AccountTable",
    "Alert",
    "Alerts",
    "JobResult",
    "LedgerSession",
    "Model",
    "Progress",
    "LoopResult",
    "Reason",
    "RunRecord",
    "Scored",
    "Scorer",
    "Training",
    "card_markdown",
    "check_spec",
    "dataset_hash",
    "find_model",
    "open_project_source",
    "project_model",
    "read_record",
    "register_model",
    "run_loop",
    "stored_half",
    "write_record",
    "job_key",
    "measures_markdown",
    "metrics_hash",
    "open_ledger",
    "recompute",
    "report_page",
    "save_model",
    "score_snapshot",
    "score_stream",
    "score_to_project",
    "shipped_models",
    "silent",
    "takes_snapshot",
    "train",
    "verify_model",
    "write_accounts",
]
