"""Exact programs as zero-knowledge circuits, and the contract in front of their verifiers."""

from tallystick.targets.zk._calldata import SCORE_SELECTOR, VERIFY_SELECTOR, encode_call
from tallystick.targets.zk._circuit import Circuit, circuit
from tallystick.targets.zk._numbers import FIELD
from tallystick.targets.zk._size import MAX_LOGROWS, MIN_LOGROWS, logrows_for, refusal
from tallystick.targets.zk._wrapper import wrapper_code, wrapper_initcode

__all__ = [
    "FIELD",
    "MAX_LOGROWS",
    "MIN_LOGROWS",
    "SCORE_SELECTOR",
    "VERIFY_SELECTOR",
    "Circuit",
    "circuit",
    "encode_call",
    "logrows_for",
    "refusal",
    "wrapper_code",
    "wrapper_initcode",
]
