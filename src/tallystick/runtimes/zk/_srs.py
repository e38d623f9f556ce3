"""The structured reference string: the common secret of a proof system, from a ceremony, or made here for tests.

Who made it can forge proofs, unless it comes from a ceremony in which one honest member destroyed their part. One made
here has a single member. It is good for tests and for nothing else, and is refused on every chain that is not a test
chain.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tallystick.chain import user_cache_dir
from tallystick.errors import InputError, WrongChain
from tallystick.hashing import sha256_file
from tallystick.runtimes.zk._process import call_ezkl

__all__ = ["TEST_CHAINS", "Srs", "ceremony_srs", "check_chain", "local_srs"]

TEST_CHAINS: Final = frozenset((31_337, 1_337))
_NO_CEREMONY: Final = (
    "Pass the file of a public ceremony and the SHA-256 that its organisers publish: "
    "ceremony_srs(Path('kzg17.srs'), 'their hash')."
)


@dataclass(frozen=True)
class Srs:
    """One structured reference string.

    Parameters
    ----------
    path
        File, in halo2's format.
    logrows
        Circuits of up to 2**logrows rows can use it.
    sha256
        Hash of the file, 64 hexadecimal digits.
    is_test
        It was made on one machine: whoever made it can forge.
    """

    path: Path
    logrows: int
    sha256: str
    is_test: bool


def local_srs(logrows: int, cache: Path | None = None) -> Srs:
    """The test string of this size, made and kept in the user's cache the first time.

    Takes a second at 2**12 rows, and twice as long for each further power.

    Raises
    ------
    MissingExtra
        ezkl is not installed.
    """
    folder = _folder(cache)
    path = folder / f"test-{logrows}.srs"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="srs-new-", dir=folder) as work:
            made = Path(work) / "made.srs"
            call_ezkl("making a test SRS", [("gen_srs", {"srs_path": str(made), "logrows": logrows})])
            made.replace(path)
    return Srs(path, logrows, sha256_file(path), is_test=True)


def ceremony_srs(path: Path, sha256: str, cache: Path | None = None) -> Srs:
    """A ceremony's string from a file that the user has.

    Parameters
    ----------
    path
        File, in halo2's format.
    sha256
        Hash that the ceremony's organisers publish, 64 hexadecimal digits. Nothing in the file shows where it is from;
        this does.
    cache
        Where test strings are kept, which are refused here.

    Raises
    ------
    InputError
        The file cannot be read, has another hash, is no such string, or is a test string of this machine.
    """
    try:
        found = sha256_file(path)
        with path.open("rb") as file:
            logrows = int.from_bytes(file.read(4), "little")
    except OSError as error:
        raise InputError(f"the SRS cannot be read: {error.strerror}", file=path, next_step=_NO_CEREMONY) from error
    if found != sha256.lower().removeprefix("0x"):
        step = "Fetch the file again, or check the hash: another SRS may let somebody forge proofs."
        raise InputError(f"the SRS has hash {found}, not the one given", file=path, value=sha256, next_step=step)
    if not 1 <= logrows <= 28 or path.stat().st_size < 64 << logrows:
        raise InputError("the file is not an SRS in halo2's format", file=path, next_step=_NO_CEREMONY)
    if any(sha256_file(own) == found for own in sorted(_folder(cache).glob("test-*.srs"))):
        raise InputError("this is a test SRS, made on this machine", file=path, next_step=_NO_CEREMONY)
    return Srs(path.absolute(), logrows, found, is_test=False)  # the worker runs in a folder of its own


def check_chain(srs_is_test: bool, chain_id: int, test_chains: Collection[int] = ()) -> None:
    """Refuse a test string on a chain that matters.

    Parameters
    ----------
    srs_is_test
        Whether the string is a test string.
    chain_id
        Chain that the proof would be used on.
    test_chains
        Chains that the user says are test chains, beside 31337 and 1337.

    Raises
    ------
    WrongChain
        It is.
    """
    if srs_is_test and chain_id not in TEST_CHAINS and chain_id not in test_chains:
        cause = f"a test SRS is no good on chain {chain_id}: whoever made it can forge proofs"
        step = f"{_NO_CEREMONY} If the chain is for tests only, list it in test_chains."
        raise WrongChain(cause, chain_id=chain_id, expected="a test chain", next_step=step)


def _folder(cache: Path | None) -> Path:
    return (user_cache_dir(os.environ) / "srs") if cache is None else cache
