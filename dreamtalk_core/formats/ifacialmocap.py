"""iFacialMocap: a recording of what the iPhone app sends, a line for each datagram.

`name-35|...|=head#rx,ry,rz,x,y,z|rightEye#...|leftEye#...|`: weights in per cent (the second
version of the protocol has & for -), the head's turn in degrees, down, to the character's left and
with the left ear up where it is positive. A time in seconds may stand before, with a comma,
semicolon, tab or space between; without, the lines are the app's 60 frames a second.
"""

from __future__ import annotations

import re
from array import array
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_VALUES, check_count
from dreamtalk_core.formats._take import take
from dreamtalk_core.formats._text import lines_of

_FPS = 60
_TIME = re.compile(r"\s*(\d{1,12}(?:\.\d{1,12})?)[\t,; ]+")
_SHAPE = re.compile(r"(\w{1,60})[-&](-?[\d.]{1,20})")
_NO_SHAPES = ("trackingStatus", "hapihapi")


def read(path: Path) -> Content:
    """Read a recording. Raises `MotionError` if it is not such a file, or is cut off."""
    names: list[str] = []
    timed = False
    table, heads, times = array("d"), array("d"), array("d")
    with path.open(encoding="utf-8-sig", newline=None) as stream:
        for number, line in enumerate(lines_of(stream, path), start=1):
            if not line.strip():
                continue
            time = _TIME.match(line)
            shapes, turns = _frame(line[time.end() if time else 0 :].strip(), number, path)
            if not heads:
                names, timed = list(shapes), bool(time)
            if list(shapes) != names or bool(time) != timed:
                raise MotionError(
                    f"Line {number} of {path} has other shapes than the first, or no time where "
                    "others have one: the file is damaged."
                )
            if time:
                times.append(float(time[1]))
            table.extend(shapes.values())
            heads.extend(turns)
            check_count(len(table), MOST_VALUES, path, "values", MotionError)
    if not names:
        raise MotionError(f"{path} has no frames. Record it again.")
    rows = np.frombuffer(table).reshape(-1, len(names)) / 100
    head = np.frombuffer(heads).reshape(-1, 3)
    if times:
        return take(path, names, rows, head, times=np.frombuffer(times), base=1, quantum=1e-3)
    return take(path, names, rows, head, fps=_FPS)


def _frame(text: str, number: int, path: Path) -> tuple[dict[str, float], list[float]]:
    """Weights in per cent, and the head's angles in degrees."""
    shares, _, turns = text.partition("=")
    try:
        shapes = {}
        for word in filter(None, shares.split("|")):
            found = _SHAPE.fullmatch(word.strip())
            if found is None:
                raise ValueError
            if found[1] not in _NO_SHAPES:
                shapes[found[1]] = float(found[2])
        head = [0.0, 0.0, 0.0]
        for word in turns.split("|"):
            name, _, values = word.partition("#")
            if name.strip() == "head":
                head = [float(value) for value in values.split(",")[:3]]
        if not shapes or len(head) != 3:
            raise ValueError
    except ValueError as error:
        raise MotionError(
            f"Line {number} of {path} is no frame of iFacialMocap: it is cut off or damaged."
        ) from error
    return shapes, head
