from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tallystick.errors import DiskFull, StoreError
from tallystick.store import atomic_file, write_bytes
from tallystick.store._atomic import TEMPORARY_SUFFIX, make_folder, store_error, sweep

Child = Callable[..., CompletedProcess[str]]

# Dies by SIGKILL when the named function is called while "new" replaces "old".
KILLED = """
import os, signal, sys
from pathlib import Path
from tallystick.store import atomic_file
name, path = sys.argv[1], Path(sys.argv[2])
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
if name == "write":
    with atomic_file(path) as file:
        file.write(b"ne"); file.flush(); die()
owner = Path if name == "replace" else os
setattr(owner, name, die)
with atomic_file(path) as file:
    file.write(b"new")
"""
LIMITED = """
import resource, sys
from pathlib import Path
from tallystick.errors import DiskFull
from tallystick.store import write_bytes
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_bytes(Path(sys.argv[1]), b"x" * 5000)
except DiskFull as error:
    print(error.code, error.where["path"])
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_write_bytes_makes_folders_and_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    write_bytes(path, b"one")
    write_bytes(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"
    assert names(path.parent) == ["file"]


def test_file_has_the_permissions_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_target_is_untouched_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    with atomic_file(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x")])
def test_error_in_the_block_keeps_the_old_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def interrupted() -> None:
        with atomic_file(path) as file:
            file.write(b"new")
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_full_disk_at_fsync_is_disk_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def full(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "file"
    write_bytes(path, b"old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="no room left") as caught:
        write_bytes(path, b"new")
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.where["path"] == path
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device /dev/full of Linux")
def test_full_disk_at_write_is_disk_full(tmp_path: Path) -> None:
    def fill() -> None:
        with atomic_file(tmp_path / "file"), Path("/dev/full").open("wb", buffering=0) as full:
            full.write(b"x")

    with pytest.raises(DiskFull):
        fill()
    assert names(tmp_path) == []


def test_file_size_limit_is_disk_full(tmp_path: Path, child: Child) -> None:
    done = child(LIMITED, tmp_path / "file")
    assert (done.stdout, done.stderr) == (f"T402 {tmp_path / 'file'}\n", "")
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["write", "fsync", "replace"])
def test_kill_in_the_middle_leaves_the_old_file(tmp_path: Path, child: Child, name: str) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")
    assert child(KILLED, name, path).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    left = [entry for entry in tmp_path.iterdir() if entry != path]
    assert len(left) == 1
    assert sweep(tmp_path) == left
    assert names(tmp_path) == ["file"]


def test_sweep_takes_our_temporaries_only(tmp_path: Path) -> None:
    keep = [tmp_path / "a.tmp", tmp_path / f"shown{TEMPORARY_SUFFIX}", tmp_path / "sub" / ".hidden"]
    left = [tmp_path / f".x{TEMPORARY_SUFFIX}", tmp_path / "sub" / f".y{TEMPORARY_SUFFIX}"]
    (tmp_path / "sub").mkdir()
    for path in [*keep, *left]:
        path.touch()
    assert sweep(tmp_path) == sorted(left)
    assert all(path.exists() for path in keep)
    assert sweep(tmp_path / "absent") == []


def test_link_is_kept_and_its_target_replaced(tmp_path: Path) -> None:
    target, link, loose = tmp_path / "sub" / "target", tmp_path / "link", tmp_path / "loose"
    write_bytes(target, b"old")
    link.symlink_to(Path("sub", "target"))
    loose.symlink_to(tmp_path / "absent")
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    write_bytes(loose, b"made")
    assert loose.is_symlink()
    assert (tmp_path / "absent").read_bytes() == b"made"
    assert names(tmp_path) == ["absent", "link", "loose", "sub"]
    assert names(target.parent) == ["target"]


def test_invalid_target_is_not_a_regular_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    before = names(tmp_path)
    for path in (tmp_path / "folder", tmp_path / "pipe", tmp_path / "link", Path(os.devnull)):
        with pytest.raises(StoreError, match="not a regular file") as caught:
            write_bytes(path, b"new")
        assert caught.value.where["path"] == path.resolve()
    assert names(tmp_path) == before
    assert (tmp_path / "pipe").is_fifo()
    assert Path(os.devnull).is_char_device()


def test_invalid_name_is_too_long_or_a_loop(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name in ("x" * 300, "loop"):
        with pytest.raises(StoreError):
            write_bytes(tmp_path / name, b"")
    assert names(tmp_path) == ["loop"]


def test_invalid_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        write_bytes(tmp_path / "file" / "below", b"")
    with pytest.raises(StoreError, match="File exists"):
        make_folder(tmp_path / "file")


def test_store_error_keeps_ours_and_names_the_rest(tmp_path: Path) -> None:
    ours = DiskFull("x")
    assert store_error(ours, tmp_path) is ours
    assert type(store_error(PermissionError(errno.EACCES, "Permission denied"), tmp_path)) is StoreError
    assert store_error(OSError("odd"), tmp_path).cause == "odd"
