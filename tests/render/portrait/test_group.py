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
from dreamtalk_core.render.portrait.group import GroupPictures, _shares
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.tracking.portrait import Portrait, read_portraits
from dreamtalk_core.tracking.video import read_image
from dreamtalk_core.warned import DreamTalkWarning

SIDE = 256


def two() -> np.ndarray:
    """The demo portrait and its mirror image, side by side [256, 512, 3]."""
    one = cv2.resize(read_image(DEMO_PORTRAIT), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.hstack([one, one[:, ::-1]])


def test_shares_sum_up_to_one_and_each_face_is_its_own() -> None:
    boxes = [(10.0, 20.0, 50.0, 60.0), (90.0, 10.0, 150.0, 80.0), (160.0, 50.0, 180.0, 70.0)]
    total = np.zeros((100, 200, 1))
    for (left, top, right, bottom), (window, share) in zip(
        boxes, _shares(boxes, (100, 200)), strict=True
    ):
        whole = np.zeros_like(total)
        whole[window] = share
        total += whole
        middle = whole[round((top + bottom) / 2), round((left + right) / 2)]
        assert middle == 1
    np.testing.assert_allclose(total, 1, atol=1e-5)


def moving(frames: int, jaw: float, fps: int = 25) -> Motion:
    weights = np.zeros((frames, 52), np.float32)
    weights[-1, INDEX["jawOpen"]] = jaw
    return Motion(ARKIT_NAMES, weights, fps)


@cache
def found() -> list[Portrait]:
    portraits, faces = read_portraits(two(), [0, 1])
    assert [face.box[0] for face in faces] == sorted(face.box[0] for face in faces)
    return portraits


@cache
def drawn() -> list[PortraitRenderer]:
    return [
        PortraitRenderer(one.image, one.face.landmarks, one.face.matrix, one.face.weights)
        for one in found()
    ]


@pytest.mark.slow
class TestTwoFaces:
    def test_no_motion_is_the_picture_bit_for_bit(self) -> None:
        with pytest.warns(DreamTalkWarning, match="same motion"):
            pictures = GroupPictures(drawn(), [moving(2, 0.0)] * 2)
        np.testing.assert_array_equal(pictures.draw(0), two())

    def test_each_moves_by_its_own_motion(self) -> None:
        pictures = GroupPictures(drawn(), [moving(2, 0.0), moving(3, 0.6)])
        assert len(pictures) == 3, "as long as the longest"
        moved = np.abs(pictures.draw(2).astype(int) - two())
        assert moved[:, : SIDE - 40].max() == 0, "the left one keeps still"
        assert moved[:, SIDE:].max() > 60, "the right one opens the mouth"
        alone = drawn()[1].render(moving(1, 0.6).weights[0])
        middle = (slice(0, SIDE), slice(SIDE + 60, 2 * SIDE))
        assert np.abs(pictures.draw(2)[middle].astype(int) - alone[middle]).max() <= 1

    def test_who_keeps_still_keeps_still(self) -> None:
        """A head that turns takes nothing of the face beside it along."""
        turned = Motion(ARKIT_NAMES, np.zeros((1, 52)), 25, np.array([[0.0, -14.0, 8.0]]))
        boxes = [one.face.box for one in found()]
        pictures = GroupPictures(drawn()[1:], [turned], boxes)
        left, top, right, bottom = map(round, boxes[0])
        face = (slice(top, bottom), slice(left, right))
        np.testing.assert_array_equal(pictures.draw(0)[face], two()[face])

    def test_mistakes(self) -> None:
        with pytest.raises(RenderError, match="25, 30"):
            GroupPictures(drawn(), [moving(2, 0.0), moving(2, 0.1, 30)])
        with pytest.raises(RenderError, match="2 faces and 1 motions"):
            GroupPictures(drawn(), [moving(2, 0.0)])
        with pytest.raises(TrackingError, match="chosen twice"):
            read_portraits(two(), [1, 1])
        with pytest.raises(TrackingError, match="but 2"):
            read_portraits(two(), [0, 2])
