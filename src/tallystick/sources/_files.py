"""Finding a data set's files in the folder, or as the file, that the user named."""

from __future__ import annotations

from pathlib import Path

from tallystick.errors import SourceError

__all__ = ["find_optional", "find_table"]


def find_optional(folder: Path, name: str) -> Path | None:
    """``NAME.csv`` or ``NAME.csv.gz`` of a folder, or ``None``.

    Raises
    ------
    SourceError
        Both are there.
    """
    found = [path for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz") if path.is_file()]
    if len(found) > 1:
        raise SourceError(f"both {found[0].name} and {found[1].name} are there; keep one", file=str(folder))
    return found[0] if found else None


def find_table(path: Path, name: str) -> Path:
    """The file itself, or ``NAME.csv[.gz]`` of a folder.

    Raises
    ------
    SourceError
        The folder has no such file.
    """
    if path.is_file():
        return path
    found = find_optional(path, name)
    if found is None:
        raise SourceError(f"the folder has no {name}.csv or {name}.csv.gz", file=str(path))
    return found
