"""Tables of curves from other tools: a row for each frame, a column for each shape.

Values are between commas, semicolons or tabs; where it is not commas, numbers may have decimal
commas. The first row names the columns: shapes under the names of ARKit or of any scheme that
`retarget` knows, MetaHuman's controls among them. A column `time`, `t` or `seconds` (`time_ms`,
`timestamp`: in milliseconds if it grows by one or more) says when a row is; `HeadYaw`, `HeadPitch`
and `HeadRoll` are Live Link Face's. Columns that hold a row's number are not needed.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_CHANNELS, MOST_VALUES, check_count
from dreamtalk_core.formats._take import take
from dreamtalk_core.formats._text import rows_below, rows_of
from dreamtalk_core.formats.livelink import HEAD_COLUMNS, head_of
from dreamtalk_core.warned import warn

_SECONDS = ("time", "t", "seconds", "sec", "time_s", "time(s)", "time_seconds")
_MILLISECONDS = ("time_ms", "ms", "timestamp_ms", "milliseconds", "time(ms)")
_EITHER = ("timestamp", "timestamps")
_NUMBERS = ("", "frame", "frames", "frame_id", "frame_number", "index", "id", "unnamed: 0")
_USUAL = 30


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not such a table, or is cut off.

    Warns where it has no times, and its rate is therefore not known.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = rows_of(stream, path)
        header = [name.strip() for name in next(rows, [])]
        check_count(len(header), MOST_CHANNELS, path, "columns", MotionError)
        table = _parse(rows, header, path)
    known = {name.lower(): i for i, name in reversed(list(enumerate(header)))}
    turned = [name.lower() for name in HEAD_COLUMNS]
    head = [known[name] for name in turned if name in known]
    clocks = [known[n] for n in (*_SECONDS, *_MILLISECONDS, *_EITHER) if n in known]
    no_shapes = {*head, *clocks, *(known[name] for name in _NUMBERS if name in known)}
    shapes = [i for i in range(len(header)) if i not in no_shapes]
    columns = [table[:, known[n]] if n in known else np.zeros(len(table)) for n in turned]
    turns = head_of(np.column_stack(columns))
    names = [header[i] for i in shapes]
    if not clocks:
        warn(
            f"{path.name} has no times; {_USUAL} frames a second are taken. Give it a column time, "
            "in seconds."
        )
        return take(path, names, table[:, shapes], turns, fps=_USUAL)
    times, name = table[:, clocks[0]], header[clocks[0]].lower()
    whole = len(times) > 1 and np.median(np.diff(times)) >= 1
    seconds = name in _SECONDS or (name in _EITHER and not whole)
    quantum = 1e-3 if seconds else 1.0
    return take(
        path,
        names,
        table[:, shapes],
        turns,
        times=times,
        base=1 if seconds else 1000,
        quantum=quantum,
    )


def _parse(rows: Iterator[list[str]], header: list[str], path: Path) -> np.ndarray:
    """All numbers [T, columns]."""
    table = array("d")
    for number, row in rows_below(header, rows, path):
        try:
            table.extend(map(float, row))
        except ValueError as error:
            raise MotionError(
                f"Line {number} of {path} has a value that is no number. Its first row is "
                f"{shown(', '.join(header), 60)}."
            ) from error
        check_count(len(table), MOST_VALUES, path, "values", MotionError)
    if not table:
        raise MotionError(f"{path} has a header but no frames.")
    return np.frombuffer(table).reshape(-1, len(header))
