"""Tables: a row for each line, or each character, as .csv, .tsv, .json or .xlsx.

The first row names the columns. JSON is a list of objects, or one object for each line of the file
(.ndjson, .jsonl). Cells are text, whatever the file says; an empty one says nothing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dreamtalk_core.errors import BatchError, shown
from dreamtalk_core.formats._limits import check_file, unreadable

SUFFIXES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".xlsx")
WRONG = "!"
"""The column that says what is wrong with a row, if anything is; no file can name one so."""
_LARGEST = 256_000_000  # bytes: some million lines
_SEPARATOR = "; "
Cells = dict[str, str]


def read_table(path: Path) -> list[Cells]:
    """The rows of a table: what stands in each column that is filled.

    A row that cannot be read has a `WRONG` column and costs nobody else. Raises BatchError for a
    file that is no table.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BatchError(f"{path} is no table that can be read. Use {', '.join(SUFFIXES)}.")
    check_file(path, BatchError, "table", _LARGEST)
    try:
        if suffix == ".xlsx":
            rows = list(_table(_sheet(path)))
        elif suffix in (".csv", ".tsv"):
            # A byte that is no UTF-8 spoils its own row.
            with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                rows = list(_table(_separated(file, suffix)))
        else:
            rows = list(_objects(path, suffix))
    except OSError as error:
        raise unreadable(path, error, BatchError) from error
    except csv.Error as error:
        raise BatchError(f"{path} is no table: {error}. Export it again.") from error
    if not rows:
        raise BatchError(f"{path} has no rows. Below the names of the columns put a row a line.")
    return rows


def _separated(file: Iterable[str], suffix: str) -> Iterator[Sequence[Any]]:
    """Rows of cells. Spreadsheets whose comma is a decimal one put semicolons between cells."""
    lines = iter(file)
    first = next(lines, "")
    mark = "\t" if suffix == ".tsv" else ";" if first.count(";") > first.count(",") else ","
    yield from csv.reader((line for part in ([first], lines) for line in part), delimiter=mark)


def _sheet(path: Path) -> Iterator[Sequence[Any]]:
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise BatchError(
            f"{path.name} is a workbook, which needs openpyxl. Install it with: pip install "
            "dreamtalk[xlsx], or save the sheet as .csv."
        ) from error
    try:
        book = load_workbook(path, read_only=True, data_only=True)
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
    except Exception as error:  # of a damaged file openpyxl raises whatever it stumbles over
        raise BatchError(
            f"{path} is damaged or no workbook ({shown(error, 100)}). Save the sheet as .csv."
        ) from error
    yield from rows


def _table(rows: Iterator[Sequence[Any]]) -> Iterator[Cells]:
    names = [_text(cell).strip() for cell in next(rows, ())]
    while names and not names[-1]:
        names.pop()
    if twice := [name for name in names if name and names.count(name) > 1]:
        raise BatchError(f"Two columns are called '{shown(twice[0])}'. Give one another name.")
    for row in rows:
        cells = [_text(cell).strip() for cell in row]
        if not any(cells):
            continue
        found = {name: cell for name, cell in zip(names, cells, strict=False) if name and cell}
        if any(cells[len(names) :]):
            found[WRONG] = (
                f"it has {len(cells)} cells for {len(names)} columns; put quotes around what holds "
                "a separator"
            )
        yield _checked(found)


def _objects(path: Path, suffix: str) -> Iterator[Cells]:
    text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    if suffix != ".json":
        for line in filter(str.strip, text.split("\n")):
            try:
                yield _object(json.loads(line))
            except (ValueError, RecursionError) as error:
                yield {WRONG: f"it is no JSON ({shown(error, 100)})"}
        return
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BatchError(f"{path} is no JSON ({shown(error, 100)}). Export it again.") from error
    if not isinstance(rows, list):
        raise BatchError(f"{path} is no list of objects. Write [{{...}}, {{...}}], one a line.")
    yield from map(_object, rows)


def _object(row: Any) -> Cells:
    if not isinstance(row, dict):
        return {WRONG: f"it is {shown(row, 60)}, not an object"}
    cells = {name.strip(): _text(value).strip() for name, value in row.items()}
    return _checked({name: cell for name, cell in cells.items() if name and cell})


def _text(value: Any) -> str:
    """A cell as text: spreadsheets hold whole numbers as fractions."""
    if isinstance(value, (list, tuple)):
        return _SEPARATOR.join(map(_text, value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _checked(cells: Cells) -> Cells:
    """A row that is text throughout, or says that it is not."""
    cells.setdefault(WRONG, "")
    for name, cell in cells.items():
        if any("\ud800" <= letter <= "\udfff" for letter in name + cell):
            cells[WRONG] = f"'{shown(name)}' is no UTF-8; export the table as UTF-8"
        elif "\0" in cell:
            cells[WRONG] = f"'{shown(name)}' holds a zero byte; export the table again"
    return cells if cells[WRONG] else {name: cell for name, cell in cells.items() if name != WRONG}
