"""Real proofs, the compiled verifier and the wrapper on a chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tallystick.chain import EmbeddedChain, KeySigner, connect, send_transaction, simulate
from tallystick.errors import ChainError, NoContract, TransactionFailed, VerificationFailed, WrongChain
from tallystick.exact import score_outputs
from tallystick.runtimes.zk import ProofContracts, _contracts, deploy_verifier
from tallystick.runtimes.zk._process import call_ezkl
from tallystick.targets.zk import VERIFY_SELECTOR, encode_call

from .conftest import PROGRAMS, ROW, Proven

pytestmark = pytest.mark.chain
NOBODY = "0x" + "00" * 20


@pytest.fixture(scope="module")
def deployed(embedded_chain: EmbeddedChain, proven: Callable[[str], Proven]) -> Callable[[str], ProofContracts]:
    w3 = connect(embedded_chain.url)
    signer = KeySigner(embedded_chain.accounts[0].private_key)
    return cache(lambda kind: deploy_verifier(w3, signer, proven(kind).keys))


def ask(contracts: ProofContracts, to: str, proof: bytes, instances: list[int]) -> bytes:
    data = encode_call(VERIFY_SELECTOR, proof, instances)
    return simulate(contracts.w3, NOBODY, {"to": to, "data": "0x" + data.hex()})


@pytest.mark.slow
@pytest.mark.parametrize("kind", PROGRAMS)
def test_chain_accepts_a_proof_of_each_kind(deployed: Any, proven: Any, embedded_chain: Any, kind: str) -> None:
    contracts, proof = deployed(kind), proven(kind).proof
    contracts.check()
    assert contracts.scores(proof) == score_outputs(PROGRAMS[kind], ROW)
    sent = send_transaction(contracts.w3, KeySigner(embedded_chain.accounts[0].private_key), contracts.call(proof))
    assert 300_000 < sent["gasUsed"] < 700_000
    assert 2_000_000 < contracts.gas < 4_000_000


def test_chain_knows_its_program(deployed: Any, proven: Any) -> None:
    contracts = deployed("averages")
    for name, value in (("programHash()", proven("averages").program.hash), ("verifier()", contracts.verifier)):
        selector = contracts.w3.keccak(text=name)[:4]
        found = simulate(contracts.w3, NOBODY, {"to": contracts.wrapper, "data": selector})
        assert found[-20:] == (value if isinstance(value, bytes) else bytes.fromhex(value[2:]))[-20:]


def test_calldata_beside_ezkls(deployed: Any, proven: Any, tmp_path: Path) -> None:
    _, keys, proof = proven("averages")
    numbers = keys.circuit.instances(proof.row, proof.sums)
    content = {"instances": [[number.to_bytes(32, "little").hex() for number in numbers]], "proof": list(proof.proof)}
    content |= dict.fromkeys(("protocol", "split", "pretty_public_inputs", "timestamp", "version"))
    (tmp_path / "proof").write_text(json.dumps({**content, "hex_proof": "0x" + proof.proof.hex()}), encoding="ascii")
    arguments = {"proof": str(tmp_path / "proof"), "calldata": str(tmp_path / "calldata")}
    call_ezkl("encoding", [("encode_evm_calldata", arguments)])
    ours, theirs = encode_call(VERIFY_SELECTOR, proof.proof, numbers), (tmp_path / "calldata").read_bytes()
    assert theirs == ours + bytes(32)  # a word that means nothing could be anything: the wrapper refuses it
    contracts = deployed("averages")
    with pytest.raises(TransactionFailed, match="program: length"):
        simulate(contracts.w3, NOBODY, {"to": contracts.wrapper, "data": "0x" + theirs.hex()})


def test_invalid_proof(deployed: Any, proven: Any) -> None:
    """One bit of every word of the proof's points and evaluations, of every input and output."""
    contracts, (_, keys, proof) = deployed("averages"), proven("averages")
    numbers = keys.circuit.instances(proof.row, proof.sums)
    assert int.from_bytes(ask(contracts, contracts.wrapper, proof.proof, numbers), "big") == 1
    for place in range(31, len(proof.proof), 32 * 9):
        other = bytearray(proof.proof)
        other[place] ^= 1
        with pytest.raises(TransactionFailed, match="program: proof"):
            ask(contracts, contracts.wrapper, bytes(other), numbers)
    for place in range(len(numbers)):
        changed = [number ^ 1 if index == place else number for index, number in enumerate(numbers)]
        with pytest.raises(TransactionFailed, match="program: proof"):
            ask(contracts, contracts.wrapper, proof.proof, changed)
    with pytest.raises(VerificationFailed, match="the contract refuses: program: proof"):
        contracts.scores(replace(proof, sums=(proof.sums[0] + 3, proof.sums[1])))


