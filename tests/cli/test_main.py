from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import typer

from tallystick import __version__
from tallystick.cli import _features
from tallystick.cli._main import app
from tallystick.cli._session import own_command
from tallystick.errors import SourceError, TallyError

from .calls import call, good, refused, run_alone

VERBS = [
    ("demo",),
    ("run",),
    ("features",),
    ("train",),
    ("score",),
    ("program", "import"),
    ("program", "inspect"),
    ("program", "diff"),
    ("program", "check"),
    ("program", "score"),
    ("program", "sign"),
    ("program", "verify"),
    ("program", "export"),
    ("program", "deploy"),
    ("program", "call"),
    ("program", "prove"),
    ("program", "accept"),
    ("register",),
    ("commit",),
    ("verify",),
    ("sql",),
    ("chain", "up"),
    ("chain", "status"),
    ("config", "show"),
    ("data", "kinds"),
    ("data", "show"),
    ("data", "labels"),
]
KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


def commands(group: typer.core.TyperGroup, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        inside = getattr(command, "commands", None)
        found += commands(command, *path, name) if inside else [(*path, name)]
    return found


def root() -> typer.core.TyperGroup:
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    return command


def examples(help: str) -> list[str]:
    """Example lines of a help page, put together where they were wrapped."""
    lines = [line.strip() for line in help.splitlines()]
    found = []
    for number, line in enumerate(lines):
        if line.startswith("Example: "):
            rest = lines[number + 1 :]
            end = next(k for k, other in enumerate(rest) if not other or other.startswith("Example: "))
            found.append(" ".join([line.removeprefix("Example: "), *rest[:end]]))
    return found


def test_verbs_are_the_known_ones() -> None:
    assert sorted(commands(root())) == sorted(VERBS)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_has_examples_that_parse(verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = good(*verb, "--help")
    assert "\\" not in done.out
    found = examples(done.out)
    assert found
    for example in found:
        program, *words = shlex.split(example)
        assert program == "tally"
        assert tuple(words[: len(verb)]) == verb
        command: object = root()
        for name in verb:
            command = command.commands[name]
        context = command.make_context("tally", words[len(verb) :], resilient_parsing=False)
        context.close()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_shows_brackets_units_and_json(verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = good(*verb, "--help").out
    assert "--json" in out
    if "KIND:PATH_OR_URL" in out:
        assert "[#FIRST:LAST]" in out
    if "--commit-transfers" in out:
        assert "[transfers, default: 4096]" in out
    assert "--no-" not in out


def test_help_of_groups_and_root() -> None:
    assert "Start with: tally demo" in good("--help").out
    for group in ("chain", "config", "data"):
        assert good(group, "--help").out
        assert call(group).code == 2


def test_version() -> None:
    assert good("--version").out == f"tally {__version__}\n"


def test_module_runs_as_a_program(tmp_path: Path) -> None:
    done = run_alone("--version", folder=tmp_path)
    assert (done.code, done.out) == (0, f"tally {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [("scor",), ("score", "--nope"), ("score",), ("demo", "--accounts", "5"), ("score", "a:b", "--per", "thing")],
    ids=" ".join,
)
def test_invalid_usage_is_2_and_named_on_standard_error(arguments: tuple[str, ...]) -> None:
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: tally" in done.err


def test_invalid_verb_is_guessed() -> None:
    assert "Did you mean 'score'" in call("scor").err


def test_invalid_variable_is_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_SEDE", "1")
    refused(call("data", "kinds"), "T101", 2, "TALLY_SEDE", "did you mean 'TALLY_SEED'", "origin=environment")
    assert call("data", "kinds", "--json").json["error"] == "T101"


@pytest.mark.parametrize(("value", "words"), [("x", "whole number"), ("-1", "must be in [0, ")])
def test_invalid_setting_in_environment(value: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_SEED", value)
    refused(call("data", "kinds"), "T101", 2, words, f"value={value}", "origin=environment")


def test_invalid_setting_as_flag() -> None:
    refused(call("run", "xblock:x", "--seed", "-5"), "T101", 2, "origin=flag", "setting=seed")


def test_invalid_setting_in_file(tmp_path: Path) -> None:
    (tmp_path / "tallystick.toml").write_text("sede = 1\n", encoding="utf-8")
    refused(call("data", "kinds"), "T101", 2, "did you mean 'seed'", "tallystick.toml")
    (tmp_path / "tallystick.toml").write_text(f'private_key = "{KEY}"\n', encoding="utf-8")
    done = call("data", "kinds", "--debug")
    assert KEY not in done.err + done.out


def test_config_show_tells_origins_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tallystick.toml").write_text("seed = 5\n", encoding="utf-8")
    monkeypatch.setenv("TALLY_PRIVATE_KEY", KEY)
    monkeypatch.setenv("TALLY_RPC_URL", "https://me:pw@node.example/")
    text = good("config", "show", "--origin").out
    assert re.search(r"^seed +5  \(tallystick.toml\)$", text, re.MULTILINE)
    assert re.search(r"^private_key +\*+  \(environment\)$", text, re.MULTILINE)
    assert re.search(r"^keystore +not set  \(default\)$", text, re.MULTILINE)
    assert re.search(r"^rpc_timeout_s +30 s  \(default\)$", text, re.MULTILINE)
    rows = good("config", "show", "--json").json
    assert rows["seed"] == {"value": "5", "unit": "", "origin": "tallystick.toml"}
    for secret in (KEY, KEY[2:], "pw@"):
        assert secret not in text + str(rows)


def test_errors_hide_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLY_PRIVATE_KEY", KEY)
    for flags in ((), ("--debug",), ("--json",)):
        arguments = (*flags[:1], "data", "show", f"xblock:/nowhere/{KEY}") if flags == ("--debug",) else None
        done = call(*(arguments or ("data", "show", f"xblock:/nowhere/{KEY}", *flags)))
        assert done.code == 2
        assert KEY not in done.out + done.err
        assert KEY[2:] not in done.out + done.err


def test_debug_shows_the_trace() -> None:
    done = call("--debug", "data", "show", "nope:x")
    assert "Traceback" in done.err
    assert "SourceError" in done.err
    assert done.code == 2


def test_error_as_json_is_one_object() -> None:
    done = call("data", "show", "xblok:x", "--json")
    refused(done, "T203", 2, "did you mean 'xblock'")
    assert done.json == {
        "error": "T203",
        "cause": "unknown kind of source 'xblok'; did you mean 'xblock'?",
        "where": {"name": "xblok:x"},
        "next": SourceError.next_step,
    }


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_interrupt_is_130(flags: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_features, "_list", stop)
    done = call("features", "--list", *flags)
    refused(done, "T103", 130, "stopped; what was finished is kept")
    assert (done.json["error"] == "T103") if flags else (done.out == "")


def test_sigterm_is_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_: object) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        threading.Event().wait(10)

    monkeypatch.setattr(_features, "_list", wait)
    refused(call("features", "--list"), "T103", 130)


def test_exit_codes_are_the_documented_ones() -> None:
    def below(error: type[TallyError]) -> set[type[TallyError]]:
        return {error}.union(*(below(child) for child in error.__subclasses__()))

    assert {error.exit_code for error in below(TallyError)} == {1, 2, 3, 130}


def test_reader_that_leaves_early_is_no_trace(tmp_path: Path) -> None:
    command = f"{sys.executable} -m tallystick features --list --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "{"
    assert "Traceback" not in done.stderr


def test_own_command_can_be_called_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is suggested next must run as it stands, also where nobody has put .venv on PATH."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    monkeypatch.setattr("sys.executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert own_command() == "tally"  # not installed beside this Python
    (folder / "tally").touch(mode=0o755)
    assert own_command() == ".venv/bin/tally"
    monkeypatch.chdir(folder.parent.parent.parent)
    assert own_command() == str(folder.relative_to(Path.cwd()) / "tally")
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", str(folder))
    assert own_command() == "tally"
