"""Keep a process no longer than its owner; run as a script, with the standard library only.

``python _guard.py CONTROL_FD LOCK_FD COMMAND…`` starts the command and watches a pipe whose other
end only the owner holds. However the owner ends (return, exception, SIGTERM, SIGKILL), the kernel
closes the pipe, and the guard stops the command: SIGTERM first, so that it can save its state,
SIGKILL after a grace. Should the guard itself be killed, Linux stops the command.

A parent-death signal set by the owner alone would fire when the starting *thread* ends, and
exists on Linux only; hence a process of its own.
"""

from __future__ import annotations

import ctypes
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

GRACE_S = 60
YOUNG_S = 2
_POLL_S = 0.2
_PR_SET_PDEATHSIG = 1


def guard(command: list[str], control_fd: int, lock_fd: int, young_s: float = YOUNG_S) -> int:
    """Run the command until it ends or the control pipe closes.

    Parameters
    ----------
    control_fd
        Read end of the owner's pipe.
    lock_fd
        Descriptor of the held lock file, handed on so that it is held as long as the command lives.
    young_s
        Seconds after its start in which the command may not yet be ready for SIGTERM.

    Returns
    -------
    int
        The command's exit code, negative when a signal ended it.
    """
    # The process is single-threaded here, so the hook between fork and exec is safe.
    child = subprocess.Popen(command, pass_fds=(lock_fd,), preexec_fn=_die_with_parent, stdin=subprocess.DEVNULL)
    started = time.monotonic()
    while child.poll() is None:
        readable, _, _ = select.select([control_fd], [], [], _POLL_S)
        if readable:  # a byte: asked to stop; end of file: the owner is gone
            _wait_for_handler(child.pid, started + young_s)
            return _stop(child, GRACE_S)
    return child.returncode


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_for_handler(pid: int, give_up: float) -> None:
    """Let a node that has only just started set its SIGTERM handler, or it would not save its state."""
    status = Path(f"/proc/{pid}/status")
    while status.exists() and time.monotonic() < give_up:
        caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(_POLL_S / 20)


def _stop(child: subprocess.Popen[bytes], grace_s: float) -> int:
    child.terminate()
    try:
        return child.wait(grace_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Only the pipe stops us. A handler and not SIG_IGN, which the command would inherit.
        signal.signal(number, lambda *_: None)
    sys.exit(abs(guard(sys.argv[3:], int(sys.argv[1]), int(sys.argv[2]))))
