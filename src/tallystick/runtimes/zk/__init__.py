"""Proofs of scores: made and checked by ezkl, an optional package without a licence (``docs/guides/proofs.md``)."""

from tallystick.runtimes.zk._contracts import ProofContracts, deploy_verifier
from tallystick.runtimes.zk._keys import Keys, prepare
from tallystick.runtimes.zk._proof import Proof
from tallystick.runtimes.zk._prove import prove, prove_with, verify, verify_with
from tallystick.runtimes.zk._srs import TEST_CHAINS, Srs, ceremony_srs, check_chain, local_srs

__all__ = [
    "TEST_CHAINS",
    "Keys",
    "Proof",
    "ProofContracts",
    "Srs",
    "ceremony_srs",
    "check_chain",
    "deploy_verifier",
    "prepare",
    "prove",
    "prove_with",
    "local_srs",
    "verify",
    "verify_with",
]
