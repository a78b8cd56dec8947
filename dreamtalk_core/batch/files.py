"""Names of files in a table: where they are seen from, and that none is both read and written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from dreamtalk_core.batch.plan import Row
from dreamtalk_core.errors import BatchError, shown
from dreamtalk_core.files import name_key

_NAME = re.compile(r'"([^"]*)"|([^",@+*]+)')
"""A name, or a number, in a style's text."""
_NUMBER = re.compile(r"[\d.]+")


def placed(style: str, place: Callable[[Path], str]) -> str:
    """A style's text with its files, which are seen from the working folder, as `place` has them.

    What is no file's name, such as that of a style, stays. Torch need not be loaded to tell.
    """
    if _is_file(style):
        return place(Path(style))

    def one(found: re.Match[str]) -> str:
        name = (found[1] or found[2] or "").strip()
        if not _is_file(name) or _NUMBER.fullmatch(name):
            return found[0]
        return f'"{place(Path(name))}"'

    return _NAME.sub(one, style)


def seen_from(home: Path) -> Callable[[Path], str]:
    """For `placed`: files as they are seen from a folder."""

    def place(path: Path) -> str:
        try:
            return Path(os.path.relpath(path, home)).as_posix()
        except ValueError:  # another disk of Windows
            return path.absolute().as_posix()

    return place


def check_outputs(
    rows: Iterable[Row], home: Path, folder: Path, tables: Iterable[Path], records: Iterable[Path]
) -> None:
    """For a check before any work: a batch writes over nothing that it reads.

    home: where names of files are seen from. folder: where outputs go. tables: what is read besides
    the files of rows. records: what is written besides their outputs. Links and other spellings of
    a name are seen through. Raises BatchError.
    """
    rows = list(rows)
    read = {key: "a table" for path in tables for key in _keys(path.absolute())}
    for row in rows:
        for name in _read(row):
            for key in _keys(home / name):
                read.setdefault(key, f"by row {row.number}")
    written = [(path, "") for path in records]
    written += [(folder / name, f"row {row.number}: ") for row in rows for name in row.outputs]
    for path, who in written:
        for key in _keys(path.absolute()):
            if key in read:
                raise BatchError(
                    f"{who}{shown(path)} would be written, and is read as well ({read[key]}), and "
                    "would be lost. Give the output, or the folder, another name."
                )


def _read(row: Row) -> Iterator[str]:
    """Names of the files that a row reads; of its style, all that could be one."""
    yield from filter(
        None, (row.audio, row.portrait, *row.others, row.style, row.voice, row.scheme)
    )
    yield from (str(value) for value in row.settings.values() if isinstance(value, Path))
    yield from (name for pair in _NAME.findall(row.style) if (name := "".join(pair).strip()))


@lru_cache(maxsize=1 << 16)
def _keys(path: Path) -> tuple[object, ...]:
    """What all names of one file have in common."""
    try:
        name = name_key(str(path.resolve()))
    except (OSError, ValueError, RuntimeError):  # no name, or links in a circle: no file either
        return (name_key(str(path)),)
    try:
        found = path.stat()
    except OSError:
        return (name,)
    return name, (found.st_dev, found.st_ino)


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except (OSError, ValueError):  # too long for a name, or with letters that none can have
        return False
