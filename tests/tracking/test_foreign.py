"""FACE_LANDMARKS, made of what our own tracker finds and read again."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.errors import TrackingError
from dreamtalk_core.tracking.foreign import face_of, foreign_face, track_landmarks
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import Face


@pytest.fixture(scope="module")
def face() -> Face:
    return read_portrait(DEMO_PORTRAIT).face


def moved(face: Face, right: float, jaw: float = 0.0) -> Face:
    weights = face.weights.copy()
    weights[17] = jaw
    points = face.landmarks + np.array([right, 0, 0], np.float32)
    return Face(points, weights, face.matrix, face.score)


def test_round_trip(face: Face) -> None:
    back = face_of(foreign_face(face))
    np.testing.assert_allclose(back.landmarks, face.landmarks, atol=0.01)
    np.testing.assert_array_equal(back.weights, face.weights)
    np.testing.assert_array_equal(back.head_rotation, face.head_rotation)
    assert back.score == pytest.approx(face.score)


def test_depth_is_told_in_pixels_of_the_picture_even_of_a_face_that_leans(face: Face) -> None:
    """The network sees a head upright that leans in the picture."""
    given = foreign_face(face)
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    given["landmarks_3d"][:, :2] = given["landmarks_3d"][:, :2] @ turn.T
    np.testing.assert_allclose(face_of(given).landmarks[:, 2], face.landmarks[:, 2], atol=0.01)


def test_one_face_is_followed_and_its_gaps_are_bridged(face: Face) -> None:
    """The order of the faces in a frame says nothing: the one that was chosen is gone on with."""
    frames = []
    for at in range(30):
        both = [moved(face, 0, 0.2), moved(face, 600, 0.7)]
        frames.append([foreign_face(one) for one in both[:: 1 if at % 2 else -1]])
    frames[10:13] = [[]] * 3
    right = track_landmarks(frames, 25, choice=1)
    assert len(right.motion) == 30
    np.testing.assert_allclose(right.motion.channel("jawOpen"), 0.7, atol=1e-4)
    assert (right.confidence > 0).sum() == 27
    assert not right.lost
    left = track_landmarks(frames, "30000/1001", choice=0)
    np.testing.assert_allclose(left.motion.channel("jawOpen"), 0.2, atol=1e-4)
    np.testing.assert_allclose(left.motion.head_rotation[4], face.head_rotation, atol=1e-3)


@pytest.mark.parametrize("key", ["landmarks_xy", "landmarks_3d", "blendshapes"])
def test_other_landmarks(face: Face, key: str) -> None:
    given = foreign_face(face)
    del given[key]
    with pytest.raises(TrackingError, match="Give what ComfyUI's own node finds"):
        track_landmarks([[given]], 25)
    given = foreign_face(face)
    given["landmarks_xy"] = given["landmarks_xy"][:468]
    given["landmarks_3d"] = given["landmarks_3d"][:468]
    with pytest.raises(TrackingError, match=r"478 landmarks.*not \[468, 3\]"):
        track_landmarks([[given]], 25)
    with pytest.raises(TrackingError, match="no such face"):
        track_landmarks([[], []], 25)
