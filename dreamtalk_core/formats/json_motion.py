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

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._json import read_members, write_members
from dreamtalk_core.formats._limits import MOST_CHANNELS, check_count
from dreamtalk_core.formats._take import rate_text

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

FORMAT = "dreamtalk-motion"
VERSION = 1
_TABLES = ("weights", "head_rotation")


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not JSON of this kind or is cut off."""
    document = read_members(path, _TABLES)
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
        "fps": rate_text(motion.fps),
        "frame_count": len(motion),
        "channels": list(motion.names),
        **({"provenance": dict(provenance)} if provenance else {}),
    }
    write_members(path, head, {"head_rotation": motion.head_rotation, "weights": motion.weights})


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
