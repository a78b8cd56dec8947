"""Parts of a motion, and the same motion at another time."""

from __future__ import annotations

from math import ceil

import numpy as np

from dreamtalk_core.errors import MotionError, RenderError
from dreamtalk_core.motion.frame_rate import frame_count
from dreamtalk_core.motion.motion import Motion


def shift_motion(motion: Motion, seconds: float) -> Motion:
    """The same frames later, or earlier below 0; the first or the last one is held."""
    frames = round(seconds * motion.fps)
    rows = np.clip(np.arange(len(motion)) - frames, 0, len(motion) - 1)
    return Motion(motion.names, motion.weights[rows], motion.fps, motion.head_rotation[rows])


def frames_to_cut(motion: Motion, start: float, seconds: float) -> range:
    """The whole frames, at least one, that are so many seconds from `start` on; 0: all the rest.

    Raises MotionError if nothing is left.
    """
    first = round(start * motion.fps)
    last = first + frame_count(seconds, motion.fps) if seconds else len(motion)
    if first >= len(motion):
        raise MotionError(
            f"Nothing is left: this motion lasts {float(motion.duration):.2f} s, and is to begin "
            f"at {start:g} s. Begin earlier."
        )
    return range(first, min(last, len(motion)))


def frames_to_draw(motion: Motion, first: int, count: int) -> range:
    """So many frames from `first` on, as far as they go; 0: all the rest.

    Raises RenderError where the motion has none.
    """
    if first >= len(motion):
        raise RenderError(
            f"The motion has {len(motion)} frames, counted from 0: there is no frame {first}. "
            "Choose an earlier first frame."
        )
    return range(first, min(first + count, len(motion)) if count else len(motion))


def frames_to_show(motion: Motion, start: float, seconds: float) -> range:
    """The frames that are seen in so many seconds from `start` on, at least one; 0: all the rest.

    A start behind the end stands for the last frame.
    """
    first = min(int(start * motion.fps), len(motion) - 1)
    count = max(1, ceil(seconds * motion.fps)) if seconds else 0
    return frames_to_draw(motion, first, count)
