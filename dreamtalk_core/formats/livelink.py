"""Live Link Face CSV: what Epic's iPhone app records, one row per frame.

Columns: `Timecode` (HH:MM:SS:FF.mmm, mmm thousandths of a frame), `BlendshapeCount` (61), the 52
shapes in PascalCase (the app puts JawRight before JawLeft and MouthRight before MouthLeft), then
yaw, pitch, roll in radians of the head, the left and the right eye. Values have ten decimals.

Signs, found on recordings of the app. The eye columns follow from the eyeLook shapes beside them:
yaw to the character's right and pitch down are positive. A speaker who looks at the phone turns
the eyes against the head, which gives the head's yaw and pitch: yaw to the character's left and
pitch up are positive, the opposite of the eyes. Roll is taken likewise as the inverse of the eyes'
sense: positive raises the left ear. So (pitch, yaw, roll) here is (-HeadPitch, HeadYaw, HeadRoll).

Rate. The format has none; it follows from the timecode. The app counts sixtieths of real seconds,
and this module writes the same for every rate (25 fps: steps of 2.4), so other programs that know
the app get the timing right too. On reading, evenly spaced rows are taken as they are, and the
rate is the usual one (23.976 to 120) that fits, or else the simplest fraction that does. A phone's
own clock drifts and drops frames: such rows are resampled, by their timecodes, to the nearest
whole usual rate. A single row counts as 60 fps.

Timecode. A take may be asked to begin at one, and to count its rate: for programs that take its
frames for whole ones of a rate that they know, and smear others. Drop-frame is written, and known
again, by its ";". Nothing tells 29.97 counted without dropping from 30: it is read as 30.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_VALUES, check_count
from dreamtalk_core.formats._take import check_weights
from dreamtalk_core.formats._text import rows_below, rows_of
from dreamtalk_core.formats._timing import steady
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.timecode import Timecode
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.warned import warn

if TYPE_CHECKING:
    from dreamtalk_core.motion import Motion

_SWAPPED = {
    "jawLeft": "jawRight",
    "jawRight": "jawLeft",
    "mouthLeft": "mouthRight",
    "mouthRight": "mouthLeft",
}
FILE_ORDER: tuple[str, ...] = tuple(_SWAPPED.get(name, name) for name in ARKIT_NAMES)
"""The shapes in the order of a file's columns."""
HEAD_COLUMNS = ("HeadYaw", "HeadPitch", "HeadRoll")
"""Of the head, in radians; see the signs above."""
_EYES = tuple(
    f"{side}Eye{angle}" for side in ("Left", "Right") for angle in ("Yaw", "Pitch", "Roll")
)
_HEADER = (
    "Timecode",
    "BlendshapeCount",
    *(name[0].upper() + name[1:] for name in FILE_ORDER),
    *HEAD_COLUMNS,
    *_EYES,
)
_VALUE_COUNT = len(_HEADER) - 2
_PIECE = 4096  # frames that are turned into text at a time

_TIMECODE = re.compile(r"\s*(\d{1,9}):(\d{1,9}):(\d{1,9})([:;])(\d{1,9}(?:\.\d{1,99})?)\s*")
_BASE = 60  # frames per second that the timecode counts
_QUANTUM = 1e-3  # thousandths of a frame
_BASES = (60, 24, 25, 30, 48, 50, 100, 120)  # what others may count; the app's own comes first
_DROPPING = (30, 60, 120)  # of those with ";", a thousandth slower
_DAY = 24 * 3600.0

# Radians of eye rotation at a full eyeLook shape, measured on recordings of the app.
_EYE_SIDE, _EYE_DOWN, _EYE_UP = 0.62, 0.70, 0.43


