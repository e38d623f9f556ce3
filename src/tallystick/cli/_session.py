"""What all verbs share: settings from the flags of this call, output for people or programs, progress."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tallystick.errors import Interrupted, SettingsError, TallyError
from tallystick.settings import Setting, Settings, load_settings, redact, settings_table

if TYPE_CHECKING:
    from tallystick.apps.fraud import Progress
    from tallystick.ledger import SendPlan
    from tallystick.sources import BadRows

__all__ = ["Output", "Session", "own_command", "rows_text", "with_endpoint", "with_settings"]


@dataclass
class Session:
    """State of one call; ``debug`` shows traces."""

    debug: bool = False


@dataclass
class Output:
    """Where a verb writes: progress and plans on standard error, its result on standard output.

    Parameters
    ----------
    as_json
        One JSON object instead of text.
    settings
        Secrets in it are blanked everywhere.
    """

    as_json: bool
    settings: Settings
    answered: bool = field(default=False, init=False)

    def say(self, text: str = "") -> None:
        """Tell people something on the way, on standard error."""
        sys.stderr.write(redact(text, self.settings) + "\n")

    def result(self, data: Mapping[str, Any], text: str) -> None:
        """Give the verb's one result: ``data`` with ``--json``, else ``text``."""
        self.answered = True
        shown = json.dumps(data, sort_keys=True, default=str) if self.as_json else text
        sys.stdout.write(redact(shown, self.settings) + "\n")
        sys.stdout.flush()

    def fail(self, error: TallyError) -> None:
        """With ``--json``, give an error as the result, unless the verb has given one; people read standard error."""
        if self.as_json and not self.answered:
            where = {name: str(value) for name, value in error.where.items()}
            self.result({"error": error.code, "cause": error.cause, "where": where, "next": error.advice}, "")

    def left_out(self, bad_rows: BadRows) -> None:
        """Tell which malformed rows were left out: how many, and the first of them."""
        for note in bad_rows.first:
            column = f", column {note.column}" if note.column else ""
            self.say(f"  left out: {note.file} line {note.line}{column}: {note.cause}")
        if bad_rows.count:
            self.say(f"  left out {bad_rows.count:,} malformed rows in all")

    def announce(self, plan: SendPlan) -> None:
        """Tell what is about to be sent."""
        target = f" to {plan.to}" if plan.to else ""
        self.say(f"  plan: {plan.what}{target} on chain {plan.chain_id}, about {plan.estimated_gas:,} gas")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Progress bars on standard error; one line a stage where that is not a terminal."""
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        console = Console(stderr=True)
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
            tasks: dict[str, Any] = {}
            last: dict[str, int] = {}

            def note(stage: str, done: int, total: int | None) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(stage, total=total)
                last[stage] = done
                bars.update(tasks[stage], completed=done, total=total)

            yield note
            for stage, task in tasks.items():
                bars.update(task, total=last[stage])
        if not console.is_terminal:
            for stage, done in last.items():
                self.say(f"  {stage}: {done:,}")


def with_settings(*names: str, **defaults: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a verb flags for some settings, and the keyword arguments ``settings`` and ``out`` in their place.

    The flags come from the settings table; a verb also gets ``--json``. ``defaults`` are the verb's own, by name.
    """
    table = settings_table()
    rows = [replace(table[name], default=defaults.get(name, table[name].default)) for name in names]

    def decorate(verb: Callable[..., Any]) -> Callable[..., Any]:
        own = [p for p in signature(verb, eval_str=True).parameters.values() if p.name not in ("settings", "out")]

        def call(json_: bool, **values: Any) -> Any:
            flags = {row.name: values.pop(row.name) for row in rows}
            out = Output(json_, Settings())  # where the settings themselves are the error, they hold no secret yet
            try:
                resolved = load_settings(flags)
                own_defaults = {name: value for name, value in defaults.items() if resolved.origin[name] == "default"}
                out.settings = replace(resolved.settings, **own_defaults)
                if "rpc_url" in flags and out.settings.rpc_url:
                    with_endpoint(out.settings, out.settings.rpc_url)
                with _compiling_told(out):
                    return verb(**values, settings=out.settings, out=out)
            except KeyboardInterrupt as stop:
                error = Interrupted("stopped; what was finished is kept")
                out.fail(error)
                raise error from stop
            except TallyError as error:
                out.fail(error)
                raise

        flags = [_flag(row) for row in rows]
        # mypy knows no such attribute of a function; inspect, and so typer, reads it.
        call.__signature__ = Signature([*own, *flags, _json_flag()])  # type: ignore[attr-defined]
        call.__doc__, call.__name__ = verb.__doc__, verb.__name__
        return call

    return decorate


@contextmanager
def _compiling_told(out: Output) -> Iterator[None]:
    """Say so once where fast loops have to be compiled, as after an installation or a new version."""
    log, handler = logging.getLogger("tallystick.compiling"), _First(out)
    before = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


class _First(logging.Handler):
    """Tells of the first record."""

    def __init__(self, out: Output) -> None:
        super().__init__()
        self._out, self._told = out, False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._told:
            self._out.say("  compiling the fast loops, once for this version: up to a minute")
        self._told = True


def with_endpoint(settings: Settings, url: str) -> Settings:
    """Settings with another endpoint.

    Raises
    ------
    SettingsError
        It is not a URL.
    """
    if not url.startswith(("http://", "https://")):
        step = "Write http://HOST:PORT, or leave it out for the embedded chain."
        raise SettingsError(f"{url!r} is not an http or https URL", setting="rpc_url", next_step=step)
    return replace(settings, rpc_url=url)


def _flag(row: Setting) -> Parameter:
    kind: Any = {int: int, Path: Path}.get(row.type, str)
    default = f"default: {row.default}" if str(row.default) else ""
    facts = ", ".join(text for text in (row.unit, default) if text)
    help = row.help + (f" \\[{facts}]" if facts else "")
    option = typer.Option(None, row.flag, help=help, rich_help_panel="Settings", show_default=False)
    return Parameter(row.name, Parameter.KEYWORD_ONLY, default=option, annotation=kind | None)


def _json_flag() -> Parameter:
    option = typer.Option(False, "--json", help="Write one JSON object to standard output.")
    return Parameter("json_", Parameter.KEYWORD_ONLY, default=option, annotation=bool)


def own_command() -> str:
    """How the user can call ``tally`` again from here: by name where it is on PATH, else by its file.

    After ``./scripts/demo`` it is in ``.venv``, which nobody has put on PATH.
    """
    installed = Path(sys.executable).with_name("tally")
    if shutil.which("tally") is not None or not installed.is_file():
        return "tally"
    here = Path.cwd()
    return str(installed.relative_to(here) if installed.is_relative_to(here) else installed)


def rows_text(rows: Sequence[tuple[str, object]]) -> str:
    """Two columns of names and values, aligned."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
