"""Programs as files: the only place of this layer that touches the disk."""

from __future__ import annotations

import os
from pathlib import Path

from tallystick.errors import ProgramError
from tallystick.exact._program import Program

__all__ = ["load_program", "save_program"]


def load_program(path: Path | str) -> Program:
    """Read and check a program file.

    Raises
    ------
    ProgramError
        The file cannot be read, or is not a program in a format this release knows.
    """
    try:
        return Program.from_bytes(Path(path).read_bytes())
    except OSError as error:
        step = "Check the path; `tally train` writes a program."
        raise ProgramError("program file cannot be read", file=str(path), next_step=step) from error
    except ProgramError as error:
        error.where["file"] = str(path)
        raise


def save_program(program: Program, path: Path | str) -> None:
    """Write a program file: whole or not at all. A link stays one; what it leads to is written.

    Raises
    ------
    ProgramError
        The file cannot be written, or the path is that of a folder, a device or the like.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        cause = "program file cannot be written: it is there, and no regular file"
        raise ProgramError(cause, file=str(path), next_step="Choose another file name.")
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        unfinished.write_bytes(program.to_bytes())
        unfinished.replace(target)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        step = "Check that the folder exists and has room."
        raise ProgramError("program file cannot be written", file=str(target), next_step=step) from error
