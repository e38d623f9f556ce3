"""One table of settings; flags, environment variables, TOML and the docs page all come from it.

The table is the class :class:`Settings`: each field is one setting with its type, default,
unit and help. A value is looked up in this order, first found wins: command-line flag
(``--rpc-url``), environment (``TALLY_RPC_URL``), ``tallystick.toml`` in the working
directory (``rpc_url = …``), default. Secrets come from the environment only.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Final, get_type_hints
from urllib.parse import urlsplit

from tallystick.errors import SettingsError, did_you_mean

__all__ = ["ENV_PREFIX", "TOML_NAME", "Resolved", "Setting", "Settings", "load_settings", "redact", "settings_table"]

ENV_PREFIX: Final = "TALLY_"
TOML_NAME: Final = "tallystick.toml"
_REDACTED: Final = "********"
_URL_USER: Final = re.compile(r"(\w+://)[^/@\s]+@")


def _setting(
    default: Any, unit: str, help: str, low: int | None = None, high: int | None = None, secret: bool = False
) -> Any:
    metadata = {"unit": unit, "help": help, "low": low, "high": high, "secret": secret}
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """Resolved settings, immutable; see :func:`settings_table` for units and help."""

    project: Path = _setting(Path("tally-data"), "path", "Project directory: tables, models, manifests, chain state.")
    data: Path = _setting(Path("../shared/data"), "path", "Folder with the public data sets, for tests and benchmarks.")
    state_url: str = _setting(
        "", "URL", "Database of the run state (SQLAlchemy); empty means state.sqlite in the project.", secret=True
    )
    threads: int = _setting(1, "threads", "Threads for training; the result does not depend on them.", 1, 1024)
    seed: int = _setting(1, "", "Seed of everything random.", 0, 2**31 - 1)
    rpc_url: str = _setting("", "URL", "JSON-RPC endpoint; empty means the embedded chain.")
    chain_id: int = _setting(0, "", "Chain id that the endpoint must report; 0 accepts any.", 0, 2**63 - 1)
    rpc_batch_size: int = _setting(50, "calls", "Most calls in one JSON-RPC batch.", 1, 1000)
    rpc_concurrency: int = _setting(4, "requests", "Most requests under way at once.", 1, 64)
    rpc_requests_per_s: int = _setting(
        20, "requests/s", "Where the adaptive rate limit of a remote node starts.", 1, 10_000
    )
    rpc_retries: int = _setting(5, "tries", "How often a failed request is tried again.", 0, 20)
    rpc_timeout_s: int = _setting(30, "s", "Longest wait for one answer.", 1, 600)
    confirmations: int = _setting(12, "blocks", "Newest blocks left out when an rpc source has no end.", 0, 100_000)
    journal_blocks: int = _setting(128, "blocks", "Blocks that the feature engine can take back.", 0, 100_000)
    embedded_port: int = _setting(0, "port", "Loopback port of the embedded chain; 0 picks a free one.", 0, 65_535)
    registry: str = _setting("", "address", "ModelRegistry contract; empty means the project's own.")
    prediction_log: str = _setting("", "address", "PredictionLog contract; empty means the project's own.")
    commit_transfers: int = _setting(4096, "transfers", "Transfers after which a block range is committed.", 1, 1 << 20)
    alert_ppm: int = _setting(900_000, "ppm", "Score from which an account raises an alert.", 0, 1_000_000)
    alert_after: int = _setting(3, "transfers", "Transfers of an account before it can raise an alert.", 1, 1 << 20)
    review_budget_ppm: int = _setting(10_000, "ppm", "Share of accounts a reviewer can look at.", 1, 1_000_000)
    keystore: str = _setting("", "path", "Keystore file (Web3 Secret Storage) of the sending account.")
    keystore_password: str = _setting("", "", "Password of the keystore file.", secret=True)
    private_key: str = _setting("", "hex", "Private key of the sending account.", secret=True)
    key_password: str = _setting("", "", "Password of the key file that signs programs.", secret=True)


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    name: str
    type: type
    default: object
    unit: str
    help: str
    low: int | None
    high: int | None
    secret: bool

    @property
    def flag(self) -> str:
        """Command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def env(self) -> str:
        """Environment variable."""
        return ENV_PREFIX + self.name.upper()

    def parse(self, value: object, origin: str) -> Any:
        """Turn text, or a TOML value, into this setting's type; refuse what is out of range."""
        where: dict[str, Any] = {"setting": self.name, "origin": origin, "value": _REDACTED if self.secret else value}
        if self.type in (Path, str):
            # An unquoted 0x… in TOML is a number: taken as text it would be another address.
            if not isinstance(value, (str, Path)):
                raise SettingsError(f"{self.name} must be text, in quotes", **where)
            return Path(value).expanduser() if self.type is Path else str(value)
        try:
            number = int(str(value).replace("_", ""))
        except ValueError:
            raise SettingsError(f"{self.name} must be a whole number", **where) from None
        if (self.low is not None and number < self.low) or (self.high is not None and number > self.high):
            raise SettingsError(f"{self.name} must be in [{self.low}, {self.high}] {self.unit}".rstrip(), **where)
        return number


