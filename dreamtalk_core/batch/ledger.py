"""The ledger: what became of every row, one JSON object a line.

While a batch runs, entries are added at the end, so that a run which is killed has lost at most the
line that was being written. When it ends, they are put in the order of the table, the last one of
each row: whatever happened on the way, the same batch leaves the same ledger, byte for byte.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from dreamtalk_core.files import atomic_write, write_error

NAME = "ledger.ndjson"
Entry = dict[str, Any]
"""id, row, status (done, failed); of what is done: key (a hash of all that it was made from),
inputs and outputs (hashes by name), warnings, style, grade, flags; of what failed: error."""


def read_ledger(path: Path) -> dict[str, Entry]:
    """The last entry of each row, by id; none if there is no ledger. A torn line is no entry."""
    found: dict[str, Entry] = {}
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    found[entry["id"]] = entry
                except (ValueError, KeyError, TypeError):
                    continue
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise write_error(path, error) from error
    return found


class Ledger:
    """A ledger to add to."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path, self._file = path, file

    def add(self, entry: Mapping[str, Any]) -> None:
        """Raises WriteError."""
        try:
            self._file.write(line_of(entry))
            self._file.flush()
        except OSError as error:
            raise write_error(self._path, error) from error


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """A ledger to add to; a line that a killed run has left half is ended. Raises WriteError."""
    try:
        torn = _is_torn(path)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write("\n" if torn else "")
            yield Ledger(path, file)
    except OSError as error:
        raise write_error(path, error) from error


def _is_torn(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def write_ledger(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Write a ledger anew, whole or not at all. Raises WriteError."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as out,
    ):
        out.writelines(map(line_of, entries))


def line_of(entry: Mapping[str, Any]) -> str:
    """An entry, or an event, as a line."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
