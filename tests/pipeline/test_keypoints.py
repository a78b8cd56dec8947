"""POSE_KEYPOINT and FACE_LANDMARKS: their structure, and that they say what the motion does."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.pipeline.keypoints import connection_sets, points_of
from dreamtalk_core.render.control.pictures import ControlPictures
from dreamtalk_core.render.control.points import seventy
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.tracking.foreign import track_landmarks
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.tracking.tracker import FaceTracker

HANDS = {"hand_left_keypoints_2d": 21, "hand_right_keypoints_2d": 21}


@pytest.fixture(scope="module")
def portrait() -> PortraitRenderer:
    found = read_portrait(DEMO_PORTRAIT)
    return PortraitRenderer(
        found.image, found.face.landmarks, found.face.matrix, found.face.weights
    )


def motion(frames: int = 30) -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = np.linspace(0, 0.6, frames)
    turn = np.zeros((frames, 3), np.float32)
    turn[:, 1] = np.linspace(-15, 15, frames)
    return Motion(ARKIT_NAMES, weights, Fraction(25), turn)


@pytest.mark.parametrize("of", ["portrait", "head"])
def test_structure(portrait: PortraitRenderer, of: str) -> None:
    drawn = ControlPictures(motion(), "dots", 320, portrait=portrait if of == "portrait" else None)
    poses, faces = points_of(drawn, range(3, 9))
    height, width = drawn.canvas
    assert len(poses) == len(faces["frames"]) == 6
    for pose in poses:
        assert (pose["canvas_height"], pose["canvas_width"]) == (height, width)
        (person,) = pose["people"]
        counts = {"pose_keypoints_2d": 18, "foot_keypoints_2d": 6, "face_keypoints_2d": 70, **HANDS}
        assert {name: len(values) for name, values in person.items()} == {
            name: 3 * count for name, count in counts.items()
        }
        assert all(type(value) is float for values in person.values() for value in values)
    first = np.array(poses[0]["people"][0]["face_keypoints_2d"]).reshape(70, 3)
    np.testing.assert_allclose(first[:, :2], seventy(drawn.landmarks(3)))
    body = np.array(poses[0]["people"][0]["pose_keypoints_2d"]).reshape(18, 3)
    # The pupils are the body's eyes.
    np.testing.assert_allclose(body[[14, 15], :2], first[68:, :2])
    assert faces["image_size"] == (height, width)
    (face,) = faces["frames"][0]
    np.testing.assert_allclose(face["landmarks_xy"], drawn.landmarks(3)[:, :2])
    assert face["landmarks_3d"].shape == (478, 3)
    assert set(face["blendshapes"]) == {"_neutral", *ARKIT_NAMES}
    assert face["bbox_xyxy"].shape == (4,)


def test_what_goes_out_comes_in_again(portrait: PortraitRenderer) -> None:
    given = motion()
    _, faces = points_of(ControlPictures(given, "dots", portrait=portrait), range(30))
    taken = track_landmarks(faces["frames"], 25).motion
    jaw = taken.channel("jawOpen") - given.channel("jawOpen")
    assert np.abs(jaw).max() < 0.02
    turn = taken.head_rotation - portrait.rig.angles - given.head_rotation
    assert np.abs(turn).max() < 0.5


def test_the_matrix_is_near_what_a_tracker_would_find(portrait: PortraitRenderer) -> None:
    """For a camera of the same angle, in centimetres."""
    drawn = ControlPictures(motion(1), "dots", portrait=portrait)
    _, faces = points_of(drawn, range(1))
    (face,) = faces["frames"][0]
    tracked = FaceTracker.load().face_of(portrait.image, drawn.landmarks(0))
    assert np.abs(face["transformation_matrix"][:3, 3] - tracked.matrix[:3, 3]).max() < 2
    assert abs(face["transformation_matrix"][2, 3] / tracked.matrix[2, 3] - 1) < 0.06


def test_lines_by_name() -> None:
    sets = connection_sets()
    for name in ("face_oval", "left_eye", "right_eye"):
        pairs = sets[name]
        assert {a for a, _ in pairs} == {b for _, b in pairs}, f"{name} is a ring"
    assert sets["contours"] < sets["all"]
    assert len(sets["irises"]) == 8
    assert all(0 <= a < 478 and 0 <= b < 478 for pairs in sets.values() for a, b in pairs)
