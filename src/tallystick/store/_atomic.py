"""Writes that happen whole or not at all: temporary file beside the target, fsync, rename."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO, Final

from tallystick.errors import DiskFull, StoreError

__all__ = ["atomic_file", "make_folder", "store_error", "sweep", "write_bytes"]

TEMPORARY_SUFFIX: Final = ".tally-tmp"
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def store_error(error: OSError, path: Path) -> StoreError:
    """Turn an error of the operating system into ours: `DiskFull` where no room is left."""
    if isinstance(error, StoreError):
        return error
    if error.errno in _NO_ROOM:
        return DiskFull(f"no room left: {error.strerror}", path=path)
    return StoreError(error.strerror or str(error), path=path)


def make_folder(path: Path) -> Path:
    """Make a folder and its parents where they are missing, and return it.

    Raises
    ------
    DiskFull
        No room left.
    StoreError
        The folder cannot be made there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise store_error(error, path) from error
    return path


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that appears under its name only when the block ends well.

    After the block the bytes are on disk (fsync of the file and of its folder). If the block
    raises, or the disk is full, the temporary file is removed and what stood under the name
    before still stands. A kill leaves a temporary file, which :func:`sweep` removes.

    Raises
    ------
    DiskFull
        No room left.
    StoreError
        The folder does not let us write, or under the name stands something else than a file.
    """
    path = _target(path)
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        # "x" and not mkstemp: the file gets the permissions of the user's umask.
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise store_error(error, path) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _target(path: Path) -> Path:
    """What is to be replaced: of a link, what it points to, not the link."""
    try:
        path = path.resolve()
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return path
    except OSError as error:
        raise store_error(error, path) from error
    except RuntimeError as error:  # how Python before 3.13 tells of a link that leads to itself
        raise StoreError("links in a circle", path=path) from error
    if not stat.S_ISREG(mode):
        raise StoreError("not a regular file, so it is not replaced", path=path, next_step="Choose another file name.")
    return path


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a whole file at once; see :func:`atomic_file`."""
    with atomic_file(path) as file:
        file.write(content)


def sweep(folder: Path) -> list[Path]:
    """Remove temporary files that a killed process left below a folder, and name them."""
    swept = []
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            if name.startswith(".") and name.endswith(TEMPORARY_SUFFIX):
                left = Path(parent, name)
                left.unlink(missing_ok=True)
                swept.append(left)
    return sorted(swept)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