def read(path: Path) -> Content:
    """Read a take. The motion has all 52 ARKit channels; shapes the file lacks are 0.

    Weights a little outside 0..1, as calibrated takes have, are clipped. The eye columns are not
    used: gaze is in the eyeLook shapes. Rows that repeat a timecode are dropped.
    Raises `MotionError` if it is not such a file, is cut off, lacks JawOpen, has weights that are
    none, or its timecodes do not advance, or step back.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        seconds, frames, table, drop = _parse(rows_of(stream, path), path)
    times, base = _timeline(seconds, frames, drop, path)
    rate, table = steady(times, table, path, _BASE, "timecode", _QUANTUM * _BASE / base)
    weights, head = table[:, : len(ARKIT_NAMES)], table[:, len(ARKIT_NAMES) :]
    check_weights(weights, path)
    return Content(ARKIT_NAMES, np.clip(weights, 0.0, 1.0).astype(np.float32), rate, head_of(head))


def head_columns(head_rotation: NDArray[np.float32]) -> NDArray[np.float64]:
    """`HEAD_COLUMNS` [T, 3] of pitch, yaw and roll [T, 3] in degrees."""
    pitch, yaw, roll = np.radians(head_rotation.astype(np.float64)).T
    # Adding 0 turns -0 into 0.
    return np.column_stack([yaw, -pitch, roll]) + 0.0


def head_of(columns: NDArray[np.float64]) -> NDArray[np.float32]:
    """Pitch, yaw and roll [T, 3] in degrees of `HEAD_COLUMNS` [T, 3]."""
    return np.degrees(columns[:, [1, 0, 2]] * (-1.0, 1.0, 1.0)).astype(np.float32)


def begins_at(path: Path) -> Timecode:
    """The timecode of the first row of a take, counted as the take does."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        seconds, frames, _, drop = _parse(rows_of(stream, path), path)
    _, base = _timeline(seconds, frames, drop, path)
    rate = Fraction(base * 1000, 1001) if drop else Fraction(base)
    clock = int(seconds[0]) % int(_DAY)
    label = f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"
    frame = min(round(frames[0], 3), base - _QUANTUM)
    return Timecode.parse(f"{label}{';' if drop else ':'}{frame:06.3f}", rate)


def write(path: Path, motion: Motion, start: Timecode | None = None) -> None:
    """Write a take. Channels it lacks are 0.

    start: the timecode of its first row, which also says what timecodes count; None: midnight, and
    sixtieths of a second, as the app does.

    The eye columns are derived from the eyeLook shapes. Of the tongue there is `TongueOut` alone:
    the format has no place for `TONGUE_NAMES`, and they are left out.
    Raises `MotionError` if the motion has other channels that are not ARKit's.
    """
    foreign = [name for name in motion.names if name not in FACE_NAMES]
    if foreign:
        raise MotionError(
            f"A Live Link Face CSV holds the 52 ARKit shapes only, not {', '.join(foreign[:5])}. "
            "Save as .json or .npz, or call to_arkit() first to leave the others out."
        )
    begin = Timecode(Fraction(0), Fraction(_BASE)) if start is None else start
    if begin.rate.denominator != 1 and not begin.drop:
        warn(
            f"{path}: nothing in it tells {float(begin.rate):g} frames per second from "
            f"{begin.base}. Write the start with ';' before its frames where drop-frame will do."
        )
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(",".join(_HEADER) + "\n")
        line = f"%s,{_VALUE_COUNT}" + ",%.10f" * _VALUE_COUNT + "\n"
        for first in range(0, len(motion), _PIECE):
            for i, row in enumerate(_values(motion.cut(first, first + _PIECE)), first):
                out.write(line % (begin.later(i / motion.fps).label(3), *row.tolist()))


def _values(motion: Motion) -> NDArray[np.float64]:
    """The columns of a file after the first two."""
    weights = motion.to_arkit().weights.astype(np.float64)
    values = np.column_stack(
        [
            weights[:, [INDEX[name] for name in FILE_ORDER]],
            head_columns(motion.head_rotation),
            *eye_columns(weights),
        ]
    )
    # Adding 0 turns -0 into 0.
    return np.asarray(values + 0.0)


