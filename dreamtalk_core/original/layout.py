"""The columns of the original's faces, and poses of a head."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

FPS = 25
EXPRESSION = 64
POSE = 9
"""Columns of a pose: angle 3, translation 3, crop 3."""
STILL_CROP = (0.9370641, 126.84911, 129.03864)
"""The crop of a head that does not move, in the public code."""

Array = NDArray[np.float32]
Extension = Literal["mirror", "loop"]
"""How a pose goes on behind its end: back and forth, or again from its start."""


def still_pose(frames: int) -> Array:
    """The pose [frames, 9] of a head that does not move."""
    row = np.array([*([0.0] * 6), *STILL_CROP], np.float32)
    return np.repeat(row[None], frames, axis=0)


def extended_pose(pose: Array, frames: int, extension: Extension = "mirror") -> Array:
    """A pose [P, 9] cut or extended to [frames, 9]: back and forth, or again from its start.

    Mirrored it never jumps; looped it does, unless the clip ends as it began.
    """
    index = np.arange(frames)
    if extension == "loop" or len(pose) == 1:
        return pose[index % len(pose)]
    turn = len(pose) - 1
    return pose[turn - np.abs(index % (2 * turn) - turn)]
