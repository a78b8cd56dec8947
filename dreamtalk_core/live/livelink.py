"""Live Link Face: the datagrams of Epic's iPhone app, which Unreal Engine listens to.

Big-endian: u8 version 6; i32 length and text of the device; i32 length and text of the subject;
i32 frame and f32 part of a frame; i32 numerator and i32 denominator of the rate; u8 61; 61 x f32.
Where no face is seen, the datagram ends with the rate. Values: the 52 shapes in the order of the
engine, then yaw, pitch and roll in radians of the head, the left and the right eye, with the signs
of the app's files (`formats.livelink`).

Order: the engine's own, and most programs', has JawLeft before JawRight and MouthLeft before
MouthRight. Files of the app have them the other way round, and some programs send the columns of
such a file as they are: "app" is their order.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np

from dreamtalk_core.formats.livelink import FILE_ORDER, eye_columns
from dreamtalk_core.live.frame import Frame, frame_of
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX

PORT = 11111
RATE = Fraction(60)
"""Frames per second that the app counts time in."""
ORDERS: dict[str, tuple[str, ...]] = {"unreal": ARKIT_NAMES, "app": FILE_ORDER}
"""Order -> shapes as they follow one another."""

_DAY = 24 * 3600  # seconds: it is a time of day
_VERSION = 6
_DEVICE = b"44524541-4D54-414C-4B00-000000000000"
"""36 characters that tell this sender from a phone."""
_SHAPES, _VALUES = 52, 61
_TIME = struct.Struct(">if2i")
_FACE = struct.Struct(f">B{_VALUES}f")
_COUNT = struct.Struct(">i")
_LONGEST_TEXT = 256  # bytes


def encode(frame: Frame, order: str = "unreal", rate: Fraction = RATE) -> bytes:
    """The datagram of a frame. order: a key of `ORDERS`. rate: that time is counted in."""
    seconds = Fraction(frame.time or 0.0) % _DAY
    count = math.floor(seconds * rate)
    # No character is cut in two, and none is left that a command line could not decode.
    name = frame.name.encode(errors="replace")[:_LONGEST_TEXT].decode(errors="ignore").encode()
    start = struct.pack(">B", _VERSION) + _text(_DEVICE) + _text(name)
    time = _TIME.pack(count, float(seconds * rate - count), rate.numerator, rate.denominator)
    if not frame.face:
        return start + time
    columns = [INDEX[name] for name in ORDERS[order]]
    pitch, yaw, roll = np.radians(frame.head.astype(np.float64))
    eyes = (angles[0] for angles in eye_columns(frame.weights.astype(np.float64)[None]))
    values = [*frame.weights[columns], yaw, -pitch, roll, *eyes]
    return start + time + _FACE.pack(_VALUES, *(float(value) + 0.0 for value in values))


def decode(data: bytes, order: str = "unreal") -> Frame | None:
    """The frame of a datagram; without a face where the sender saw none. None for anything else."""
    try:
        if data[0] != _VERSION:
            return None
        _, at = _read_text(data, 1)
        name, at = _read_text(data, at)
        count, part, numerator, denominator = _TIME.unpack_from(data, at)
        time = (count + part) * denominator / numerator
        if not math.isfinite(time):
            return None
        at += _TIME.size
        if len(data) <= at + 1:
            return Frame(time=time, name=name, face=False)
        number, *values = _FACE.unpack_from(data, at)
    except (struct.error, IndexError, UnicodeDecodeError, ZeroDivisionError):
        return None
    if number != _VALUES:
        return None
    yaw, pitch, roll = (math.degrees(value) for value in values[_SHAPES : _SHAPES + 3])
    weights = dict(zip(ORDERS[order], values[:_SHAPES], strict=True))
    return frame_of(weights, (-pitch, yaw, roll), time, name)


def _text(text: bytes) -> bytes:
    return _COUNT.pack(len(text)) + text


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    (length,) = _COUNT.unpack_from(data, at)
    if not 0 <= length <= _LONGEST_TEXT:
        raise IndexError
    at += _COUNT.size
    return data[at : at + length].decode(), at + length
