"""The verbs of ``tally program``."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tallystick.exact import Program, TreeEnsemble, save_program
from tallystick.exact.importers import FloatLinear, ImportOptions, Quantiser, linear_to_program
from tallystick.runtimes import _check

from ..exact.kinds import KINDS
from ..exact.programs import program
from ..runtimes.test_check import Wrong
from .calls import call, good


def written(name: str, made: Program) -> Path:
    save_program(made, name)
    return Path(name)


def other() -> Program:
    model = program().model
    assert isinstance(model, TreeEnsemble)
    return replace(program(), model=replace(model, base=(model.base[0] + 400,)))


@pytest.mark.parametrize("kind", KINDS)
def test_inspect_every_kind(kind: str) -> None:
    made = KINDS[kind](3)
    file = written("p.tally", made)
    assert good("program", "inspect", file, "--json").json["hash"] == "0x" + made.hash.hex()
    assert f"{len(made.features)} features" in good("program", "inspect", file).out
    assert good("program", "inspect", file, "--text").out.startswith(f"program 0x{made.hash.hex()}")


def test_inspect_shows_quantisers_by_feature() -> None:
    quantiser = Quantiser.of("price", "0.5", "0.25", 0, 99)
    source = FloatLinear("by hand", ["price"], [[2.0]], [1.0])
    made = linear_to_program(source, [quantiser.feature], bytes(32), ImportOptions(scale_bits=8), [quantiser])
    file = written("p.tally", made)
    text = good("program", "inspect", file).out
    assert "metadata quantisers" not in text
    assert "in [0, 99]  offset 0.5, step 0.25" in text
    assert "quantisers" in good("program", "inspect", file, "--json").json["metadata"]


def test_inspect_a_shipped_model() -> None:
    text = good("program", "inspect", "tsgn-v1").out
    assert "sum of trees" in text
    assert "with the most splits" in text


def test_invalid_file_to_inspect() -> None:
    Path("model.txt").write_text("tree\n")
    done = call("program", "inspect", "model.txt")
    assert (done.code, "tally program import MODEL" in done.err) == (1, True), done.err
    assert "existing program file" in call("program", "inspect", "absent.tally").err


def test_diff() -> None:
    one, two = written("one.tally", program()), written("two.tally", other())
    assert "the same program" in good("program", "diff", one, one).out
    done = call("program", "diff", one, two, "--json")
    assert (done.code, done.json["same"]) == (3, False)
    assert [change["what"] for change in done.json["changes"]] == ["base"]
    assert done.json["scores"]["raw_differs"] == done.json["scores"]["rows"]
    assert done.json["scores"]["flag_differs"] > 0
    assert done.json["scores"]["largest_raw_difference"] == 400
    text = call("program", "diff", one, two).out
    assert "base\n  - [-2]\n  + [398]\n" in text


def test_diff_shows_people_the_first_changes() -> None:
    one = written("one.tally", program())
    two = written("two.tally", replace(program(), metadata={f"m{number:02}": number for number in range(25)}))
    names = [change["what"] for change in call("program", "diff", one, two, "--json").json["changes"]]
    text = call("program", "diff", one, two).out
    assert [name in text for name in names] == [True] * 20 + [False] * (len(names) - 20)
    assert f"and {len(names) - 20} more changes; --json has all" in text


def test_diff_of_programs_with_other_inputs() -> None:
    one = written("one.tally", program())
    two = written("two.tally", replace(program(), metadata={"long": "x" * 300}))
    assert "… (300 characters)" in call("program", "diff", one, two).out
    three = written("three.tally", KINDS["linear"](1))
    assert call("program", "diff", one, three, "--json").json["scores"] == {}


def test_check() -> None:
    file = written("p.tally", program())
    done = good("program", "check", file, "--runtime", "reference", "--runtime", "fast", "--rows", 50, "--json").json
    assert (done["agree"], [item["rows"] for item in done["runtimes"]]) == (True, [50, 50])
    text = good("program", "check", file, "--runtime", "fast").out
    assert "fast  agrees    1,000 rows" in text


@pytest.mark.parametrize(
    ("fault", "cause"), [("one bit", "differs from the reference"), ("accepts", "outside the domain")]
)
def test_invalid_runtime_is_reported(fault: str, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_check, "runtimes", lambda: {"wrong": Wrong(fault)})
    done = call("program", "check", written("p.tally", program()))
    assert done.code == 3
    assert cause in done.err
    assert "wrong  differs" in done.out


def test_invalid_check_options() -> None:
    file = written("p.tally", program())
    assert "at least 2" in call("program", "check", file, "--rows", 1).err
    assert "Did you mean fast?" in call("program", "check", file, "--runtime", "fats").err


def test_invalid_check_that_checks_nothing() -> None:
    """A runtime that was asked for and did not run is no success."""
    done = call("program", "check", written("p.tally", program()), "--runtime", "evm-dense", "--json")
    assert (done.code, done.json["runtimes"][0]["state"]) == (2, "refuses")
    assert "evm-dense was asked for and did not run the program" in done.err


def test_sign_and_verify() -> None:
    for command in (
        "openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
        "openssl ec -in key.pem -pubout -out key.pub",
    ):
        subprocess.run(command.split(), check=True, capture_output=True)
    file = written("p.tally", program())
    assert good("program", "sign", file, "--key", "key.pem", "--json").json["signature"] == "p.tally.sig"
    assert "by this key" in good("program", "verify", file, "--key", "key.pub").out
    written("p.tally", other())
    done = call("program", "verify", file, "--key", "key.pub", "--json")
    assert (done.code, done.json["error"]) == (3, "T703")
    absent = call("program", "verify", file, "--key", "key.pub", "--signature", "absent")
    assert (absent.code, "cannot be read" in absent.err, "tally program sign" in absent.err) == (2, True, True)
    private = call("program", "verify", file, "--key", "key.pem")
    assert (private.code, "openssl ec -in key.pem -pubout -out key.pub" in private.err) == (2, True)


def test_signing_key_with_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    command = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret -out key.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    file = written("p.tally", program())
    for password in ("", "another"):
        monkeypatch.setenv("TALLY_KEY_PASSWORD", password)
        locked = call("program", "sign", file, "--key", "key.pem").err
        assert "password is wrong" in locked
        assert "Set the environment variable TALLY_KEY_PASSWORD" in locked
    monkeypatch.setenv("TALLY_KEY_PASSWORD", "secret")
    good("program", "sign", file, "--key", "key.pem")
    command = "openssl ecparam -name prime256v1 -genkey -noout -out open.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    assert "unset TALLY_KEY_PASSWORD" in call("program", "sign", file, "--key", "open.pem").err
