"""``tally program export``: a program in the form of something else that runs it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from tallystick.cli._session import Output, rows_text, with_settings
from tallystick.errors import ProgramError
from tallystick.settings import Settings

if TYPE_CHECKING:
    from tallystick.exact import Program

__all__ = ["register"]

_CODE_LIMIT: Final = 24_576  # bytes, EIP-170


class Form(StrEnum):
    """What to write."""

    ONNX = "onnx"
    EVM_BRANCH = "evm-branch"
    EVM_DENSE = "evm-dense"
    BYTES = "bytes"


def register(program: typer.Typer) -> None:
    """Add the verb."""
    program.command("export", help=_export.__doc__)(with_settings()(_export))


def _export(
    file: str = typer.Argument(help="Program file, model folder, or a shipped model's name."),
    to: Form = typer.Option(..., "--to", help="What to write."),
    output: Path = typer.Option(..., "-o", "--output", help="File to write; text in hexadecimal if it ends in .hex."),
    *,
    settings: Settings,
    out: Output,
) -> None:
    """Write a program as an ONNX model with integer operators, as the init code of a contract, or as its own bytes.

    The same program always gives the same file. Contracts of a program that needs several are made by
    `tally program deploy`.

    Example: tally program export tsgn-v1 --to onnx -o tsgn-v1.onnx
    """
    from tallystick.apps.fraud import find_model
    from tallystick.hashing import keccak256
    from tallystick.store import write_bytes

    program = find_model(file).program
    content = _content(program, to)
    write_bytes(output, content.hex().encode("ascii") + b"\n" if output.suffix == ".hex" else content)
    facts = {
        "program": "0x" + program.hash.hex(),
        "form": str(to),
        "bytes": len(content),
        "keccak256": "0x" + keccak256(content).hex(),
        "file": str(output),
    }
    out.result(facts, rows_text(list(facts.items())))


def _content(program: Program, to: Form) -> bytes:
    match to:
        case Form.ONNX:
            from tallystick.targets.onnx import to_onnx

            return to_onnx(program)
        case Form.EVM_BRANCH:
            from tallystick.targets.evm import BranchOptions, branch_code

            code = branch_code(program, BranchOptions(code_limit=_CODE_LIMIT))
            if len(code.runtime) > _CODE_LIMIT:
                step = "Put it on a chain in several with `tally program deploy`."
                cause = f"one contract has room for {_CODE_LIMIT:,} bytes of code"
                raise ProgramError(cause, value=len(code.runtime), next_step=step)
            return code.initcode
        case Form.EVM_DENSE:
            from tallystick.targets.evm import DenseOptions, dense_code

            return dense_code(program, DenseOptions(code_limit=_CODE_LIMIT)).initcode()
        case Form.BYTES:
            return program.to_bytes()
