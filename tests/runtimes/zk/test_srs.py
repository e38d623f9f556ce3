from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tallystick.errors import InputError, WrongChain
from tallystick.hashing import sha256_file
from tallystick.runtimes.zk import ceremony_srs, check_chain, local_srs


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("srs")


def test_local_srs_is_kept(cache: Path) -> None:
    srs = local_srs(4, cache)
    assert (srs.logrows, srs.is_test, srs.sha256) == (4, True, sha256_file(srs.path))
    assert local_srs(4, cache) == srs
    assert [path.name for path in cache.iterdir()] == ["test-4.srs"]


def test_local_srs_differs_each_time(cache: Path, tmp_path: Path) -> None:
    assert local_srs(4, cache).sha256 != local_srs(4, tmp_path).sha256


def test_ceremony_srs(cache: Path, tmp_path: Path) -> None:
    path = local_srs(5, tmp_path / "elsewhere").path  # in form there is no difference: that is why the hash is asked
    for text in (sha256_file(path), "0x" + sha256_file(path).upper()):
        srs = ceremony_srs(path, text.replace("0X", "0x"), cache)
        assert (srs.logrows, srs.is_test) == (5, False)


def test_invalid_ceremony_hash(cache: Path, tmp_path: Path) -> None:
    path = local_srs(4, tmp_path).path
    with pytest.raises(InputError, match="not the one given") as caught:
        ceremony_srs(path, "00" * 32, cache)
    assert "another SRS may let somebody forge" in caught.value.advice


def test_invalid_ceremony_is_ours(cache: Path, tmp_path: Path) -> None:
    own = local_srs(4, cache)
    copy = Path(shutil.copy(own.path, tmp_path / "kzg4.srs"))
    with pytest.raises(InputError, match="a test SRS, made on this machine"):
        ceremony_srs(copy, own.sha256, cache)


@pytest.mark.parametrize("content", [b"", b"\x04\0\0\0", b"\xff" * 100, b"\0" * 5_000])
def test_invalid_ceremony_format(cache: Path, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kzg4.srs"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not an SRS"):
        ceremony_srs(path, sha256_file(path), cache)


def test_invalid_ceremony_missing(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        ceremony_srs(tmp_path / "no", "00" * 32, cache)


@pytest.mark.parametrize("chain_id", [31_337, 1_337])
def test_test_srs_on_a_test_chain(chain_id: int) -> None:
    check_chain(True, chain_id)


@pytest.mark.parametrize("chain_id", [1, 11_155_111, 0, 31_338])
def test_invalid_test_srs_on_a_chain_that_matters(chain_id: int) -> None:
    with pytest.raises(WrongChain, match=f"no good on chain {chain_id}") as caught:
        check_chain(True, chain_id)
    assert "ceremony_srs(" in caught.value.advice
    assert "test_chains" in caught.value.advice
    check_chain(True, chain_id, test_chains=(chain_id,))
    check_chain(False, chain_id)
