"""A documented JSON for motions, version 1.

    {
      "format": "dreamtalk-motion",
      "version": 1,
      "fps": "25/1",                      exact rate, "numerator/denominator"
      "frame_count": 2,
      "channels": ["eyeBlinkLeft", ...],  C names
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
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import Motion, float_array, no_head, parse_fps

FORMAT = "dreamtalk-motion"
VERSION = 1


def read(path: Path) -> Motion:
    """Read a motion. Raises `MotionError` if it is not JSON of this kind or is cut off."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise MotionError(f"{path} is not valid JSON, or is cut off: {error}.") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise MotionError(f'{path} is not a DreamTalk motion: "format" must be "{FORMAT}".')
    if document.get("version") != VERSION:
        raise MotionError(
            f"{path} has version {document.get('version')!r}; this program reads version {VERSION}."
            " Update it, or save the motion again."
        )
    missing = [key for key in ("fps", "channels", "weights") if key not in document]
    if missing:
        raise MotionError(f"{path} lacks {', '.join(missing)}.")
    return _motion(document, path)


def write(path: Path, motion: Motion) -> None:
    """Write a motion."""
    head = {
        "format": FORMAT,
        "version": VERSION,
        "fps": f"{motion.fps.numerator}/{motion.fps.denominator}",
        "frame_count": len(motion),
        "channels": list(motion.names),
    }
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        # Frames are written one by one, so the text of a long motion is never in memory.
        out.write(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}"))
        _write_rows(out, "head_rotation", motion.head_rotation)
        _write_rows(out, "weights", motion.weights)
        out.write("\n}\n")


def _motion(document: dict[str, Any], path: Path) -> Motion:
    channels, weights = document["channels"], document["weights"]
    if not isinstance(channels, list) or not isinstance(weights, list):
        raise MotionError(f'{path}: "channels" and "weights" must be lists.')
    count = document.get("frame_count", len(weights))
    if count != len(weights):
        raise MotionError(f'{path} holds {len(weights)} frames, but "frame_count" says {count}.')
    head: Any = document.get("head_rotation")
    try:
        rate = parse_fps(document["fps"])
        return Motion(
            names=tuple(channels),
            weights=float_array(weights, "Weights"),
            fps=rate,
            head_rotation=no_head(count) if head is None else float_array(head, "Head rotation"),
        )
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error


def _write_rows(out: IO[str], key: str, rows: NDArray[np.float32]) -> None:
    out.write(f',\n "{key}": [')
    for i, row in enumerate(rows):
        # numpy spells a float32 with the fewest digits that read back as the same float32.
        out.write(("\n  [" if i == 0 else ",\n  [") + ", ".join(row.astype(str)) + "]")
    out.write("\n ]")
