"""A documented JSON for motions, version 1.

    {
      "format": "dreamtalk-motion",
      "version": 1,
      "fps": "25/1",                      exact rate, "numerator/denominator"
      "frame_count": 2,
      "channels": ["eyeBlinkLeft", ...],  C names
      "provenance": {...},                how it was made; may be left out
      "head_rotation": [[0.0, 0.0, 0.0], ...],   per frame: pitch, yaw, roll in degrees
      "weights": [[0.0, ...], ...]        per frame: C weights in 0..1
    }

Frame i is sampled at (i + 0.5) / fps seconds. Head axes: x to the character's left, y up, z
forward; R = Ry(yaw) @ Rx(pitch) @ Rz(roll). `head_rotation` may be left out: no head motion.
Further members are ignored. Numbers are the shortest that give the same float32 back, so a round
trip is exact. UTF-8.
"""

from __future__ import annotations

import json
import re
from array import array
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import (
    DECODER,
    MOST_CHANNELS,
    MOST_VALUES,
    check_count,
    not_json,
)

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

FORMAT = "dreamtalk-motion"
VERSION = 1
_TABLES = ("weights", "head_rotation")
_LARGEST_MEMBER = 1 << 20  # characters of what is no table
_SPACE = re.compile(r"[ \t\n\r]*")


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not JSON of this kind or is cut off."""
    text = path.read_text(encoding="utf-8-sig")
    try:
        document = _members(text, path)
    except (ValueError, IndexError, RecursionError) as error:
        raise MotionError(not_json(str(path), error)) from error
    if document.get("format") != FORMAT:
        raise MotionError(f'{path} is not a DreamTalk motion: "format" must be "{FORMAT}".')
    if document.get("version") != VERSION:
        raise MotionError(
            f"{path} has version {shown(document.get('version'), 40)}; this program reads version "
            f"{VERSION}. Update it, or save the motion again."
        )
    missing = [key for key in ("fps", "channels", "weights") if key not in document]
    if missing:
        raise MotionError(f"{path} lacks {', '.join(missing)}.")
    return _motion(document, path)


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "fps": f"{motion.fps.numerator}/{motion.fps.denominator}",
        "frame_count": len(motion),
        "channels": list(motion.names),
        **({"provenance": dict(provenance)} if provenance else {}),
    }
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        # Frames are written one by one, so the text of a long motion is never in memory.
        out.write(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}"))
        _write_rows(out, "head_rotation", motion.head_rotation)
        _write_rows(out, "weights", motion.weights)
        out.write("\n}\n")


def _motion(document: dict[str, Any], path: Path) -> Content:
    channels, weights = document["channels"], document["weights"]
    if not isinstance(channels, list) or not isinstance(weights, np.ndarray):
        raise MotionError(f'{path}: "channels" and "weights" must be lists.')
    check_count(len(channels), MOST_CHANNELS, path, "channels", MotionError)
    count = len(weights)
    if document.get("frame_count", count) != count:
        stated = shown(document["frame_count"], 40)
        raise MotionError(f'{path} holds {count} frames, but "frame_count" says {stated}.')
    head: Any = document.get("head_rotation")
    return Content(tuple(channels), weights, document["fps"], () if head is None else head)


def _members(text: str, path: Path) -> dict[str, Any]:
    """The members of the document; those that are tables as float32 [rows, columns].

    As lists of Python's numbers the frames of a long motion would take ten times the memory.
    Raises ValueError or IndexError for what is no JSON, `MotionError` for tables that are none.
    """
    found: dict[str, Any] = {}
    place = _after("{", text, 0)
    while text[place] != "}":
        if found:
            place = _after(",", text, place)
        key, place = _value(text, place)
        if not isinstance(key, str) or key in found:
            raise ValueError(f"it has {shown(key, 40)} where a new name belongs")
        place = _after(":", text, place)
        if key in _TABLES and text[place] == "[":
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
        # numpy spells a float32 with the fewest digits that read back as the same float32.
        out.write(("\n  [" if i == 0 else ",\n  [") + ", ".join(row.astype(str)) + "]")
    out.write("\n ]")
