"""Every error Tallystick raises, in one tree.

::

    TallyError
    ├── SettingsError          a setting is unknown, malformed or out of range
    ├── MissingExtra           an optional dependency is not installed
    ├── Interrupted            the user or the system asked us to stop
    ├── InputError             something the user handed us cannot be read
    │   ├── RangeError         a number is outside its domain
    │   ├── SourceError        a source of transfers cannot be opened
    │   └── BadRow             one row of a source is malformed
    ├── ChainError             a chain endpoint did not do what was asked
    │   ├── Unreachable        no answer at all
    │   ├── RateLimited        answered "too many requests" until we gave up
    │   ├── UnsupportedMethod  the node does not have the method
    │   ├── PrunedHistory      the node no longer has the block or state
    │   ├── WrongChain         the chain id is not the expected one
    │   ├── ReorgTooDeep       a reorganisation goes below what we can take back
    │   ├── EmbeddedChainError the embedded chain could not be installed or started
    │   └── TransactionFailed  a transaction was refused or reverted
    ├── StoreError             the project directory cannot be used
    │   ├── ProjectBusy        another process is using it
    │   ├── DiskFull           no room left to finish a write
    │   └── Corrupt            stored content does not match its manifest
    ├── FeatureError           the feature engine was asked for something it cannot do
    ├── LearnError             training data or protocol are unfit
    │   └── Leakage            a protocol would let the model see what it must not
    ├── ProgramError           an exact program is malformed or does not fit
    │   ├── SpecMismatch       program and engine were built for different features
    │   ├── RuntimesDiffer     two runtimes give a row different scores
    │   └── SignatureInvalid   a signature does not belong to the program or the key
    └── LedgerError            a contract on the ledger did not do what was asked
        ├── NoContract         no code at the address
        ├── NotBroadcast       sending needs ``--broadcast``
        └── VerificationFailed the two halves do not match

Each class has a stable code, a next step, and a section in ``docs/errors.md``;
``tests/test_errors.py`` holds all three.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar

__all__ = [
    "BadRow",
    "ChainError",
    "Corrupt",
    "DiskFull",
    "EmbeddedChainError",
    "FeatureError",
    "InputError",
    "Interrupted",
    "Leakage",
    "LearnError",
    "LedgerError",
    "MissingExtra",
    "NoContract",
    "NotBroadcast",
    "ProgramError",
    "ProjectBusy",
    "PrunedHistory",
    "RangeError",
    "RateLimited",
    "ReorgTooDeep",
    "RuntimesDiffer",
    "SettingsError",
    "SignatureInvalid",
    "SourceError",
    "SpecMismatch",
    "StoreError",
    "TallyError",
    "TransactionFailed",
    "Unreachable",
    "UnsupportedMethod",
    "VerificationFailed",
    "WrongChain",
    "did_you_mean",
]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """End of a message about an unknown name: the closest known one, else all of them.

    Examples
    --------
    >>> did_you_mean("lables", ["labels", "transfers"])
    "; did you mean 'labels'?"
    >>> did_you_mean("x", ["transfers", "labels"])
    '; there are labels, transfers'
    >>> did_you_mean("x", [])
    '; there are none'
    """
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(names) or 'none'}"


class TallyError(Exception):
    """Root of the tree: a cause in one line, where it happened, what to do next.

    Parameters
    ----------
    cause
        One line, no trailing full stop.
    next_step
        What the user can do; the class's own ``next_step`` when omitted.
    where
        Place of the error: any of the class's ``fields`` and its parents'.

    Examples
    --------
    >>> error = BadRow("value is negative", file="t.csv", line=3, column="value_eth")
    >>> error.code, error.where["line"]
    ('T202', 3)
    >>> print(error)
    T202 value is negative (file=t.csv, line=3, column=value_eth)
    """

    code: ClassVar[str] = "T000"
    exit_code: ClassVar[int] = 1
    next_step: ClassVar[str] = "Run again with --debug and report the trace."
    fields: ClassVar[tuple[str, ...]] = ()

    def __init__(self, cause: str, *, next_step: str | None = None, **where: object) -> None:
        unknown = set(where) - self.all_fields()
        assert not unknown, f"{type(self).__name__} has no field {sorted(unknown)}"
        super().__init__(cause)
        self.cause = cause
        self.where = {name: value for name, value in where.items() if value is not None}
        self.advice = next_step or self.next_step

    @classmethod
    def all_fields(cls) -> set[str]:
        """Names this class accepts in ``where``: its own and its parents'."""
        return {name for parent in cls.__mro__ for name in getattr(parent, "fields", ())}

    def __str__(self) -> str:
        place = ", ".join(f"{name}={value}" for name, value in self.where.items())
        return f"{self.code} {self.cause}" + (f" ({place})" if place else "")


class SettingsError(TallyError, ValueError):
    """A setting is unknown, malformed or out of range."""

    code = "T101"
    exit_code = 2
    next_step = "`tally config show --origin` lists every setting, its value and where it came from."
    fields = ("setting", "value", "origin")


class MissingExtra(TallyError, ImportError):
    """An optional dependency is not installed."""

    code = "T102"
    exit_code = 2
    next_step = "Install the extra named in the message."
    fields = ("extra", "package")

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        """Build the error for a package that belongs to an extra, with its install line."""
        return cls(
            f"{package} is not installed",
            next_step=f'pip install "tallystick[{extra}]"',
            extra=extra,
            package=package,
        )