def test_invalid_row_outside_the_domain(deployed: Any, proven: Any, tmp_path: Path) -> None:
    """The circuit proves it, and the verifier alone accepts it: the check in front is what refuses."""
    contracts, (_, keys, _) = deployed("averages"), proven("averages")
    outside = [keys.circuit.spans[0] + 1, 40_000]
    felts = [value.to_bytes(32, "little").hex() for value in outside]
    data, witness, made = (tmp_path / name for name in ("data", "witness", "proof"))
    data.write_text(json.dumps({"input_data": [felts]}), encoding="ascii")
    prover = {"witness": str(witness), "model": keys.compiled, "pk_path": keys.proving_key}
    call_ezkl(
        "proving",
        [
            ("gen_witness", {"data": str(data), "model": keys.compiled, "output": str(witness)}),
            ("prove", {**prover, "proof_path": str(made), "srs_path": str(keys.srs.path)}),
        ],
    )
    content = json.loads(made.read_text(encoding="utf-8"))
    numbers = [int.from_bytes(bytes.fromhex(text), "little") for text in content["instances"][0]]
    assert numbers[:2] == outside
    proof = bytes.fromhex(content["hex_proof"][2:])
    assert int.from_bytes(ask(contracts, contracts.verifier, proof, numbers), "big") == 1
    with pytest.raises(TransactionFailed, match="program: domain"):
        ask(contracts, contracts.wrapper, proof, numbers)


def test_padding_is_no_part_of_a_proof(proven: Any) -> None:
    """Proofs are whole words, so no byte of calldata is without meaning: a flipped one is always noticed."""
    assert proven("averages").keys.proof_size % 32 == 0


def test_check_finds_other_code(deployed: Any, proven: Any) -> None:
    contracts = deployed("averages")
    contracts.check()
    with pytest.raises(NoContract, match="there is no verifier"):
        replace(contracts, verifier=NOBODY).check()
    with pytest.raises(NoContract, match="there is no wrapper"):
        replace(contracts, wrapper=NOBODY).check()
    with pytest.raises(VerificationFailed, match="not the program's verifier"):
        replace(contracts, verifier=contracts.wrapper).check()
    with pytest.raises(VerificationFailed, match="not the program's wrapper"):
        replace(contracts, wrapper=contracts.verifier).check()


def test_invalid_test_srs_on_another_chain(
    deployed: Any, proven: Any, embedded_chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, keys, proof = proven("averages")
    contracts = replace(deployed("averages"))
    signer = KeySigner(embedded_chain.accounts[0].private_key)
    sent = contracts.w3.eth.get_transaction_count(contracts.w3.to_checksum_address(signer.address))
    monkeypatch.setattr(type(contracts.w3.eth), "chain_id", property(lambda eth: 1))
    for act in (
        lambda: deploy_verifier(contracts.w3, signer, keys),
        lambda: replace(contracts).scores(proof),
        lambda: replace(contracts).call(proof),
        lambda: replace(contracts).check(),
    ):
        with pytest.raises(WrongChain, match="no good on chain 1"):
            act()
    real = replace(keys, srs=replace(keys.srs, is_test=False))
    with pytest.raises(WrongChain):
        replace(contracts, keys=real).call(proof)  # the proof says itself that it is a test
    assert replace(contracts, test_chains=(1,)).call(proof)["to"] == contracts.wrapper
    assert contracts.w3.eth.get_transaction_count(contracts.w3.to_checksum_address(signer.address)) == sent


def test_invalid_receipt(deployed: Any, embedded_chain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = deployed("averages")
    receipt = {"contractAddress": None, "gasUsed": 1, "transactionHash": b"\1" * 32}
    monkeypatch.setattr(_contracts, "send_transaction", lambda *arguments: receipt)
    with pytest.raises(ChainError, match="no address for the contract"):
        deploy_verifier(contracts.w3, KeySigner(embedded_chain.accounts[0].private_key), contracts.keys)
