"""Verifier and wrapper on a chain: deployed, looked up, asked."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tallystick.chain import SendOptions, Signer, send_transaction, simulate, translated
from tallystick.errors import ChainError, NoContract, TransactionFailed, VerificationFailed
from tallystick.hashing import keccak256
from tallystick.runtimes.zk._keys import Keys
from tallystick.runtimes.zk._proof import Proof
from tallystick.runtimes.zk._solc import compile_verifier
from tallystick.runtimes.zk._srs import check_chain
from tallystick.targets.zk import SCORE_SELECTOR, VERIFY_SELECTOR, encode_call, wrapper_code, wrapper_initcode

if TYPE_CHECKING:
    from web3 import Web3

__all__ = ["ProofContracts", "deploy_verifier"]

_NOBODY = "0x" + "00" * 20


@dataclass(frozen=True)
class ProofContracts:
    """A circuit's verifier and the wrapper in front of it.

    Parameters
    ----------
    w3
        Connection, from :func:`tallystick.chain.connect`.
    keys
        Of the program.
    wrapper, verifier
        Addresses. Ask the wrapper only: the verifier alone does not check the domain.
    gas
        Gas of the two deployments; 0 where they were found.
    test_chains
        Chains on which a test SRS may be used, beside 31337 and 1337.
    """

    w3: Web3
    keys: Keys
    wrapper: str
    verifier: str
    gas: int = 0
    test_chains: Collection[int] = ()

    @cached_property
    def chain_id(self) -> int:
        """Chain that the node is on."""
        with translated(self.w3):
            return self.w3.eth.chain_id

    def check(self) -> None:
        """Check that the code on the chain is what the program gives, byte for byte.

        Raises
        ------
        WrongChain
            A test SRS on a chain that is not a test chain.
        NoContract
            An address holds no code.
        VerificationFailed
            It holds other code.
        """
        check_chain(self.keys.srs.is_test, self.chain_id, self.test_chains)
        expected = simulate(self.w3, _NOBODY, {"data": "0x" + verifier_initcode(self.keys).hex()})
        own = wrapper_code(self.keys.circuit, _address(self.verifier), self.keys.proof_size, push0=False)
        for what, address, code in (("verifier", self.verifier, expected), ("wrapper", self.wrapper, own)):
            with translated(self.w3):
                found = bytes(self.w3.eth.get_code(self.w3.to_checksum_address(address)))
            if not found:
                raise NoContract(f"there is no {what} at the address", address=address, chain_id=self.chain_id)
            if found != code:
                raise VerificationFailed(f"the code at the address is not the program's {what}", address=address)

    def call(self, proof: Proof) -> dict[str, Any]:
        """Transaction that would ask the wrapper whether a proof holds.

        Raises
        ------
        WrongChain
            A test SRS on a chain that is not a test chain.
        """
        return self._transaction(VERIFY_SELECTOR, proof)

    def scores(self, proof: Proof) -> tuple[int, ...]:
        """Raw scores, as the wrapper returns them once the verifier has said yes; a call, nothing is sent.

        Raises
        ------
        VerificationFailed
            The wrapper refuses: its reason.
        WrongChain
            A test SRS on a chain that is not a test chain.
        """
        transaction = self._transaction(SCORE_SELECTOR, proof)
        try:
            words = simulate(self.w3, _NOBODY, transaction)
        except TransactionFailed as error:
            raise VerificationFailed(f"the contract refuses: {error.cause}", address=self.wrapper) from error
        return tuple(int.from_bytes(words[at : at + 32], "big", signed=True) for at in range(0, len(words), 32))

    def _transaction(self, selector: bytes, proof: Proof) -> dict[str, Any]:
        check_chain(self.keys.srs.is_test or proof.test_srs, self.chain_id, self.test_chains)
        instances = self.keys.circuit.instances(proof.row, proof.sums)
        return {"to": self.wrapper, "data": "0x" + encode_call(selector, proof.proof, instances).hex()}


def deploy_verifier(
    w3: Web3, signer: Signer, keys: Keys, test_chains: Collection[int] = (), options: SendOptions | None = None
) -> ProofContracts:
    """Send verifier and wrapper to a chain.

    Raises
    ------
    WrongChain
        A test SRS on a chain that is not a test chain; nothing is sent.
    MissingExtra
        There is no node or npm for the Solidity compiler.
    TransactionFailed
        The chain refused, for instance code above its limit.
    """
    with translated(w3):
        chain_id = w3.eth.chain_id
    check_chain(keys.srs.is_test, chain_id, test_chains)
    verifier, first = _create(w3, signer, verifier_initcode(keys), options)
    code = wrapper_code(keys.circuit, _address(verifier), keys.proof_size, push0=False)
    wrapper, second = _create(w3, signer, wrapper_initcode(code, push0=False), options)
    return ProofContracts(w3, keys, wrapper, verifier, first + second, test_chains)


def verifier_initcode(keys: Keys) -> bytes:
    """Creation code of the verifier, compiled once and kept beside the keys."""
    source = Path(keys.solidity).read_text(encoding="utf-8")
    kept = keys.folder / f"verifier-{keccak256(source.encode()).hex()[:16]}.bin"
    if not kept.is_file():
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(compile_verifier(source))
        unfinished.replace(kept)
    return kept.read_bytes()


def _create(w3: Web3, signer: Signer, initcode: bytes, options: SendOptions | None) -> tuple[str, int]:
    receipt = send_transaction(w3, signer, {"data": "0x" + initcode.hex()}, options)
    address = receipt["contractAddress"]
    if address is None:
        raise ChainError(
            "the node gives no address for the contract", tx="0x" + bytes(receipt["transactionHash"]).hex()
        )
    return address.lower(), receipt["gasUsed"]


def _address(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