class Interrupted(TallyError):
    """The user or the system asked us to stop; what was finished is kept."""

    code = "T103"
    exit_code = 130
    next_step = "Run the same command again: it resumes after the last finished step."


class InputError(TallyError, ValueError):
    """Something the user handed us cannot be read."""

    code = "T200"
    exit_code = 2
    next_step = "Correct the input named in the message and run again."
    fields = ("file", "line", "column", "value", "block", "name")


class RangeError(InputError):
    """A number is outside its domain."""

    code = "T201"
    next_step = "Give a value inside the range named in the message."


class BadRow(InputError):
    """One row of a source is malformed."""

    code = "T202"
    next_step = "Correct the row, or pass --skip-bad-rows to count and leave out such rows."


class SourceError(InputError):
    """A source of transfers or labels cannot be opened or understood."""

    code = "T203"
    next_step = "Check the path or URL; `tally data --help` lists the kinds of source."


class ChainError(TallyError):
    """A chain endpoint did not do what was asked."""

    code = "T300"
    next_step = "Check the node's log and try again."
    fields = ("url", "method", "chain_id", "expected", "block", "tx", "rpc_code", "account")


class Unreachable(ChainError, ConnectionError):
    """No answer at all, after all retries."""

    code = "T301"
    next_step = "Check that the node runs and the URL is right; `tally chain up` starts a local one."


class RateLimited(ChainError):
    """The node answered "too many requests" until we gave up."""

    code = "T302"
    next_step = "Lower rpc_requests_per_s or rpc_batch_size, or use a node of your own."


class UnsupportedMethod(ChainError):
    """The node does not have the method."""

    code = "T303"
    next_step = "Use a node that has the method named in the message."


class PrunedHistory(ChainError):
    """The node no longer has the block or state."""

    code = "T304"
    next_step = "Use an archive node, or start at a later block."


class WrongChain(ChainError):
    """The chain id is not the expected one."""

    code = "T305"
    next_step = "Point rpc_url at the chain you mean, or change the expected chain_id."


class ReorgTooDeep(ChainError):
    """A reorganisation goes below what we can take back."""

    code = "T306"
    next_step = "Run again from a block before the reorganisation; in code, give StreamOptions a higher reorg_depth."


class EmbeddedChainError(ChainError):
    """The embedded chain could not be installed or started."""

    code = "T307"
    next_step = 'pip install "tallystick[embedded]", or put anvil on PATH.'


class TransactionFailed(ChainError):
    """A transaction was refused or reverted."""

    code = "T308"
    next_step = "Read the revert reason; nothing was changed on the chain."


class StoreError(TallyError, OSError):
    """The project directory cannot be used."""

    code = "T400"
    next_step = "Check the path and its permissions, or choose another with --project."
    fields = ("path", "table", "holder")


class ProjectBusy(StoreError):
    """Another process is using the project directory."""

    code = "T401"
    next_step = "Wait for the other process, or choose another directory with --project."


class DiskFull(StoreError):
    """No room left to finish a write; the unfinished file was removed."""

    code = "T402"
    next_step = "Free some space and run the same command again: it resumes."


class Corrupt(StoreError):
    """Stored content does not match its manifest."""

    code = "T403"
    next_step = "Delete the file named in the message and run the command that made it again."


class FeatureError(TallyError):
    """The feature engine was asked for something it cannot do."""

    code = "T500"
    next_step = "`tally features --list` shows what there is."
    fields = ("feature", "block", "name")


class LearnError(TallyError):
    """Training data or protocol are unfit."""

    code = "T600"
    next_step = "Check the labels and the time range of the source."
    fields = ("name", "value")


class Leakage(LearnError):
    """A protocol would let the model see what it must not."""

    code = "T601"
    next_step = "Split by time or group so that nothing judged is seen in training."


class ProgramError(TallyError, ValueError):
    """An exact program is malformed or does not fit."""

    code = "T700"
    next_step = "Export the program again with this version of tallystick."
    fields: ClassVar[tuple[str, ...]] = ("file", "field", "offset", "value", "feature")


class SpecMismatch(ProgramError):
    """Program and engine were built for different features."""

    code = "T701"
    next_step = "Use the tallystick version that trained the model, or train again with `tally train`."


class RuntimesDiffer(ProgramError):
    """Two runtimes give a row different scores."""

    code = "T702"
    exit_code = 3
    next_step = "Do not deploy it; report the program and the row, both are printed above."
    fields = ("runtime", "row", "output", "expected", "got")


class SignatureInvalid(ProgramError):
    """A signature does not belong to the program or the key."""

    code = "T703"
    exit_code = 3
    next_step = "Ask the signer for the program's hash and public key by another way."
    fields = ("signature", "key")


class LedgerError(TallyError):
    """A contract on the ledger did not do what was asked."""

    code = "T800"
    next_step = "Check the address and the chain; `tally register` deploys what is missing."
    fields = ("address", "model", "block", "chain_id")


class NoContract(LedgerError):
    """No code at the address."""

    code = "T801"


class NotBroadcast(LedgerError):
    """Sending to a chain that is not the embedded one needs ``--broadcast``."""

    code = "T802"
    next_step = "Read the plan above; add --broadcast to send it."


class VerificationFailed(LedgerError):
    """The two halves do not match."""

    code = "T803"
    exit_code = 3
    next_step = "The message names the first place where the halves differ."
