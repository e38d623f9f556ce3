"""``tally program call``: ask a deployed contract for rows of a file, and compare with the program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.cli._program._score import integer_rows, scores_frame
from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import InputError, LedgerError, NoContract, TransactionFailed, VerificationFailed, WrongChain
from tallystick.settings import Settings

if TYPE_CHECKING:
    from web3 import Web3

    from tallystick.exact import Program
    from tallystick.runtimes import DeploymentReceipt, Outcome

__all__ = ["register"]


def register(program: typer.Typer) -> None:
    """Add the verb."""
    flags = ("project", "rpc_url", "chain_id", "embedded_port")
    program.command("call", help=_call.__doc__)(with_settings(*flags)(_call))


def _call(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    rows: Path = typer.Argument(help="Rows: .csv or .parquet with a column for each feature."),
    address: str = typer.Option("", "--address", help="Contract to call; or give --receipt."),
    receipt: Path | None = typer.Option(None, "--receipt", help="What `tally program deploy` wrote."),
    output: Path | None = typer.Option(
        None, "-o", "--output", help="Write .csv, where all rows agree: what `score` writes, and gas."
    ),
    packed: Path | None = typer.Option(
        None, "--packed", help="Write .csv: row, packed (0x…), for who calls the contract without tally."
    ),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Ask a deployed contract for the rows of a table, and compare each answer with the program, bit for bit.

    Only asks (eth_call): nothing is sent, and no account is needed. Exit code 3 where a row differs. Gas is what the
    contract itself uses: without a transaction's 21,000 and its calldata, and all that it reads warm.

    Example: tally program call model.tally rows.csv --receipt deployment.json -o scores.csv
    """
    import polars as pl

    from tallystick.apps.fraud import find_model, open_ledger
    from tallystick.exact import FastProgram
    from tallystick.runtimes import BatchCaller, probe_limits
    from tallystick.store import make_folder, write_bytes
    from tallystick.targets.evm import RowCode

    program = find_model(file).program
    place, known = _place(address, receipt, program)
    values = integer_rows(program, rows)
    if not len(values):
        raise InputError("the file holds no rows", file=str(rows))
    code = RowCode(program)
    calldata = [code.encode(row) for row in values.tolist()]
    if packed is not None:
        lines = [f"{number},0x{row.hex()}" for number, row in enumerate(calldata)]
        write_bytes(packed, "\n".join(["row,packed", *lines, ""]).encode("ascii"))
    with open_ledger(make_folder(settings.project / "chain"), settings, existing=True) as session:
        if known is not None and known.chain_id != session.chain_id:
            raise WrongChain("the receipt is of another chain", chain_id=session.chain_id, expected=known.chain_id)
        _check_hash(session.w3, place, program, session.chain_id)
        caller = BatchCaller(session.w3, place, program.model.outputs, probe_limits(session.w3))
        found = caller.run(calldata)
        chain_id = session.chain_id
    fast = FastProgram(program)
    different = _first_difference(found.rows, fast.outputs(values).tolist())
    gas = [outcome.gas for outcome in found.rows]
    if output is not None and different is None:
        frame = scores_frame(fast, values).with_columns(pl.Series("gas", gas, pl.Int64))
        write_bytes(output, frame.write_csv().encode("utf-8"))
    facts: dict[str, Any] = {
        "program": "0x" + program.hash.hex(),
        "chain_id": chain_id,
        "address": place,
        "rows": len(values),
        "agree": different is None,
        "gas_min": min(gas),
        "gas_mean": round(sum(gas) / len(gas)),
        "gas_max": max(gas),
    }
    shown = {**facts, "agree": "yes" if different is None else "no"}
    out.result(facts, rows_text(list(shown.items())))
    if different is not None:
        number, got, expected = different
        cause = f"row {number}: the contract {_said(got)}, the program gives {expected}"
        step = "Do not use the contract for this program; report both and the row."
        raise VerificationFailed(cause, address=place, chain_id=chain_id, next_step=step)


def _place(address: str, receipt: Path | None, program: Program) -> tuple[str, DeploymentReceipt | None]:
    """Address to call, and the receipt that named it."""
    from tallystick.runtimes import DeploymentReceipt
    from tallystick.units import format_address, parse_address

    if bool(address) == (receipt is not None):
        cause = "a contract is named by its address or by a receipt" + (", not both" if address else "")
        raise InputError(cause, name="address", next_step="Give --address 0x… or --receipt FILE.")
    if receipt is None:
        return format_address(parse_address(address)), None
    known = DeploymentReceipt.load(receipt)
    if known.program_hash != program.hash:
        step = "Give the program that was deployed, or another receipt."
        raise LedgerError("the receipt is of another program", model="0x" + known.program_hash.hex(), next_step=step)
    return known.address, known


def _check_hash(w3: Web3, address: str, program: Program, chain_id: int) -> None:
    """Ask the contract which program it runs.

    Raises
    ------
    NoContract
        There is no code at the address.
    LedgerError
        The contract runs another program, or none.
    """
    from tallystick.chain import translated
    from tallystick.hashing import keccak256

    step = "Check address and chain; `tally program deploy` says where a program is."
    place = w3.to_checksum_address(address)
    with translated(w3):
        code = bytes(w3.eth.get_code(place))
    if not code:
        raise NoContract("no contract at the address", address=address, chain_id=chain_id, next_step=step)
    try:
        with translated(w3):
            found = bytes(w3.eth.call({"to": place, "data": keccak256(b"programHash()")[:4]}))
    except TransactionFailed as error:
        cause = "the contract has no programHash(): it was not made from a program"
        raise LedgerError(cause, address=address, chain_id=chain_id, next_step=step) from error
    if found != program.hash:
        cause = f"the contract answers programHash() with 0x{found[:32].hex()}, the program's is 0x{program.hash.hex()}"
        raise LedgerError(cause, address=address, chain_id=chain_id, next_step=step)


def _first_difference(
    found: Sequence[Outcome], expected: Sequence[Sequence[int]]
) -> tuple[int, tuple[int, ...] | None, tuple[int, ...]] | None:
    for number, (outcome, outputs) in enumerate(zip(found, expected, strict=True)):
        if outcome.outputs != tuple(outputs):
            return number, outcome.outputs, tuple(outputs)
    return None


def _said(outputs: tuple[int, ...] | None) -> str:
    return f"gives {outputs}" if outputs is not None else "reverts"
