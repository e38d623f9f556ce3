"""Write the generated pages of docs/ from the code; called by scripts/docs."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tallystick import errors
from tallystick.errors import TallyError
from tallystick.features import FAMILIES, SCOPES, SPEC, Feature
from tallystick.features import _example as worked
from tallystick.settings import ENV_PREFIX, TOML_NAME, Setting, settings_table
from tallystick.store import MACROS, TABLES, Column

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
_NOTE: Final = "<!-- Made from the code by scripts/docs; change it there. -->\n\n"


def error_classes() -> list[type[TallyError]]:
    """Every class of the tree, parents before children, in the order of their codes."""
    found, todo = [], [TallyError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    ours = [kind for kind in found if kind.__module__ == errors.__name__]
    return sorted(ours, key=lambda kind: kind.code)


def error_tree() -> str:
    """The drawing at the top of the module."""
    assert errors.__doc__
    return inspect.cleandoc(errors.__doc__.split("::\n", 1)[1].split("\nEach class", 1)[0])


def errors_page() -> str:
    lines = [
        "# Errors",
        "",
        _NOTE.strip(),
        "",
        "Every error that Tallystick raises is a class of `tallystick.errors`, in one tree. A message starts with",
        "the code, then says what happened and where; below it stands what to do next. `--debug` adds the trace,",
        "`--json` gives `code`, `cause`, `where` and `next_step`. The exit code of the command is the class's.",
        "",
        "```text",
        error_tree(),
        "```",
    ]
    for kind in error_classes():
        lines += ["", *_error_section(kind)]
    return "\n".join(lines) + "\n"


def _error_section(kind: type[TallyError]) -> list[str]:
    assert kind.__doc__
    parents = [parent for parent in kind.__bases__ if parent is not Exception]
    caught = ", ".join(_code(parent.__name__) for parent in parents) or "—"
    places = ", ".join(map(_code, sorted(kind.all_fields()))) or "—"
    return [
        f"## {kind.code} {kind.__name__}",
        "",
        inspect.cleandoc(kind.__doc__).split("\n\n", 1)[0].replace("``", "`"),
        "",
        f"* Next step: {kind.next_step}",
        f"* Exit code: {kind.exit_code}",
        f"* Also caught as: {caught}",
        f"* Says where: {places}",
    ]


def settings_page() -> str:
    lines = [
        "# Settings",
        "",
        _NOTE.strip(),
        "",
        "One table; command-line flags, environment variables and the file are made from it. A value is looked up in",
        f"this order, first found wins: flag, environment (`{ENV_PREFIX}…`), `{TOML_NAME}` in the working directory,",
        "default. `tally config show --origin` says which value came from where.",
        "",
        "| setting | flag | environment | default | range | unit | what it does |",
        "|---|---|---|---|---|---|---|",
    ]
    table = settings_table().values()
    lines += [_setting_row(row) for row in table]
    *others, last = [_code(row.env) for row in table if row.secret]
    lines += [
        "",
        f"Secrets ({', '.join(others)} and {last}) come from the",
        "environment only: a flag would show in the list of processes, a file would be copied. They never appear in",
        "output, logs or files.",
        "",
        "Example of the file:",
        "",
        "```toml",
        'rpc_url = "http://127.0.0.1:8545"',
        "chain_id = 31337",
        "threads = 2",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _setting_row(row: Setting) -> str:
    flag = "none: secret" if row.secret else _code(row.flag)
    default = _code(str(row.default)) if str(row.default) else "empty"
    limits = "" if row.low is None else f"{row.low:,} … {row.high:,}"
    return f"| `{row.name}` | {flag} | `{row.env}` | {default} | {limits} | {row.unit} | {row.help} |"


def columns_page() -> str:
    lines = [
        "# Columns",
        "",
        _NOTE.strip(),
        "",
        "A column has one name, one type and one unit in every table. Names and types follow cryo's schemas where",
        "cryo has the column. Times are UTC seconds. Amounts are unsigned 256-bit integers, 32 bytes big-endian, in",
        "the smallest unit of the asset. Rows stand in chain order: block, transaction, transfer.",
    ]
    for layout in TABLES.values():
        lines += ["", f"## {layout.name}", "", f"One row is {layout.row}.", ""]
        lines += ["| column | type | bytes | unit | null | what it holds |", "|---|---|---|---|---|---|"]
        lines += [_column_row(column) for column in layout.columns]
    lines += [
        "",
        "## In SQL",
        "",
        "`tally sql` shows every table as a view with one more column, `run`: the run that wrote the row. Binary cells",
        "have these functions:",
        "",
        "| function | what it gives |",
        "|---|---|",
        *[f"| `{call}` | {what} |" for call, _, what in MACROS],
        "",
        "```sql",
        "SELECT hex_address(from_address), sum(wei(value_binary)) AS sent",
        "FROM transfers WHERE to_address = address('0x52908400098527886e0f7030069857d2e4169ee7')",
        "GROUP BY 1 ORDER BY sent DESC LIMIT 10",
        "```",
    ]
    return "\n".join(lines) + "\n"


def _column_row(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    return f"| `{column.name}` | {column.type} | {column.width or ''} | {column.unit} | {null} | {column.help} |"


def features_page() -> str:
    lines = [
        "# Features",
        "",
        _NOTE.strip(),
        "",
        "Every transfer gives two rows of integers: one whose subject is the sender, one whose subject is the receiver",
        "(zeros where there is none). A row is known at its transfer: it holds that transfer and what came before it,",
        "nothing later. The facts that compare the transfer with the past (*before*, *since the last*, *again*) are",
        "taken before it enters. Columns stand in the order below; a model names the hash of the whole list.",
        "",
        f"Version {SPEC.version}, {len(SPEC.features)} features, hash `0x{SPEC.hash.hex()}`.",
        "",
        "| unit | meaning |",
        "|---|---|",
        "| gwei | `10**9` wei, rounded down. |",
        "| ppm | Parts per million, rounded down; 0 where either side is 0, at most a thousandfold. |",
        "| log2 x, Q4 | 16 times one plus the base-2 logarithm of x, linear between powers of two; 0 for 0. |",
        "| log2 x, Q8 | 16 times the mean of the Q4 numbers; squared: the variance of the Q4 numbers. |",
        "| x, Q12 | 4,096 times x. |",
        "",
        "A token's transfer enters none but its own two counts, the account's age, and the families *motifs*,",
        "*passing*, *lookalike*, *approvals*, *kind* and *assets*; hops count it, shares of exposure do not. A failed",
        "transfer counts, with amount 0.",
        "",
        "A half-life halves what is past; a window looks no further back. The column *example* has the values of one",
        "row of the [example](#the-example) at the end; the docstring of each family's `reference` works them out.",
        "Why the numbers are as they are: [what a model sees](explanation/features.md).",
    ]
    at = 0
    for name, family in FAMILIES.items():
        assert family.__doc__
        lines += ["", f"## {name}", "", family.__doc__.partition("\n")[0], "", f"Example: {worked.story(name)}.", ""]
        lines += [f"In shards ({_code(SCOPES[name].name)}): {SCOPES[name].why}", ""]
        lines += [
            "| feature | column | unit | range | half-life | window | example | what it is |",
            "|---|---|---|---|---|---|---|---|",
        ]
        values = worked.example(name)
        lines += [_feature_row(at + i, feature, values[feature.name]) for i, feature in enumerate(family.FEATURES)]
        at += len(family.FEATURES)
    return "\n".join([*lines, *_example_section()]) + "\n"


def _feature_row(column: int, feature: Feature, value: int) -> str:
    half_life, window = _seconds(feature.half_life_s), _seconds(feature.window_s)
    limits = f"{feature.low:,} … {feature.high:,}"
    cells = (f"`{feature.name}`", column, feature.unit, limits, half_life, window, f"{value:,}", feature.help)
    return f"| {' | '.join(map(str, cells))} |"


def _seconds(value: int | None) -> str:
    return "" if value is None else f"{value:,} s"


def _example_section() -> list[str]:
    """The example's transfers, as its docstring tells them."""
    head, _, rest = inspect.cleandoc(worked.__doc__ or "").partition("\n\n")
    border, _, *rows, last = (
        line for line in rest.splitlines() if line.startswith(("=", "line")) or line[:1].isdigit()
    )
    assert border == last
    rows = [row for row in rows if row != border]
    ends = [match.end() for match in re.finditer("=+", border)]
    starts = [match.start() for match in re.finditer("=+", border)]
    cells = [[row[a:b].strip() for a, b in zip(starts, [*ends[:-1], None], strict=True)] for row in rows]
    closing = rest.rpartition(border)[2].strip()
    return [
        "",
        "## The example",
        "",
        head.replace("\n", " "),
        "",
        "| line | when | what | why it is there |",
        "|---|---|---|---|",
        *(f"| {' | '.join(row)} |".replace("``", "`") for row in cells),
        "",
        closing.replace("\n", " "),
    ]


def _code(text: str) -> str:
    return f"`{text}`"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "errors.md": errors_page,
    "settings.md": settings_page,
    "columns.md": columns_page,
    "features.md": features_page,
}


def main(arguments: list[str]) -> int:
    stale = []
    for name, make in PAGES.items():
        path, text = DOCS / name, re.sub(r"[ \t]+\n", "\n", make())
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    verb = "not current" if "--check" in arguments else "written"
    for name in stale:
        print(f"docs/{name} {verb}", file=sys.stderr)
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
