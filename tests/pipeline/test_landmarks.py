"""Performances that another program has tracked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from dreamtalk_core.errors import NoFaceError, StyleError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.pipeline.landmarks import landmark_motion
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.tracking.foreign import foreign_face
from dreamtalk_core.tracking.tracker import Face


def tracked(left: float, size: float, opening: float, roll: float = 0.0) -> dict[str, Any]:
    """A face of a size at a place, as MediaPipe tells of it."""
    matrix = np.eye(4, dtype=np.float32)
    matrix[:3, :3] = rotation_matrix([0, 0, roll])
    rest = load_template().rest * np.array([1, -1, -1], np.float32)
    points = (rest - rest.min(0)) / np.ptp(rest, axis=0).max() * size + [left, 0, 0]
    weights = np.zeros(len(ARKIT_NAMES), np.float32)
    weights[[INDEX["jawOpen"], INDEX["mouthSmileLeft"]]] = opening, 1.1
    return foreign_face(Face(points.astype(np.float32), weights, matrix, 0.9))


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
    with pytest.raises(NoFaceError, match="no such face in these 75 frames"):
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
