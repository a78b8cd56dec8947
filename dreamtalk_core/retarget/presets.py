"""Mappings as files: JSON, to be shared and edited by hand.

    {
      "format": "dreamtalk-mapping",
      "version": 1,
      "name": "My character",
      "rows": [{"source": "jawOpen", "target": "Jaw_Open", "scale": 1.0, "offset": 0.0}, ...]
    }

`scale` is 1 and `offset` 0 where they are left out; further members are ignored. UTF-8.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.retarget.mapping import Mapping, Row

FORMAT = "dreamtalk-mapping"
VERSION = 1


def read_preset(path: str | os.PathLike[str]) -> Mapping:
    """Read a mapping. Raises `MotionError` if it cannot be read or is not one."""
    file = Path(path)
    return parse_mapping(read_json(file, MotionError, "mapping"), str(file))


def write_preset(path: str | os.PathLike[str], mapping: Mapping) -> None:
    """Write a mapping, whole or not at all. Raises `DreamTalkError` if it cannot be written."""
    rows = [
        {"source": row.source, "target": row.target, "scale": row.scale, "offset": row.offset}
        for row in mapping.rows
    ]
    head = {"format": FORMAT, "version": VERSION, "name": mapping.name}
    lines = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    text = json.dumps(head, ensure_ascii=False)[:-1] + f', "rows": [\n    {lines}\n]}}\n'
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def parse_mapping(document: Any, where: str) -> Mapping:
    """A mapping from what JSON gave; `where` stands in errors. Raises `MotionError`."""
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise MotionError(f'{where} is not a DreamTalk mapping: "format" must be "{FORMAT}".')
    if document.get("version") != VERSION:
        raise MotionError(
            f"{where} has version {shown(document.get('version'), 40)}; this program reads version "
            f"{VERSION}. Update it, or save the mapping again."
        )
    rows = document.get("rows")
    if not isinstance(rows, list):
        raise MotionError(f'{where} lacks its list of "rows".')
    name = document.get("name", "")
    if not isinstance(name, str):
        raise MotionError(f'The "name" of {where} must be text.')
    return Mapping(tuple(_row(row, i, where) for i, row in enumerate(rows, start=1)), name)


def _row(row: Any, number: int, where: str) -> Row:
    try:
        numbers = [row.get("scale", 1.0), row.get("offset", 0.0)]
        if not all(type(value) in (int, float) for value in numbers):
            raise TypeError
        if not (isinstance(row["source"], str) and isinstance(row["target"], str)):
            raise TypeError
        return Row(row["source"], row["target"], float(numbers[0]), float(numbers[1]))
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise MotionError(
            f"Row {number} of {where} must have a source and a target (texts), and may have scale "
            "and offset (numbers)."
        ) from error
    except MotionError as error:
        raise MotionError(f"Row {number} of {where}: {error}") from error
