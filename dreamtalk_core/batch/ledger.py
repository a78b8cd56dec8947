"""The ledger: what became of every row, one JSON object a line.

While a batch runs, entries are added at the end, so that a run which is killed has lost at most the
line that was being written. When it ends, they are put in the order of the table, the last one of
each row: whatever happened on the way, the same batch leaves the same ledger, byte for byte.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from dreamtalk_core.files import atomic_write, write_error

NAME = "ledger.ndjson"
WHOLE = (1, 1)
Entry = dict[str, Any]
"""id, row, status (done; failed); of what is done: key (a hash of all that it was made from),
inputs and outputs (hashes by name), corrections (their hash), warnings, grade, flags; of what
failed: error."""


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


class Book:
    """The ledger of a folder, or of a part of a batch in it."""

    def __init__(self, folder: Path, part: tuple[int, int] = WHOLE) -> None:
        """part: which of how many parts, from 1 up."""
        number, count = part
        self._whole = part == WHOLE
        self._folder = folder
        self.path = folder / (NAME if self._whole else f"ledger-{number}-of-{count}.ndjson")

    def read(self) -> dict[str, Entry]:
        """The last entry of each row, by id, whichever part it is in."""
        found: dict[str, Entry] = {}
        for path in (self._folder / NAME, *self._parts(), self.path):
            found |= read_ledger(path)
        return found

    def own(self) -> dict[str, Entry]:
        """What `write` takes the place of: of the whole all parts, of a part itself."""
        return self.read() if self._whole else read_ledger(self.path)

    @contextmanager
    def open(self) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """What adds entries, one by one. Raises WriteError."""
        if self._whole and self._parts():
            self.write(self.read().values())
        with ExitStack() as stack:

            def append(text: str) -> None:
                try:
                    file.write(text)
                    file.flush()
                except OSError as error:
                    raise write_error(self.path, error) from error

            try:
                torn = _is_torn(self.path)
                file = stack.enter_context(self.path.open("a", encoding="utf-8", newline="\n"))
            except OSError as error:
                raise write_error(self.path, error) from error
            append("\n" if torn else "")
            yield lambda entry: append(line_of(entry))

    def write(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Write it anew, whole or not at all; the whole takes the place of its parts. Raises
        WriteError."""
        lines = list(map(line_of, entries))
        with atomic_write(self.path) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8", newline="\n")
        if self._whole:
            for path in self._parts():
                path.unlink(missing_ok=True)

    def _parts(self) -> list[Path]:
        return sorted(self._folder.glob("ledger-*-of-*.ndjson"))


class Marks:
    """Which rows are being written, a file each in the folder until the ledger knows of the row.

    A run that was killed leaves them: such a row's outputs may be newer than its entry, and are
    nobody's own work. Whoever writes a row marks it, be it on another machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / ".writing"

    def set(self, row: str, key: str) -> None:
        """key: of what will be there. Raises WriteError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise write_error(self._folder, error) from error
        with atomic_write(self._path(row)) as temporary:
            temporary.write_text(key, encoding="ascii")

    def found(self, row: str, entry: Entry | None) -> bool:
        """Whether a row was being written when its run ended. entry: what the ledger says of it."""
        try:
            return self._path(row).read_text(encoding="ascii") != (entry or {}).get("key")
        except OSError:
            return False

    def take_off(self, row: str) -> None:
        with suppress(OSError):
            self._path(row).unlink(missing_ok=True)

    def close(self, rows: Iterable[str]) -> None:
        """Take those of these rows off, and the folder away if there are no more."""
        for row in rows:
            self.take_off(row)
        with suppress(OSError):
            self._folder.rmdir()

    def _path(self, row: str) -> Path:
        return self._folder / file_name_of(row)


def file_name_of(row: str) -> str:
    """A name for what belongs to a row, whatever its id is."""
    return hashlib.sha256(row.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _is_torn(path: Path) -> bool:
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() != b"\n"


def line_of(entry: Mapping[str, Any]) -> str:
    """An entry, or an event, as a line."""
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
