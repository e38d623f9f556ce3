"""``tally program call``: a deployed contract asked for the rows of a table."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.chain import connect
from tallystick.exact import Program, save_program, score_row
from tallystick.targets.evm import RowCode

from ..exact.kinds import random_forest
from ..exact.programs import edge_rows, program
from .calls import call, good, refused
from .conftest import Kept

pytestmark = pytest.mark.chain
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "programs.md"


def write(made: Program, limit: int = 40) -> list[list[int]]:
    """Write the program and rows of it."""
    save_program(made, "p.tally")
    rows = [list(row) for row in edge_rows(made)][:limit]
    pl.DataFrame(rows, schema=[f.name for f in made.features], orient="row").write_csv("rows.csv")
    return rows


def put(kept: Kept, monkeypatch: pytest.MonkeyPatch, *flags: str) -> str:
    """Deploy the program on the chain that is kept; return its address."""
    monkeypatch.setenv("TALLY_PRIVATE_KEY", kept.accounts[1]["private_key"])
    done = good("program", "deploy", "p.tally", "--rpc-url", kept.url, "--broadcast", "-o", "r.json", "--json", *flags)
    monkeypatch.delenv("TALLY_PRIVATE_KEY")
    return str(done.json["address"])


def test_a_contract_on_the_embedded_chain_agrees() -> None:
    rows = write(program())
    good("program", "deploy", "p.tally", "-o", "r.json")
    flags = ("--receipt", "r.json", "-o", "scores.csv", "--packed", "packed.csv")
    done = good("program", "call", "p.tally", "rows.csv", *flags, "--json").json
    assert (done["rows"], done["agree"], done["chain_id"]) == (len(rows), True, 31337)
    assert done["address"] == json.loads(Path("r.json").read_text(encoding="utf-8"))["address"]
    found = pl.read_csv("scores.csv")
    good("program", "score", "p.tally", "rows.csv", "-o", "own.csv")
    assert found.drop("gas").equals(pl.read_csv("own.csv"))
    assert found["raw_0"].to_list() == [score_row(program(), row).raw for row in rows]
    assert 0 < done["gas_min"] <= done["gas_mean"] <= done["gas_max"] == found["gas"].max()
    lines = Path("packed.csv").read_text(encoding="ascii").splitlines()
    assert lines == ["row,packed", *(f"{n},0x{RowCode(program()).encode(row).hex()}" for n, row in enumerate(rows))]


def test_nothing_is_sent_and_no_account_is_needed(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    write(random_forest(3), 5)
    address = put(kept, monkeypatch)
    before = connect(kept.url).eth.block_number
    flags = ("--address", "0x" + address[2:].upper(), "--rpc-url", kept.url)
    done = good("program", "call", "p.tally", "rows.csv", *flags)
    assert re.search("^agree +yes$", done.out, re.MULTILINE)
    assert connect(kept.url).eth.block_number == before


@pytest.mark.parametrize("reverts", [False, True])
def test_a_differing_answer_is_3_and_names_the_first_row(kept: Kept, reverts: bool) -> None:
    """A contract that gives the program's hash when asked, and to every row the first row's score, or a revert."""
    made = program(base=81)
    raws = [score_row(made, row).raw for row in write(made)]
    row = 0 if reverts else next(number for number, raw in enumerate(raws) if raw != raws[0])
    answer = "5f5ffd" if reverts else f"7f{raws[0] % 2**256:064x}5f5260205ff3"
    asked = f"3660041460{7 + len(answer) // 2:02x}57"  # calldata of four bytes: jump behind the answer
    code = f"{asked}{answer}5b7f{made.hash.hex()}5f5260205ff3"
    address = "0x" + f"{0x77 + reverts:x}" * 20
    connect(kept.url).provider.make_request("anvil_setCode", [address, "0x" + code])
    flags = ("--address", address, "--rpc-url", kept.url, "-o", "scores.csv")
    done = call("program", "call", "p.tally", "rows.csv", *flags)
    said = "reverts" if reverts else f"gives ({raws[0]},)"
    refused(done, "T803", 3, f"row {row}: the contract {said}, the program gives ({raws[row]},)", address)
    assert re.search("^agree +no$", done.out, re.MULTILINE)
    assert not Path("scores.csv").exists()


def test_invalid_contracts(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    write(program(base=82))
    put(kept, monkeypatch)
    ask = ("program", "call", "p.tally", "rows.csv", "--rpc-url", kept.url, "--address")
    refused(call(*ask, "0x" + "12" * 20), "T801", 1, "no contract at the address")
    other = kept.record["registry"]
    refused(call(*ask, other), "T800", 1, "no programHash()", other)
    address = json.loads(Path("r.json").read_text(encoding="utf-8"))["address"]
    save_program(program(base=83), "p.tally")
    refused(call(*ask, address), "T800", 1, program(base=82).hash.hex(), program(base=83).hash.hex())
    refused(call(*ask[:-1], "--receipt", "r.json"), "T800", 1, "the receipt is of another program")
    save_program(program(base=82), "p.tally")
    refused(call(*ask[:4], "--receipt", "r.json"), "T301", 1, "no embedded chain here")
    content = json.loads(Path("r.json").read_text(encoding="utf-8"))
    Path("r.json").write_text(json.dumps({**content, "chain_id": 5}), encoding="utf-8")
    assert "the receipt is of another chain" in call(*ask[:-1], "--receipt", "r.json").err


def test_invalid_flags_and_rows() -> None:
    write(program())
    ask = ("program", "call", "p.tally", "rows.csv")
    refused(call(*ask), "T200", 2, "by its address or by a receipt")
    refused(call(*ask, "--address", "0x" + "12" * 20, "--receipt", "r.json"), "T200", 2, "not both")
    refused(call(*ask, "--address", "0x12"), "T201", 2, "40 hexadecimal digits")
    pl.read_csv("rows.csv").clear().write_parquet("none.parquet")
    refused(call(*ask[:3], "none.parquet", "--address", "0x" + "12" * 20), "T200", 2, "holds no rows")


def test_the_guide_calls_it_as_shown(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    save_program(program(base=84), "model.tally")
    save_program(program(base=84), "p.tally")
    address = put(kept, monkeypatch)
    [shown] = [b for b in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL) if "RowCode" in b]
    shown = re.sub('"0x[0-9a-f]{40}"', f'"{address}"', shown).replace("http://127.0.0.1:8545", kept.url)
    names: dict[str, Any] = {}
    exec(shown, names)
    assert names["raw"] == (score_row(program(base=84), [f.low for f in program().features]).raw,)
