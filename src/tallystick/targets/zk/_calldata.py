"""Calls of a verifier, byte for byte: one layout, in which the wrapper and the verifier read the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tallystick.hashing import keccak256

__all__ = [
    "HASH_SELECTOR",
    "PROOF_AT",
    "SCORE_SELECTOR",
    "VERIFIER_SELECTOR",
    "VERIFY_SELECTOR",
    "CallLayout",
    "encode_call",
]

VERIFY_SELECTOR: Final = keccak256(b"verifyProof(bytes,uint256[])")[:4]
SCORE_SELECTOR: Final = keccak256(b"provenScore(bytes,uint256[])")[:4]
HASH_SELECTOR: Final = keccak256(b"programHash()")[:4]
VERIFIER_SELECTOR: Final = keccak256(b"verifier()")[:4]

PROOF_AT: Final = 100  # selector, two heads, the proof's length
_WORD: Final = 32


class CallLayout:
    """Where everything stands in a call of ``verifyProof(bytes,uint256[])``.

    Parameters
    ----------
    proof_size
        Bytes of the proof.
    instances
        How many public numbers there are.
    """

    def __init__(self, proof_size: int, instances: int) -> None:
        padded = -(-proof_size // _WORD) * _WORD
        self.heads = (2 * _WORD, 3 * _WORD + padded)  # offsets of the two arguments, counted behind the selector
        self.proof_size = proof_size
        self.count_at = PROOF_AT + padded
        self.count = instances
        self.size = self.instance_at(instances)

    def instance_at(self, index: int) -> int:
        """Where a public number stands."""
        return self.count_at + _WORD * (1 + index)


def encode_call(selector: bytes, proof: bytes, instances: Sequence[int]) -> bytes:
    """Calldata of a call with a proof and public numbers (field elements), in the canonical ABI encoding."""
    layout = CallLayout(len(proof), len(instances))
    head, other = layout.heads
    words = [head.to_bytes(_WORD, "big"), other.to_bytes(_WORD, "big"), len(proof).to_bytes(_WORD, "big")]
    padding = bytes(layout.count_at - PROOF_AT - len(proof))
    numbers = [len(instances), *instances]
    return selector + b"".join(words) + proof + padding + b"".join(number.to_bytes(_WORD, "big") for number in numbers)
