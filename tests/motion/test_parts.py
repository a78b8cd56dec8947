"""Which frames belong to a part, and motions that come later."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dreamtalk_core.errors import MotionError, RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.parts import (
    frames_to_cut,
    frames_to_draw,
    frames_to_show,
    shift_motion,
)

NTSC = Fraction(24000, 1001)


def ramp(frames: int, fps: int | Fraction = 25) -> Motion:
    """One curve that rises frame by frame, and a head that turns with it."""
    rise = np.linspace(0, 1, frames, dtype=np.float32)
    return Motion(("jawOpen",), rise[:, None], Fraction(fps), rise[:, None].repeat(3, 1))


@pytest.mark.parametrize("seconds", [0.2, -0.2, 0.0, 9.0, -9.0])
def test_frames_come_later_or_earlier(seconds: float) -> None:
    motion = ramp(50)
    moved = shift_motion(motion, seconds)
    rows = np.clip(np.arange(50) - round(seconds * 25), 0, 49)
    np.testing.assert_array_equal(moved.weights, motion.weights[rows])
    np.testing.assert_array_equal(moved.head_rotation, motion.head_rotation[rows])
    assert moved.fps == motion.fps


@pytest.mark.parametrize(
    ("start", "seconds", "frames"),
    [
        (0.0, 0.0, range(50)),
        (0.0, 9.0, range(50)),
        (0.4, 1.0, range(10, 35)),
        (1.0, 0.0, range(25, 50)),
        (1.5, 9.0, range(38, 50)),
        (0.4, 0.001, range(10, 11)),
    ],
)
def test_a_cut_is_in_whole_frames(start: float, seconds: float, frames: range) -> None:
    assert frames_to_cut(ramp(50), start, seconds) == frames


def test_a_cut_at_an_uneven_rate() -> None:
    assert frames_to_cut(ramp(100, NTSC), 2.0, 1.0) == range(48, 72)


def test_nothing_is_left_to_cut() -> None:
    with pytest.raises(MotionError, match=r"lasts 2\.00 s, and is to begin at 3 s. Begin earlier"):
        frames_to_cut(ramp(50), 3.0, 0.0)


def test_frames_to_draw() -> None:
    motion = ramp(50)
    assert frames_to_draw(motion, 0, 0) == range(50)
    assert frames_to_draw(motion, 10, 5) == range(10, 15)
    assert frames_to_draw(motion, 48, 5) == range(48, 50)
    with pytest.raises(RenderError, match="has 50 frames, counted from 0: there is no frame 50"):
        frames_to_draw(motion, 50, 1)


def test_frames_to_show() -> None:
    motion = ramp(50)
    assert frames_to_show(motion, 0.0, 0.0) == range(50)
    assert frames_to_show(motion, 0.4, 1.0) == range(10, 35)
    assert frames_to_show(motion, 0.43, 0.01) == range(10, 11)
    assert frames_to_show(motion, 60.0, 1.0) == range(49, 50), "the last frame, rather than none"
