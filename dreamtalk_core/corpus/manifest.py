"""The list of a corpus's clips: reading it, and adding rows."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from dreamtalk_core.errors import CorpusError
from dreamtalk_core.files import atomic_write

COLUMNS = (
    "id", "split", "licence", "source", "speaker", "language", "emotion", "seconds",
    "av_shift_frames", "sync_confidence", "face_found",
)  # fmt: skip
"""What `add` writes; id, split, licence and speaker are needed, a manifest may have others."""

Row = dict[str, str]


def read_rows(path: Path) -> list[Row]:
    """The rows of a table with tabs between its columns. Raises CorpusError."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, delimiter="\t", restval=""))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"{path} cannot be read ({error}). Give a folder that holds a {path.name}."
        ) from error


def add_rows(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> None:
    """Write a table anew with rows behind those that it has, or a new one; whole or not at all.

    columns: of a new one; one that is there keeps its own, and gets those that it lacks.
    Raises CorpusError for one that cannot be read, WriteError.
    """
    old = read_rows(path) if path.exists() else []
    names = list(dict.fromkeys([*(name for row in old[:1] for name in row), *columns]))
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, "", delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*old, *rows])
