"""Several faces in one picture."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.errors import RenderError, TrackingError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.portrait.group import GroupPictures, share_of
from dreamtalk_core.tracking.portrait import Portrait, read_portraits
from dreamtalk_core.tracking.video import read_image
from dreamtalk_core.warned import DreamTalkWarning

SIDE = 256


def two() -> np.ndarray:
    """The demo portrait and its mirror image, side by side [256, 512, 3]."""
    one = cv2.resize(read_image(DEMO_PORTRAIT), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.hstack([one, one[:, ::-1]])


class Box:
    """A face of which only the box is known."""

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.box, self.size = (left, top, right, bottom), max(right - left, bottom - top)


def test_what_is_nearer_to_a_face_is_its_own() -> None:
    one, other = Box(0, 0, 100, 100), Box(200, 0, 300, 100)
    line = np.column_stack([np.linspace(50, 250, 41), np.full(41, 50.0)])
    mine, theirs = (share_of(a, [b], line) for a, b in ((one, other), (other, one)))
    assert mine[0] == theirs[-1] == 1
    assert (np.diff(mine) <= 0).all()
    np.testing.assert_array_equal(mine * theirs, 0)
    np.testing.assert_allclose(theirs, mine[::-1], atol=1e-12)
    assert (share_of(one, [], line) == 1).all()
    larger = share_of(one, [Box(100, -100, 400, 200)], line)
    assert (larger <= mine).all(), "a larger one has more"


def moving(frames: int, jaw: float, fps: int = 25) -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    weights[-1, INDEX["jawOpen"]] = jaw
    return Motion(ARKIT_NAMES, weights, fps)


@cache
def found() -> list[Portrait]:
    portraits, faces = read_portraits(two(), [0, 1])
    assert [face.box[0] for face in faces] == sorted(face.box[0] for face in faces)
    return portraits


def pictures(*motions: Motion, of: tuple[int, ...] = (0, 1)) -> GroupPictures:
    faces = [one.face for one in found()]
    return GroupPictures(two(), [faces[i] for i in of], motions, faces)


@pytest.mark.slow
class TestTwoFaces:
    def test_no_motion_is_the_picture_bit_for_bit(self) -> None:
        with pytest.warns(DreamTalkWarning, match="same motion"):
            still = pictures(moving(2, 0.0), moving(2, 0.0))
        np.testing.assert_array_equal(still.draw(0), two())

    def test_each_moves_by_its_own_motion(self) -> None:
        both = pictures(moving(2, 0.0), moving(3, 0.6))
        assert len(both) == 3, "as long as the longest"
        moved = np.abs(both.draw(2).astype(int) - two())
        assert moved[:, : SIDE - 40].max() == 0, "the left one keeps still"
        assert moved[:, SIDE:].max() > 60, "the right one opens the mouth"

    def test_who_keeps_still_keeps_still(self) -> None:
        """A head that turns takes nothing of the face beside it along."""
        turned = Motion(ARKIT_NAMES, np.zeros((1, 52)), 25, np.array([[0.0, -14.0, 8.0]]))
        changed = (pictures(turned, of=(1,)).draw(0) != two()).any(-1)
        assert not changed[:, : SIDE - 12].any()
        assert changed[:, SIDE + 40 :].mean() > 0.3

    def test_mistakes(self) -> None:
        with pytest.raises(RenderError, match="25, 30"):
            pictures(moving(2, 0.0), moving(2, 0.1, 30))
        with pytest.raises(RenderError, match="2 faces and 1 motions"):
            pictures(moving(2, 0.0))
        with pytest.raises(TrackingError, match="chosen twice"):
            read_portraits(two(), [1, 1])
        with pytest.raises(TrackingError, match="but 2"):
            read_portraits(two(), [0, 2])
