"""Face Cap: the text file that the iPhone app records.

A line of each kind begins with a word: `info`, what the recording is; `bs`, the names of its
shapes; `k`, a frame: milliseconds, the head's position x, y, z and its turn about x, y, z in
degrees, the left eye's turn about x and y, the right eye's, and the weights (0..1). As its
importers take it, a head looks down where x is positive, and turns to the character's right and
tilts to it where y and z are. The eye columns are not used: gaze is in the eyeLook shapes.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_VALUES, check_count
from dreamtalk_core.formats._take import take
from dreamtalk_core.formats._text import lines_of

_BEFORE = 12  # values of a frame before the weights


def read(path: Path) -> Content:
    """Read a take. Raises `MotionError` if it is not such a file, or is cut off."""
    names: list[str] = []
    table, count = array("d"), 0
    with path.open(encoding="utf-8-sig", newline=None) as stream:
        for number, line in enumerate(lines_of(stream, path), start=1):
            kind, *values = (value.strip() for value in line.rstrip().rstrip(",").split(","))
            if kind == "bs":
                if count and values != names:
                    raise MotionError(
                        f"Line {number} of {path} names other shapes than before: there are "
                        "several recordings in it. Split it there."
                    )
                names = values
            elif kind == "k":
                if len(values) != _BEFORE - 1 + len(names) or not names:
                    raise MotionError(
                        f"Line {number} of {path} has {len(values)} values instead of "
                        f"{_BEFORE - 1 + len(names)}: the file is cut off or damaged, or its line "
                        "of names (bs) is missing."
                    )
                try:
                    table.extend(map(float, values))
                except ValueError as error:
                    raise MotionError(
                        f"Line {number} of {path} has a value that is no number."
                    ) from error
                count += 1
                check_count(len(table), MOST_VALUES, path, "values", MotionError)
    if not count:
        raise MotionError(f"{path} has no frames (lines that begin with k). Record it again.")
    rows = np.frombuffer(table).reshape(count, -1)
    head = rows[:, 4:7] * (1.0, -1.0, -1.0)
    return take(path, names, rows[:, _BEFORE - 1 :], head, times=rows[:, 0])
