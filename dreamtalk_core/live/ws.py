"""DreamTalk's own messages, JSON over a web socket: for pages, engines and scripts.

The first says what the numbers are:

    {"format": "dreamtalk-live", "version": 1, "name": "DreamTalk", "shapes": ["eyeBlinkLeft", ...]}

and each after it is a frame: weights in that order, the head's pitch, yaw and roll in degrees, time
in seconds, and whether there is a face:

    {"time": 12.34, "face": true, "head": [0.5, -1.2, 0.1], "weights": [0.0, ...]}
"""

from __future__ import annotations

import json
from typing import Any

from dreamtalk_core.live.frame import Frame, frame_of
from dreamtalk_core.motion.arkit import ARKIT_NAMES

PORT = 8765
FORMAT, VERSION = "dreamtalk-live", 1
_LARGEST = 1 << 20


def hello(name: str = "DreamTalk") -> str:
    """The first message."""
    return json.dumps(
        {"format": FORMAT, "version": VERSION, "name": name, "shapes": list(ARKIT_NAMES)}
    )


def encode(frame: Frame) -> str:
    """The message of a frame; numbers with five decimals."""
    return json.dumps(
        {
            "time": None if frame.time is None else round(frame.time, 5),
            "face": frame.face,
            "head": [round(float(angle), 5) for angle in frame.head],
            "weights": [round(float(weight), 5) for weight in frame.weights],
        }
    )


def decode(message: str | bytes) -> Frame | None:
    """The frame of a message; None for the first, and for anything else."""
    if len(message) > _LARGEST:
        return None
    try:
        content: Any = json.loads(message)
        weights, head, time = (content[key] for key in ("weights", "head", "time"))
        if content["face"] is False:
            return Frame(face=False)
        named = dict(zip(ARKIT_NAMES, map(float, weights), strict=True))
        return frame_of(
            named, [float(angle) for angle in head], None if time is None else float(time)
        )
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        return None