@dataclass(frozen=True)
class Resolved:
    """Settings with the origin of each value: ``flag``, ``environment``, a file name or ``default``."""

    settings: Settings
    origin: Mapping[str, str]


def settings_table() -> dict[str, Setting]:
    """Every setting by name, in the order of the docs page."""
    hints = get_type_hints(Settings)
    table = {}
    for item in fields(Settings):
        assert item.default is not MISSING
        table[item.name] = Setting(name=item.name, type=hints[item.name], default=item.default, **item.metadata)
    return table


def load_settings(
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Resolved:
    """Resolve every setting.

    Parameters
    ----------
    flags
        Values given on the command line, by setting name; ``None`` values are ignored.
    environ
        Environment; the process's own when omitted.
    directory
        Where ``tallystick.toml`` is looked for; the working directory when omitted.

    Raises
    ------
    SettingsError
        A name is unknown, a value is malformed or out of range, or a secret stands in the file.
    """
    table = settings_table()
    environ = os.environ if environ is None else environ
    path = (directory or Path()) / TOML_NAME
    layers: list[tuple[str, Mapping[str, object]]] = [
        ("flag", {name: value for name, value in (flags or {}).items() if value is not None}),
        ("environment", {name: environ[row.env] for name, row in table.items() if environ.get(row.env)}),
        (str(path), _read_toml(path, table)),
    ]
    _refuse_unknown_flags(flags or {}, table)
    _refuse_unknown_variables(environ, table)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name, row in table.items():
        for where, layer in layers:
            if name in layer:
                values[name], origin[name] = row.parse(layer[name], where), where
                break
        else:
            values[name], origin[name] = row.default, "default"
    return Resolved(Settings(**values), origin)


def _read_toml(path: Path, table: Mapping[str, Setting]) -> Mapping[str, object]:
    if not path.is_file():
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be read: {error.strerror}", origin=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name} is not valid TOML: {error}", origin=str(path)) from error
    for name in content:
        if name not in table:
            raise SettingsError(f"unknown setting {name!r}{did_you_mean(name, table)}", setting=name, origin=str(path))
        if table[name].secret:
            raise SettingsError(f"{name} is a secret and must not stand in a file", setting=name, origin=str(path))
    return content


def _refuse_unknown_flags(flags: Mapping[str, object], table: Mapping[str, Setting]) -> None:
    for name in flags:
        if name not in table:
            raise SettingsError(f"unknown setting {name!r}{did_you_mean(name, table)}", setting=name, origin="flag")


def _refuse_unknown_variables(environ: Mapping[str, str], table: Mapping[str, Setting]) -> None:
    known = {row.env for row in table.values()}
    for name in environ:
        if name.startswith(ENV_PREFIX) and name not in known:
            raise SettingsError(
                f"unknown variable {name}{did_you_mean(name, known)}", setting=name, origin="environment"
            )


def redact(text: str, settings: Settings) -> str:
    """Blank every secret value that occurs in a text; everything printed or logged passes here.

    A key is found in upper and lower case and without its ``0x``; the user part of any URL goes too.

    Examples
    --------
    >>> redact("key 0xabc", Settings(private_key="0xabc"))
    'key ********'
    """
    secrets = {str(getattr(settings, name)) for name, row in settings_table().items() if row.secret}
    secrets |= {secret[2:] for secret in secrets if secret[:2].lower() == "0x"}
    # Longest first, so that one secret inside another leaves no rest behind.
    for secret in sorted(secrets - {""}, key=lambda item: (-len(item), item)):
        text = re.sub(re.escape(secret), _REDACTED, text, flags=re.IGNORECASE)
    if settings.rpc_url:  # hosted nodes have their keys in path or query
        text = text.replace(settings.rpc_url, _without_path(settings.rpc_url))
    return _URL_USER.sub(rf"\1{_REDACTED}@", text)


def _without_path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" + ("/…" if parts.path.strip("/") or parts.query else "")
