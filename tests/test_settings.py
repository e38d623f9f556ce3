from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.errors import SettingsError
from tallystick.settings import TOML_NAME, Settings, load_settings, redact, settings_table

ROOT = Path(__file__).parent.parent
TABLE = settings_table()


def write_toml(folder: Path, text: str) -> Path:
    (folder / TOML_NAME).write_text(text, encoding="utf-8")
    return folder


def test_default_when_nothing_is_given(tmp_path: Path) -> None:
    resolved = load_settings({}, {}, tmp_path)
    assert resolved.settings == Settings()
    assert set(resolved.origin.values()) == {"default"}


def test_flag_before_environment_before_file_before_default(tmp_path: Path) -> None:
    write_toml(tmp_path, "threads = 2\nseed = 2\nconfirmations = 2")
    environ = {"TALLY_THREADS": "3", "TALLY_SEED": "3", "PATH": "x"}
    resolved = load_settings({"threads": 4, "chain_id": None}, environ, tmp_path)
    settings = resolved.settings
    assert (settings.threads, settings.seed, settings.confirmations, settings.chain_id) == (4, 3, 2, 0)
    names = ("threads", "seed", "confirmations", "chain_id")
    assert [resolved.origin[name] for name in names] == ["flag", "environment", str(tmp_path / TOML_NAME), "default"]


def test_working_directory_and_environment_are_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(write_toml(tmp_path, 'project = "~/here"'))
    monkeypatch.setenv("TALLY_THREADS", "7")
    settings = load_settings().settings
    assert settings.project == Path.home() / "here"
    assert settings.threads == 7


def test_empty_variable_is_not_given(tmp_path: Path) -> None:
    assert load_settings({}, {"TALLY_THREADS": ""}, tmp_path).settings.threads == 1


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_every_setting_reads_its_own_default_as_text(row: object) -> None:
    from tallystick.settings import Setting

    assert isinstance(row, Setting)
    assert row.parse(str(row.default), "environment") == row.default
    assert row.type in (int, str, Path)
    assert row.flag == "--" + row.name.replace("_", "-")
    assert row.help.endswith(".")
    if row.type is int:
        assert row.low is not None
        assert row.high is not None
        assert row.parse(row.low, "flag") == row.low
        assert row.parse(str(row.high), "flag") == row.high
        for outside in (row.low - 1, row.high + 1):
            with pytest.raises(SettingsError, match="must be in"):
                row.parse(outside, "flag")


@pytest.mark.parametrize(
    ("flags", "environ", "toml", "cause"),
    [
        ({"thread": 1}, {}, "", "unknown setting 'thread'; did you mean 'threads'"),
        ({}, {"TALLY_THREAD": "1"}, "", "unknown variable TALLY_THREAD; did you mean 'TALLY_THREADS'"),
        ({}, {}, "reorg_depth = 2", "unknown setting 'reorg_depth'"),
        ({}, {}, "thread = 1", "unknown setting 'thread'; did you mean 'threads'"),
        ({}, {}, "threads = ", "is not valid TOML"),
        ({}, {}, 'private_key = "0x1"', "is a secret and must not stand in a file"),
        ({}, {}, "threads = true", "must be a whole number"),
        ({}, {}, "threads = 1.5", "must be a whole number"),
        ({}, {}, "threads = [1]", "must be a whole number"),
        ({}, {}, "registry = 0x52908400098527886e0f7030069857d2e4169ee7", "must be text, in quotes"),
        ({}, {}, "project = 5", "must be text, in quotes"),
        ({}, {"TALLY_THREADS": "many"}, "", "must be a whole number"),
        ({}, {"TALLY_THREADS": "0"}, "", r"threads must be in \[1, 1024\] threads"),
        ({"seed": -1}, {}, "", r"seed must be in \[0, 2147483647\]$|seed must be in"),
    ],
)
def test_invalid_settings(
    tmp_path: Path, flags: dict[str, object], environ: dict[str, str], toml: str, cause: str
) -> None:
    with pytest.raises(SettingsError, match=cause) as caught:
        load_settings(flags, environ, write_toml(tmp_path, toml))
    assert caught.value.where["origin"] in ("flag", "environment", str(tmp_path / TOML_NAME))


def test_invalid_toml_not_utf8(tmp_path: Path) -> None:
    (tmp_path / TOML_NAME).write_bytes(b'project = "\xff"')
    with pytest.raises(SettingsError, match="is not valid TOML"):
        load_settings({}, {}, tmp_path)


def test_invalid_toml_not_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, encoding: str) -> str:
        raise PermissionError(13, "Permission denied")

    write_toml(tmp_path, "")
    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(SettingsError, match="cannot be read: Permission denied"):
        load_settings({}, {}, tmp_path)


def test_invalid_secret_is_not_in_the_error() -> None:
    secret = replace(TABLE["threads"], secret=True)
    with pytest.raises(SettingsError) as caught:
        secret.parse("hunter2", "environment")
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_in_the_repr() -> None:
    settings = Settings(private_key="0xabc123", keystore_password="hunter2", state_url="postgresql://u:p@h/d")
    assert not [secret for secret in ("abc123", "hunter2", "u:p") if secret in repr(settings)]


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key 0xABC123def", "key ********"),
        ("key abc123def!", "key ********!"),
        ("pass abc", "pass ********"),
        ("http://user:word@host/x and https://host/y", "http://********@host/x and https://host/y"),
        ("nothing here", "nothing here"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    assert redact(text, Settings(private_key="0xabc123def", keystore_password="abc")) == clean


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://node.example/v3/0123abcd", "https://node.example/…"),
        ("https://node.example:8545/?key=0123abcd", "https://node.example:8545/…"),
        ("https://node.example?key=0123abcd", "https://node.example/…"),
        ("https://user:0123abcd@node.example/v3", "https://********@node.example/…"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
    ],
)
def test_redact_leaves_no_key_of_the_endpoint(url: str, clean: str) -> None:
    settings = Settings(rpc_url=url)
    assert redact(f"asked {url}: no answer from {url}", settings) == f"asked {clean}: no answer from {clean}"
    assert redact("nothing here", settings) == "nothing here"


def test_docs_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "make_docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stderr}run scripts/docs"


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_every_setting_is_in_the_docs(row: object) -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert f"| `{row.name}` |" in page
