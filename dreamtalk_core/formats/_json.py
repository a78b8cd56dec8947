"""JSON that holds tables: documents whose long members are rows of numbers.

As lists of Python's numbers the frames of a long motion would take ten times the memory, and as one
text twice the file.
"""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Container, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import (
    DECODER,
    MOST_CHANNELS,
    MOST_VALUES,
    check_count,
    not_json,
)

_LARGEST_MEMBER = 1 << 20  # characters of what is no table
_SPACE = re.compile(r"[ \t\n\r]*")


def read_members(path: Path, tables: Container[str]) -> dict[str, Any]:
    """The members of a file's document; those in `tables` as float32 [rows, columns], if they are
    lists. Raises `MotionError` for what is no JSON, is cut off, or has rows that are none."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        return _members(text, path, tables)
    except (ValueError, IndexError, RecursionError) as error:
        raise MotionError(not_json(str(path), error)) from error


def write_members(
    path: Path, head: Mapping[str, Any], tables: Mapping[str, NDArray[np.float32]]
) -> None:
    """Write a document, whole or not at all: members as they are, then tables [rows, columns].

    Numbers of a table are the shortest that give the same float32 back.
    """
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        # Frames are written one by one, so the text of a long motion is never in memory.
        out.write(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}"))
        for key, rows in tables.items():
            _write_rows(out, key, rows)
        out.write("\n}\n")


def _members(text: str, path: Path, tables: Container[str]) -> dict[str, Any]:
    """Raises ValueError or IndexError for what is no JSON, `MotionError` for no tables."""
    found: dict[str, Any] = {}
    place = _after("{", text, 0)
    while text[place] != "}":
        if found:
            place = _after(",", text, place)
        key, place = _value(text, place)
        if not isinstance(key, str) or key in found:
            raise ValueError(f"it has {shown(key, 40)} where a new name belongs")
        place = _after(":", text, place)
        if key in tables and text[place] == "[":
            found[key], place = _table(text, place, path, key)
        else:
            found[key], place = _value(text, place)
            place = _after("", text, place)
    if text[place + 1 :].strip():
        raise ValueError("there is more behind its end")
    return found


def _value(text: str, place: int) -> tuple[Any, int]:
    """What is no table, and so is small, and the place behind it."""
    if len(text) - place <= _LARGEST_MEMBER:
        return DECODER.raw_decode(text, place)
    value, length = DECODER.raw_decode(text[place : place + _LARGEST_MEMBER])
    return value, place + length


def _table(text: str, place: int, path: Path, key: str) -> tuple[NDArray[np.float32], int]:
    """Rows of numbers that begin at a place in the text, and the place behind them."""
    values, width, rows = array("f"), -1, 0
    place = _after("[", text, place)
    while text[place] != "]":
        if rows:
            place = _after(",", text, place)
        end = text.find("]", place)
        if end < 0:
            raise ValueError(f'"{key}" has no end')
        inside = text[place] == "[" and text.find("[", place + 1, end) < 0
        if not inside or text.count(",", place, end) >= MOST_CHANNELS:
            raise MotionError(f'{path}: "{key}" must be rows of numbers, all of one length.')
        row, place = DECODER.raw_decode(text, place)
        width = len(row) if width < 0 else width
        try:
            if len(row) != width or not width:
                raise TypeError
            values.extend(row)
        except (TypeError, OverflowError) as error:
            raise MotionError(
                f'{path}: row {rows + 1} of "{key}" must be {width} numbers, as the first.'
            ) from error
        rows += 1
        check_count(len(values), MOST_VALUES, path, "values", MotionError)
        place = _after("", text, place)
    return np.frombuffer(values, np.float32).reshape(rows, max(width, 0)), _after("]", text, place)


def _after(mark: str, text: str, place: int) -> int:
    """Where the text goes on behind white space, a mark, and white space."""
    for wanted in (mark, ""):
        place = _SPACE.match(text, place).end()  # type: ignore[union-attr]
        if not text.startswith(wanted, place):
            raise ValueError(f"there is no {wanted} at character {place}")
        place += len(wanted)
    return place


def _write_rows(out: IO[str], key: str, rows: NDArray[np.float32]) -> None:
    out.write(f',\n "{key}": [')
    for i, row in enumerate(rows):
        out.write(("\n  [" if i == 0 else ",\n  [") + row_text(row) + "]")
    out.write("\n ]")


def row_text(row: NDArray[np.float32]) -> str:
    """Numbers [C] between commas, each the shortest that gives the same float32 back."""
    return ", ".join(row.astype(str))