def _parse(
    rows: Iterator[list[str]], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], bool]:
    """Whole seconds [T], frame counts [T], values [T, 52 + 3] (shapes, head yaw pitch roll), and
    whether the timecode is drop-frame."""
    header = next(rows, [])
    column = {name.strip().lower(): i for i, name in enumerate(header)}
    shapes = [column.get(name.lower(), -1) for name in ARKIT_NAMES]
    if "timecode" not in column or max(shapes) < 0:
        raise MotionError(
            f"{path} is not a Live Link Face CSV: its first line must name Timecode and the ARKit "
            "shapes."
        )
    if shapes[INDEX["jawOpen"]] < 0:
        raise MotionError(
            f"{path} lacks the column JawOpen, without which a mouth stays shut. Export the take "
            "with it, or add it, with zeros if that is meant."
        )
    picked = shapes + [column.get(name.lower(), -1) for name in HEAD_COLUMNS]
    present = [(to, at) for to, at in enumerate(picked) if at >= 0]
    to, at = [p[0] for p in present], [p[1] for p in present]
    seconds, frames, table, drop = [], [], array("d"), False
    for number, row in rows_below(header, rows, path):
        second, frame, drop = _parse_timecode(row[column["timecode"]], number, path)
        values = np.zeros(len(picked), np.float64)
        try:
            values[to] = [float(row[i]) for i in at]
        except ValueError as error:
            raise MotionError(f"Line {number} of {path} has a value that is no number.") from error
        if not (np.abs(values) < 100).all():  # NaN fails this too
            raise MotionError(f"Line {number} of {path} has a value that is no weight or angle.")
        seconds.append(second)
        frames.append(frame)
        table.frombytes(values.tobytes())
        check_count(len(table), MOST_VALUES, path, "values", MotionError)
    if not table:
        raise MotionError(f"{path} has a header but no frames.")
    rows_read = np.frombuffer(table).reshape(-1, len(picked))
    return np.array(seconds), np.array(frames), rows_read, drop


def _parse_timecode(text: str, number: int, path: Path) -> tuple[float, float, bool]:
    match = _TIMECODE.fullmatch(text)
    if not match:
        raise MotionError(
            f"Line {number} of {path} has the timecode {shown(text, 40)!r}; it must read "
            "HH:MM:SS:FF.mmm."
        )
    hours, minutes, seconds, mark, frames = match.groups()
    clock = int(hours) * 3600.0 + int(minutes) * 60.0 + int(seconds)
    return clock, float(frames), mark == ";"


def _timeline(
    seconds: NDArray[np.float64], frames: NDArray[np.float64], drop: bool, path: Path
) -> tuple[NDArray[np.float64], int]:
    """Time of every row [T] in 1/60 s from the first, across midnight; and its frames a second."""
    bases = [base for base in (_DROPPING if drop else _BASES) if frames.max() < base]
    if not bases:
        raise MotionError(
            f"{path} has timecodes with frame {frames.max():g}; it must be below 120."
        )
    # A recording crosses midnight when the clock falls back by nearly a day.
    days = np.concatenate([[0.0], np.cumsum(np.diff(seconds) < -_DAY / 2)])
    clock = seconds + days * _DAY
    minutes = clock // 60

    def counts(base: int) -> NDArray[np.float64]:
        left_out = base // 15 * (minutes - minutes // 10) if drop else 0
        return np.asarray(clock * base + frames - left_out)

    base = min(bases, key=lambda b: _unevenness(counts(b)))
    second = base / 1.001 if drop else base
    count = counts(base)
    return (count - count[0]) / second * _BASE, base


def _unevenness(counts: NDArray[np.float64]) -> float:
    # With the wrong number of frames per second every change of second makes a jump. Rounded, so
    # that a take within one second, where all fit equally, goes to the first of the list.
    steps = np.diff(counts)
    return round(float(np.abs(steps - np.median(steps)).mean()), 6) if len(steps) else 0.0


def eye_columns(weights: NDArray[np.float64]) -> Sequence[NDArray[np.float64]]:
    """Yaw, pitch, roll [T] of the left, then of the right eye, in the app's signs (radians), for
    weights [T, 52]."""

    def look(direction: str, side: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = weights[:, INDEX[f"eyeLook{direction}{side}"]]
        return column

    angles = []
    for side, inward in (("Left", 1.0), ("Right", -1.0)):
        yaw = inward * _EYE_SIDE * (look("In", side) - look("Out", side))
        pitch = _EYE_DOWN * look("Down", side) - _EYE_UP * look("Up", side)
        angles += [yaw, pitch, np.zeros(len(weights))]
    return angles
