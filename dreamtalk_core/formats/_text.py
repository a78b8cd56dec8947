"""What others write as text: lines that may have no end, and numbers as the world writes them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from dreamtalk_core.errors import MotionError

_LONGEST_LINE = 1_000_000  # characters; a take's have 800


def lines_of(stream: IO[str], path: Path) -> Iterator[str]:
    """Lines of a file that may have no line breaks at all."""
    while line := stream.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise MotionError(
                f"{path} has a line of more than {_LONGEST_LINE} characters, so it is no table of "
                "face curves. Export the take again."
            )
        yield line


def rows_of(stream: IO[str], path: Path) -> Iterator[list[str]]:
    """Rows of a table, its header first: values between commas, semicolons or tabs.

    Where it is not the comma that divides them, the comma may be a decimal mark, and becomes a
    point. Raises `MotionError` for what is no table.
    """
    lines = lines_of(stream, path)
    header = next(lines, "")
    mark = max(",;\t", key=header.count)
    try:
        yield from csv.reader([header], delimiter=mark)
        for row in csv.reader(lines, delimiter=mark):
            yield row if mark == "," else [value.replace(",", ".") for value in row]
    except csv.Error as error:
        raise MotionError(f"{path} is not a CSV file: {error}.") from error


def rows_below(
    header: list[str], rows: Iterator[list[str]], path: Path
) -> Iterator[tuple[int, list[str]]]:
    """The rows behind a header with the numbers of their lines, without empty ones. Raises
    `MotionError` for one that is longer or shorter than the header."""
    for number, row in enumerate(rows, start=2):
        if row and len(row) != len(header):
            raise MotionError(
                f"Line {number} of {path} has {len(row)} values instead of {len(header)}: the file "
                "is cut off or damaged."
            )
        if row:
            yield number, row


def unquoted(text: str) -> Any:
    """The JSON that stands in a text of JSON; None if it is none."""
    try:
        return json.loads(json.loads(text))
    except (ValueError, RecursionError, TypeError):
        return None
