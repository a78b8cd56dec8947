"""Numpy archive of a motion: exact, compact, quick to read.

Arrays: `format` ("dreamtalk-motion"), `version` (1), `names` [C] text, `fps` text
"numerator/denominator", `weights` float32 [T, C], `head_rotation` float32 [T, 3] in degrees
(pitch, yaw, roll). Nothing in it is pickled, and nothing pickled is read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import MotionError
from dreamtalk_core.files import atomic_write
from dreamtalk_core.motion import Motion, parse_fps

FORMAT = "dreamtalk-motion"
VERSION = 1
_ARRAY = b"\x93NUMPY"
_KEYS = ("names", "fps", "weights", "head_rotation")


def read(path: Path) -> Motion:
    """Read a motion. Raises `MotionError` if it is not such an archive, or is damaged."""
    content = read_archive(path, FORMAT, VERSION, _KEYS)
    try:
        names = tuple(str(name) for name in np.atleast_1d(content["names"]))
        rate = parse_fps(str(content["fps"]))
        return Motion(names, content["weights"], rate, content["head_rotation"])
    except MotionError as error:
        raise MotionError(f"{path}: {error}") from error


def read_archive(
    path: Path, form: str, version: int, keys: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Arrays of an archive that has a format and a version written in it.

    Raises `MotionError` if it is no archive, damaged, of another format or version, or lacks a key;
    OSError if it cannot be opened.
    """
    wanted = ("format", "version", *keys)
    try:
        with path.open("rb") as stream:
            if stream.read(len(_ARRAY)) == _ARRAY:
                raise MotionError(f"{path} holds a bare array; a motion is an .npz archive.")
            # Asked here, because numpy would take any other file for a pickle.
            if not zipfile.is_zipfile(stream):
                raise MotionError(f"{path} is not a numpy archive, or is damaged: no zip file.")
            stream.seek(0)
            archive = np.load(stream, allow_pickle=False)
            content = {key: archive[key] for key in wanted if key in archive.files}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise MotionError(f"{path} is not a numpy archive, or is damaged: {error}.") from error
    missing = [key for key in wanted if key not in content]
    if missing or str(content["format"]) != form:
        what = f"it lacks {', '.join(missing)}" if missing else f"its format is not {form}"
        raise MotionError(f"{path} is not a {form.replace('dreamtalk-', 'DreamTalk ')}: {what}.")
    if str(content["version"]) != str(version):
        raise MotionError(
            f"{path} has version {content['version']}; this program reads version {version}. "
            "Update it, or save it again."
        )
    return content


def write(path: Path, motion: Motion) -> None:
    """Write a motion."""
    # Through a stream, because numpy adds .npz to names that end in, say, .NPZ.
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(
            stream,
            format=np.array(FORMAT),
            version=np.array(VERSION),
            names=np.array(motion.names),
            fps=np.array(f"{motion.fps.numerator}/{motion.fps.denominator}"),
            weights=motion.weights,
            head_rotation=motion.head_rotation,
        )
