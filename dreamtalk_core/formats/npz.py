"""Numpy archive of a motion: exact, compact, quick to read.

Arrays: `format` ("dreamtalk-motion"), `version` (1), `names` [C] text, `fps` text
"numerator/denominator", `weights` float32 [T, C], `head_rotation` float32 [T, 3] in degrees
(pitch, yaw, roll); maybe `provenance`, JSON text of how it was made. Nothing in it is pickled,
and nothing pickled is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats._content import Content
from dreamtalk_core.formats._limits import MOST_CHANNELS, check_count, parse_json, read_arrays
from dreamtalk_core.formats._take import rate_text

if TYPE_CHECKING:
    from dreamtalk_core.formats import Provenance
    from dreamtalk_core.motion import Motion

FORMAT = "dreamtalk-motion"
VERSION = 1
_KEYS = ("names", "fps", "weights", "head_rotation")
_PROVENANCE = "provenance"


def read(path: Path) -> Content:
    """Read a motion. Raises `MotionError` if it is not such an archive, or is damaged."""
    content = read_archive(path, FORMAT, VERSION, _KEYS, (_PROVENANCE,))
    check_count(content["names"].size, MOST_CHANNELS, path, "channels", MotionError)
    names = tuple(str(name) for name in content["names"].flat)
    made = content.get(_PROVENANCE)
    provenance = None if made is None else parse_json(str(made), str(path), MotionError)
    head = content["head_rotation"]
    return Content(names, content["weights"], str(content["fps"]), head, provenance)


def read_archive(
    path: Path, form: str, version: int, keys: Sequence[str], more: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """Arrays of an archive that has a format and a version written in it. more: keys it may have.

    Raises `MotionError` if it is no archive, damaged, of another format or version, or lacks a key.
    """
    wanted = ("format", "version", *keys)
    content = read_arrays(path, MotionError, (*wanted, *more))
    missing = [key for key in wanted if key not in content]
    if missing or str(content["format"]) != form:
        what = f"it lacks {', '.join(missing)}" if missing else f"its format is not {form}"
        raise MotionError(f"{path} is not a {form.replace('dreamtalk-', 'DreamTalk ')}: {what}.")
    if str(content["version"]) != str(version):
        raise MotionError(
            f"{path} has version {shown(content['version'], 40)}; this program reads version "
            f"{version}. Update it, or save it again."
        )
    return content


def write(path: Path, motion: Motion, provenance: Provenance | None = None) -> None:
    """Write a motion."""
    content: dict[str, Any] = {
        "format": np.array(FORMAT),
        "version": np.array(VERSION),
        "names": np.array(motion.names),
        "fps": np.array(rate_text(motion.fps)),
        "weights": motion.weights,
        "head_rotation": motion.head_rotation,
    }
    if provenance:
        content[_PROVENANCE] = np.array(json.dumps(dict(provenance)))
    # Through a stream, because numpy adds .npz to names that end in, say, .NPZ.
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **content)
