"""Tables: a row for each line, or each character, as .csv, .tsv, .json or .xlsx.

The first row names the columns. JSON is a list of objects, or one object for each line of the file
(.ndjson, .jsonl). Cells are text, whatever the file says; an empty one says nothing.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

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
            with _opened(path) as file:
                rows = list(_table(_separated(file, path)))
        else:
            rows = list(_objects(path, suffix))
    except OSError as error:
        raise unreadable(path, error, BatchError) from error
    except UnicodeError as error:
        raise BatchError(f"{path} is damaged UTF-16. Export it as UTF-8.") from error
    if not rows:
        raise BatchError(f"{path} has no rows. Below the names of the columns put a row a line.")
    return rows


def _opened(path: Path) -> TextIO:
    """A table as text: UTF-8, in which a byte that is none spoils its own row, or UTF-16."""
    with path.open("rb") as file:
        wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    if wide:
        return path.open(encoding="utf-16", newline="")
    return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")


def _separated(lines: Iterator[str], path: Path) -> Iterator[Sequence[Any]]:
    """Rows of cells. Spreadsheets whose comma is a decimal one put semicolons between cells, and
    may say so in a first line `sep=;`. Raises BatchError for a quote that is not closed."""
    first, tabs = next(lines, ""), path.suffix.lower() == ".tsv"
    if told := re.fullmatch(r'"?sep=([;,\t|])"?\s*', first, re.IGNORECASE):
        mark = told[1]
    else:
        mark = "\t" if tabs else ";" if first.count(";") > first.count(",") else ","
        lines = chain([first], lines)
    if tabs:
        for line in lines:
            text = line.rstrip("\r\n")
            yield [_unquoted(cell) for cell in text.split(mark)] if text else []
        return
    # The reader of Python 3.10 refuses zero bytes; `_checked` tells of them.
    rows = csv.reader((line.replace("\0", ZERO) for line in lines), delimiter=mark, strict=True)
    names: list[str] = []
    while True:
        begun = rows.line_num + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise _unclosed(path, begun) from error
        if row is None:
            return
        if any(_holds_row(cell, names, mark) for cell in row):
            raise _unclosed(path, begun)
        names = names or row
        yield row


ZERO = "\u2400"
"""What a zero byte is read as."""


def _holds_row(cell: str, names: Sequence[str], mark: str) -> bool:
    """Whether a line within a cell has all that a row has, and a recording where one belongs.

    A quote that nobody has closed ends at the next one, which may be in some later row."""
    at = names.index("audio") if "audio" in names else None
    for line in cell.splitlines()[1:]:
        cells = line.split(mark)
        if 1 < len(names) <= len(cells) and (at is None or Path(cells[at].strip(' "')).suffix):
            return True
    return False


def _unclosed(path: Path, line: int) -> BatchError:
    return BatchError(
        f"{path}: in the row that begins in line {line} a quote is not closed, or a cell goes on "
        'after it. Put quotes around the whole cell, and write those in it twice: """Stop!"" he '
        'said".'
    )


def _unquoted(cell: str) -> str:
    """A cell of a .tsv, where a quote is a letter, unless a spreadsheet has put it around."""
    around = re.fullmatch('"((?:[^"]|"")*)"', cell)
    return around[1].replace('""', '"') if around else cell


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
    with _opened(path) as file:
        text = file.read()
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
        elif "\0" in cell or ZERO in cell:
            cells[WRONG] = f"'{shown(name)}' holds a zero byte; export the table again"
    return cells if cells[WRONG] else {name: cell for name, cell in cells.items() if name != WRONG}
