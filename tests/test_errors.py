from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import re
from pathlib import Path

import pytest

from tallystick import errors
from tallystick.errors import BadRow, MissingExtra, RangeError, StoreError, TallyError, did_you_mean

ROOT = Path(__file__).parent.parent
CLASSES = [item for _, item in inspect.getmembers(errors, inspect.isclass) if issubclass(item, TallyError)]
BUILT_IN = {"ValueError", "ImportError", "OSError", "ConnectionError"}


def drawn_tree() -> dict[str, tuple[str, str]]:
    """Parent and remark of every class in the drawing on top of the module."""
    assert errors.__doc__
    parents: list[str] = ["TallyError"]
    tree = {}
    for line in errors.__doc__.splitlines():
        match = re.fullmatch(r"    ((?:│   |    )*)[├└]── (\w+)\s+(.+)", line)
        if match:
            depth = len(match[1]) // 4 + 1
            parents = [*parents[:depth], match[2]]
            tree[match[2]] = (parents[depth - 1], match[3])
    return tree


def test_tree_drawing_is_the_class_tree() -> None:
    real = {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES if kind is not TallyError}
    assert {name: parent for name, (parent, _) in drawn_tree().items()} == real


def test_all_holds_every_public_name() -> None:
    defined = [
        node.name
        for node in ast.parse(Path(errors.__file__).read_text(encoding="utf-8")).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    ]
    assert sorted(errors.__all__) == sorted(defined)


def test_codes_are_unique_and_grouped_by_family() -> None:
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    for kind in CLASSES:
        assert re.fullmatch(r"T\d{3}", kind.code)
        parent = kind.__bases__[0]
        if parent is not TallyError and kind is not TallyError:
            assert kind.code[:2] == parent.code[:2], kind


@pytest.mark.parametrize("kind", CLASSES)
def test_class_has_code_next_step_docstring_and_exit_code_of_its_own(kind: type[TallyError]) -> None:
    assert "code" in vars(kind)
    assert kind.next_step.endswith((".", "]")) or "`" in kind.next_step or '"' in kind.next_step
    assert kind.__doc__
    assert kind.__doc__.strip().splitlines()[0].endswith((".", "``--broadcast``."))
    assert 0 < kind.exit_code < 256


@pytest.mark.parametrize("kind", CLASSES)
def test_class_has_a_section_in_the_docs(kind: type[TallyError]) -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert f"\n## {kind.code} {kind.__name__}\n" in page
    assert kind.next_step in page


@pytest.mark.parametrize("kind", CLASSES)
def test_class_keeps_cause_place_and_next_step(kind: type[TallyError]) -> None:
    where = dict.fromkeys(sorted(kind.all_fields()), "here")
    error = kind("what happened", next_step="do this", **where)
    assert str(error).startswith(f"{kind.code} what happened")
    assert error.where == where
    assert all(f"{name}=here" in str(error) for name in where)
    assert error.advice == "do this"
    assert kind("x").advice == kind.next_step


@pytest.mark.parametrize("kind", CLASSES)
def test_class_survives_pickling_between_processes(kind: type[TallyError]) -> None:
    where = dict.fromkeys(sorted(kind.all_fields()), 3)
    copy = pickle.loads(pickle.dumps(kind("cause", next_step="step", **where)))
    assert (type(copy), copy.cause, copy.where, copy.advice) == (kind, "cause", where, "step")


@pytest.mark.parametrize("kind", CLASSES)
def test_class_has_only_known_built_in_parents(kind: type[TallyError]) -> None:
    others = [base.__name__ for base in kind.__bases__ if not issubclass(base, TallyError) and base is not Exception]
    assert set(others) <= BUILT_IN


def test_where_leaves_out_none() -> None:
    assert BadRow("x", file="a.csv", line=None).where == {"file": "a.csv"}


def test_invalid_where_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError, match=r"RangeError has no field \['nothing'\]"):
        RangeError("x", nothing=1)


def test_missing_extra_gives_the_install_line() -> None:
    error = MissingExtra.of("lightgbm", "train")
    assert error.advice == 'pip install "tallystick[train]"'
    assert isinstance(error, ImportError)


def test_families_are_caught_as_built_ins() -> None:
    assert issubclass(StoreError, OSError)
    assert issubclass(RangeError, ValueError)


@pytest.mark.parametrize(
    ("name", "known", "ending"),
    [
        ("transfer", ["transfers", "labels"], "; did you mean 'transfers'?"),
        ("zzz", ["b", "a"], "; there are a, b"),
        ("zzz", [], "; there are none"),
    ],
)
def test_did_you_mean(name: str, known: list[str], ending: str) -> None:
    assert did_you_mean(name, known) == ending


def test_no_other_module_makes_an_error_class() -> None:
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path.name == "errors.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            # A private one is a signal between two lines of one module.
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
                made = bases & (set(errors.__all__) | BUILT_IN | {"Exception", "BaseException"})
                assert not made, f"{path.name}:{node.lineno} {node.name} belongs in errors.py"


def test_module_is_the_floor() -> None:
    assert importlib.import_module("tallystick.errors") is errors
