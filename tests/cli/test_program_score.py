"""``tally program score``: rows of a table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from tallystick.exact import Calibration, save_program, score_outputs, score_row
from tallystick.exact.importers import FloatLinear, ImportOptions, Quantiser, linear_to_program

from ..exact.kinds import random_forest
from ..exact.programs import edge_rows, program
from .calls import call, good


def test_scores_are_the_references() -> None:
    save_program(program(), "p.tally")
    rows = edge_rows(program())
    frame = pl.DataFrame(rows, schema=["age_s", "value_log2"], orient="row")
    frame.select("value_log2", pl.lit("x").alias("other"), "age_s").write_csv("rows.csv")
    done = good("program", "score", "p.tally", "rows.csv", "-o", "scores.csv", "--json").json
    scores = [score_row(program(), row) for row in rows]
    assert (done["rows"], done["flagged"]) == (len(rows), sum(score.flag for score in scores))
    found = pl.read_csv("scores.csv")
    assert found.columns == ["row", "raw_0", "ppm", "flag"]
    assert found.rows() == [(number, *score) for number, score in enumerate(scores)]


def test_every_output_and_the_winner() -> None:
    made = random_forest(3)
    save_program(made, "p.tally")
    rows = edge_rows(made, limit=5)
    pl.DataFrame(rows, schema=[f.name for f in made.features], orient="row").write_parquet("rows.parquet")
    good("program", "score", "p.tally", "rows.parquet", "-o", "scores.csv")
    found = pl.read_csv("scores.csv")
    for row, line in zip(rows, found.iter_rows(named=True), strict=True):
        raws = score_outputs(made, row)
        assert tuple(line[f"raw_{output}"] for output in range(3)) == raws
        assert raws[line["winner"]] == max(raws)


def test_first_scores_are_shown() -> None:
    save_program(program(), "p.tally")
    rows = edge_rows(program())[:12]
    pl.DataFrame(rows, schema=["age_s", "value_log2"], orient="row").write_csv("rows.csv")
    done = good("program", "score", "p.tally", "rows.csv", "--json").json
    wanted = [score_row(program(), row) for row in rows[:10]]
    assert done["file"] is None
    assert [(line["raw_0"], line["ppm"], line["flag"]) for line in done["scores"]] == wanted
    text = good("program", "score", "p.tally", "rows.csv").out
    assert "the first 10; -o FILE.csv writes all:" in text
    assert text.splitlines()[-1].split() == ["9", *map(str, wanted[9])]


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ('["ham", "spam", "gr\\u00fcn"]', ["ham", "spam", "grün"]),
        ("[1, 2, 3]", ["1", "2", "3"]),
        ('["two", "names"]', None),
        ("no JSON", None),
    ],
)
def test_classes_have_their_names(classes: str, names: list[str] | None) -> None:
    made = replace(random_forest(3), metadata={"classes": classes})
    save_program(made, "p.tally")
    rows = edge_rows(made, limit=5)
    pl.DataFrame(rows, schema=[f.name for f in made.features], orient="row").write_csv("rows.csv")
    done = good("program", "score", "p.tally", "rows.csv", "-o", "scores.csv", "--json").json
    assert done["file"] == "scores.csv"
    for line in [*done["scores"], *pl.read_csv("scores.csv").rows(named=True)]:
        assert str(line.get("class")) == str(names and names[line["winner"]])


def test_no_calibration_no_ppm() -> None:
    made = replace(program(), calibration=Calibration.of([(0, 0)]))
    save_program(made, "p.tally")
    Path("rows.csv").write_text("age_s,value_log2\n5,1\n")
    done = good("program", "score", "p.tally", "rows.csv", "--json").json
    assert done["scores"] == [{"row": 0, "raw_0": score_row(made, [5, 1]).raw}]
    assert "flagged" not in done
    text = good("program", "score", "p.tally", "rows.csv").out
    assert "no ppm and no flags" in text
    assert "the scores:" in text


def test_quantisers_take_floats() -> None:
    quantiser = Quantiser.of("price", "0.5", "0.25", 0, 99)
    source = FloatLinear("by hand", ["price"], [[2.0]], [1.0])
    made = linear_to_program(source, [quantiser.feature], bytes(32), ImportOptions(scale_bits=8), [quantiser])
    save_program(made, "p.tally")
    Path("rows.csv").write_text("price\n0.5\n1.3\n")
    good("program", "score", "p.tally", "rows.csv", "-o", "scores.csv")
    assert pl.read_csv("scores.csv")["raw_0"].to_list() == [score_row(made, [0]).raw, score_row(made, [3]).raw]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("age_s,value_log2\n0.5,1\n", "the file holds fractions"),
        ("age_s\n5\n", "1 features have no column, the first is value_log2"),
        ("age_s,value_log2\n5,x\n", "holds no numbers"),
        ("age_s,value_log2\n5,1\n6,\n", "a cell is empty (file=rows.csv, line=3"),
        ("age_s,value_log2\n5,65\n", "outside [-64, 64]"),
        ("", "cannot be read"),
    ],
)
def test_invalid_rows(content: str, cause: str) -> None:
    save_program(program(), "p.tally")
    Path("rows.csv").write_text(content)
    done = call("program", "score", "p.tally", "rows.csv")
    assert (done.code, cause in done.err) == (2, True), done.err
    assert "cannot be read" in call("program", "score", "p.tally", "absent.csv").err
