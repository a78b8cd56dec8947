"""A motion under the names of another rig: of a scheme, or of a mapping's file."""

from __future__ import annotations

from pathlib import Path

from dreamtalk_core.errors import MotionError, shown
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget.mapping import Mapping
from dreamtalk_core.retarget.matching import scheme_mapping
from dreamtalk_core.retarget.presets import read_preset
from dreamtalk_core.retarget.schemes import SCHEMES


def find_mapping(scheme: str) -> Mapping:
    """The mapping of a scheme by its key, or that in a file. Raises `MotionError` for neither."""
    if scheme in SCHEMES:
        return scheme_mapping(scheme)
    path = Path(scheme)
    if not path.is_file():
        raise MotionError(
            f"There is no scheme or mapping file {shown(scheme)}. There are the schemes "
            f"{', '.join(SCHEMES)}."
        )
    return read_preset(path)


def renamed(motion: Motion, scheme: str) -> Motion:
    """The motion over the channels of a rig, see `find_mapping`.

    Raises `MotionError` for a motion without ARKit shapes too.
    """
    if not set(motion.names) & set(FACE_NAMES):
        raise MotionError(
            "There are no ARKit shapes that could be put under other names, but "
            f"{', '.join(motion.names[:3])}. Leave the scheme out."
        )
    return find_mapping(scheme).apply(motion)
