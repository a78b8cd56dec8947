"""Performances that another program has tracked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import StyleError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.pipeline.landmarks import landmark_motion


def tracked(left: float, size: float, opening: float, roll: float = 0.0) -> dict[str, Any]:
    """A face of a size at a place, as MediaPipe tells of it."""
    angle = np.radians(roll)
    matrix = np.eye(4)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return {
        "bbox_xyxy": np.array([left, 0, left + size, size]),
        "blendshapes": {"_neutral": 0.0, "jawOpen": opening, "mouthSmileLeft": 1.1},
        "transformation_matrix": matrix,
    }


def speaking(frames: int) -> list[float]:
    return list(0.3 + 0.3 * np.sin(np.arange(frames)))


def test_the_largest_face_and_those_from_the_left() -> None:
    opening = speaking(75)
    frames = [[tracked(50, 90, jaw, 10), tracked(0, 20, 0.0)] for jaw in opening]
    motion = landmark_motion(frames, 25)
    assert motion.names == ARKIT_NAMES
    assert motion.fps == 25
    np.testing.assert_allclose(motion.channel("jawOpen"), opening, atol=0.02)
    np.testing.assert_allclose(motion.head_rotation[:, 2], 10, atol=1e-4)
    assert motion == landmark_motion(frames, 25, face=2)
    assert not landmark_motion(frames, 25, face=1).channel("jawOpen").any()
    with pytest.raises(StyleError, match="There is no face in these landmarks"):
        landmark_motion(frames, 25, face=3)


def test_frames_without_a_face_are_left_out() -> None:
    opening = speaking(100)
    frames: list[list[dict[str, Any]]] = [[tracked(0, 20, jaw)] for jaw in opening]
    frames[40:44] = [[]] * 4
    motion = landmark_motion(frames, 25)
    assert len(motion) == 96
    seen = [*opening[:40], *opening[44:]]
    assert np.abs(motion.channel("jawOpen") - seen).max() < 0.05


def test_the_resting_face_is_taken_off() -> None:
    frames = [[tracked(0, 20, jaw)] for jaw in speaking(75)]
    rest = Motion(("mouthSmileLeft",), np.full((1, 1), 0.4, np.float32), 25)
    smile = landmark_motion(frames, 25, neutral=rest).channel("mouthSmileLeft")
    np.testing.assert_allclose(smile, 0.6, atol=1e-6)


def test_a_second_is_needed() -> None:
    with pytest.raises(StyleError, match="at least 1 s of a face"):
        landmark_motion([[tracked(0, 20, 0.0)]] * 20, 25)
