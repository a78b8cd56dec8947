"""LAM JSON: what the avatars of LAM and OpenAvatarChat are driven by.

    {"names": [52], "metadata": {"fps": 30.0, "frame_count": 2, "blendshape_names": [52]},
     "frames": [{"weights": [52], "time": 0.0, "rotation": []}, ...]}

Frame i has the time i / fps. `rotation` is always empty there; a head that moves is in
`head_rotation` behind the frames, rows of pitch, yaw and roll in degrees as in our own JSON, and
how the motion was made in `provenance`. It holds the 52 ARKit shapes alone: the tongue's are left
out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._json import row_text
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.formats._take import take
from dreamtalk_core.motion.tongue import FACE_NAMES

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not such a file, or is damaged."""
    document = read_json(path, MotionError, "motion")
    try:
        names, frames = document["names"], document["frames"]
        weights = [frame["weights"] for frame in frames]
        about = document.get("metadata") or {}
        fps, count = about.get("fps"), about.get("frame_count", len(frames))
        times = None if fps is not None else [frame["time"] for frame in frames]
        head = document.get("head_rotation")
        if not isinstance(names, list) or not frames:
            raise TypeError
    except (AttributeError, KeyError, TypeError) as error:
        raise MotionError(
            f"{path} is no LAM JSON: names, and frames with their weights and times, must be in it."
        ) from error
    if count != len(frames):
        raise MotionError(f"{path} holds {len(frames)} frames, but its frame_count is another.")
    return take(path, names, weights, head, fps=fps, times=times, base=1, quantum=1e-3)


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion: the 52 ARKit shapes, or the names of a rig if it has those."""
    if set(motion.names) <= set(FACE_NAMES):
        motion = motion.to_arkit()
    names = list(motion.names)
    about = {"fps": float(motion.fps), "frame_count": len(motion), "blendshape_names": names}
    head: dict[str, Any] = {"names": names, "metadata": about}
    if provenance:
        head["provenance"] = dict(provenance)
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "frames": [')
        for i, row in enumerate(motion.weights):
            time = float(i / motion.fps)
            out.write("," if i else "")
            out.write(f'\n {{"weights": [{row_text(row)}], "time": {time}, "rotation": []}}')
        out.write("\n]")
        if motion.head_rotation.any():
            turns = ",\n ".join(f"[{row_text(row)}]" for row in motion.head_rotation)
            out.write(f', "head_rotation": [\n {turns}\n]')
        out.write("}\n")
