"""TalkingHead `anim`: the animation that `speakAudio` of the browser library TalkingHead takes.

    {"name": "DreamTalk", "dt": [20.0, 40.0, ...], "vs": {"jawOpen": [0.1, ...], ...,
     "headRotateX": [0.0, ...]}}

`dt` are milliseconds between values, the first from the start of the sound: half a frame, since
frame i of a motion is the instant (i + 0.5) / fps. `vs` has a curve for every channel that moves;
the head's are radians about x (down), y (to the character's left) and z, turned about z first, as
three.js does. Behind them is `provenance`, which the library does not look at. When read, null
holds the value before; what is random there is refused.
"""

from __future__ import annotations

import json
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._json import row_text
from dreamtalk_core.formats._limits import read_json
from dreamtalk_core.formats._take import take
from dreamtalk_core.motion.rotation import rotation_angles, rotation_matrix

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

_HEAD = ("headRotateX", "headRotateY", "headRotateZ")
_ORDER = "ZYX"


def read(path: Path) -> Content:
    """Read a motion; the animation may be the member `anim` of another object.

    Raises `MotionError` if it is not such a file, or has values that are no numbers.
    """
    document = read_json(path, MotionError, "motion")
    try:
        anim = document.get("anim", document)
        steps = [float(step) for step in anim["dt"]]
        curves = {name: _held(values) for name, values in anim["vs"].items()}
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise MotionError(
            f"{path} is no TalkingHead animation of fixed values: dt must be a list of "
            "milliseconds, and vs lists of numbers."
        ) from error
    if not steps or any(len(values) != len(steps) for values in curves.values()):
        raise MotionError(f"The curves in {path} must all be as long as dt. It may be cut off.")
    turns = np.zeros((len(steps), 3))
    for axis, name in enumerate(_HEAD):
        if name in curves:
            turns[:, axis] = curves.pop(name)
    if not np.isfinite(turns).all() or not curves:
        raise MotionError(f"{path} has no curve of a face, or a head turned by what is no number.")
    head = rotation_angles(rotation_matrix(np.degrees(turns), _ORDER))
    times = list(accumulate(steps))
    table = np.array(list(curves.values()), np.float64).T
    return take(path, list(curves), table, head, times=times, quantum=1e-3)


def _held(values: list[Any]) -> list[float]:
    """Numbers, where null is what was there before."""
    found: list[float] = []
    for value in values:
        found.append((found[-1] if found else 0.0) if value is None else float(value))
    return found


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion, under the names that it has."""
    frame = 1000 / float(motion.fps)
    turns = np.radians(rotation_angles(rotation_matrix(motion.head_rotation), _ORDER))
    moving = {
        name: motion.weights[:, i]
        for i, name in enumerate(motion.names)
        if motion.weights[:, i].any() or name == "jawOpen"
    }
    if motion.head_rotation.any():
        moving |= dict(zip(_HEAD, turns.astype(np.float32).T, strict=True))
    steps = ", ".join([str(frame / 2), *[str(frame)] * (len(motion) - 1)])
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as out:
        out.write(f'{{"name": "DreamTalk",\n"dt": [{steps}],\n"vs": {{')
        for i, (name, values) in enumerate(moving.items()):
            comma = "," if i else ""
            out.write(f"{comma}\n {json.dumps(name, ensure_ascii=False)}: [{row_text(values)}]")
        out.write("\n}")
        if provenance:
            out.write(f',\n"provenance": {json.dumps(dict(provenance), ensure_ascii=False)}')
        out.write("}\n")
