"""Audio2Face JSON: what NVIDIA's Audio2Face exports, and its importers in Unreal and Maya read.

    {"exportFps": 30.0, "trackPath": "", "numPoses": 52, "numFrames": 2,
     "facsNames": ["eyeBlinkLeft", ...], "weightMat": [[0.0, ...], ...]}

`weightMat` has a row for every frame, frame i being shown from i / exportFps. The format has no
head; we put `head_rotation` beside it, rows of pitch, yaw and roll in degrees as in our own JSON,
and `provenance`. Whoever does not know them leaves them alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._json import read_members, write_members
from dreamtalk_core.formats._take import take

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not such a file, or is damaged."""
    document = read_members(path, ("weightMat", "head_rotation"))
    names, weights = document.get("facsNames"), document.get("weightMat")
    if not isinstance(names, list) or weights is None or "exportFps" not in document:
        raise MotionError(
            f"{path} is no Audio2Face JSON: exportFps, facsNames and weightMat must be in it."
        )
    count = document.get("numFrames", len(weights))
    if count != len(weights):
        raise MotionError(
            f"{path} holds {len(weights)} frames, but numFrames says {shown(count, 40)}."
        )
    return take(path, names, weights, document.get("head_rotation"), fps=document["exportFps"])


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion, under the names that it has."""
    head: dict[str, Any] = {
        "exportFps": float(motion.fps),
        "trackPath": "",
        "numPoses": len(motion.names),
        "numFrames": len(motion),
        "facsNames": list(motion.names),
    }
    if provenance:
        head["provenance"] = dict(provenance)
    tables = {"weightMat": motion.weights}
    if motion.head_rotation.any():
        tables["head_rotation"] = motion.head_rotation
    write_members(path, head, tables)
