"""Control pictures of several people in one picture, against those of each by itself."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.pipeline.keypoints import points_of
from dreamtalk_core.render.control.group import GroupControls
from dreamtalk_core.render.control.pictures import IDENTITIES, ControlPictures, Masked
from dreamtalk_core.render.portrait.group import GroupPictures
from dreamtalk_core.tracking.portrait import read_portraits
from dreamtalk_core.tracking.video import read_image

pytestmark = pytest.mark.slow

SIDE = 192


@cache
def group() -> GroupPictures:
    """The demo portrait and its mirror image, side by side; the second one speaks longer."""
    one = cv2.resize(read_image(DEMO_PORTRAIT), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    two = np.hstack([one, one[:, ::-1]])
    portraits, faces = read_portraits(two, [0, 1])
    motions = []
    for frames, jaw in ((2, 0.3), (3, 0.6)):
        weights = np.zeros((frames, 52), np.float32)
        weights[-1, INDEX["jawOpen"]] = jaw
        motions.append(Motion(ARKIT_NAMES, weights, Fraction(25)))
    return GroupPictures(two, [one.face for one in portraits], motions, faces)


def alone(number: int, kind: str, masked: Masked) -> ControlPictures:
    motion, portrait = group().motions[number], group().portraits[number]
    return ControlPictures(motion, kind, portrait=portrait, masked=replace(masked, person=number))


@pytest.mark.parametrize("kind", ["mesh", "dots", "depth", "normals"])
def test_everybody_is_drawn_as_by_themselves(kind: str) -> None:
    masked = Masked("face")
    picture, mask = GroupControls(kind, group(), masked).masked(2)
    assert picture.shape == (SIDE, 2 * SIDE, 3)
    for number, frame in ((0, 1), (1, 2)):
        own, own_mask = alone(number, kind, masked).masked(frame)
        half = slice(0, SIDE - 30) if number == 0 else slice(SIDE + 30, None)
        # A wisp of the one may be made out beside the other.
        assert (picture[:, half] != own[:, half]).mean() < 0.01
        np.testing.assert_array_equal(mask[:, half], own_mask[:, half])
        assert own_mask[:, half].max() == 255


def test_each_has_a_colour_and_a_place() -> None:
    drawn = GroupControls("person", group()).draw(0)
    colours, counts = np.unique(drawn.reshape(-1, 3), axis=0, return_counts=True)
    assert {tuple(map(int, one)) for one in colours} == {(0, 0, 0), *IDENTITIES[:2]}
    assert counts.min() > 0.2 * SIDE * SIDE
    for number, colour in enumerate(IDENTITIES[:2]):
        place = np.nonzero((drawn == colour).all(-1))[1].mean()
        assert abs(place - SIDE * (number + 0.5)) < 0.15 * SIDE


def test_the_mask_of_one() -> None:
    left, right, both = (
        GroupControls("dots", group(), Masked("person"), only).masked(0)[1] for only in (0, 1, None)
    )
    np.testing.assert_array_equal(np.maximum(left, right), both)
    assert not ((left > 127) & (right > 127)).any(), "nobody is at the place of another"
    assert np.nonzero(left > 127)[1].mean() < SIDE < np.nonzero(right > 127)[1].mean()


def test_a_composite_is_the_group_with_holes() -> None:
    masked = Masked("mouth", 2)
    picture, mask = GroupControls("composite", group(), masked).masked(2)
    outside = mask == 0
    np.testing.assert_array_equal(picture[outside], group().draw(2)[outside])
    assert (picture[mask == 255] == 128).all()
    assert (mask[:, :SIDE] == 255).any()
    assert (mask[:, SIDE:] == 255).any()


def test_points_of_both() -> None:
    poses, faces = points_of(GroupControls("dots", group()), range(3))
    assert len(poses) == len(faces["frames"]) == 3
    for pose, seen in zip(poses, faces["frames"], strict=True):
        assert len(pose["people"]) == len(seen) == 2
        places = [
            np.reshape(one["face_keypoints_2d"], (70, 3)).mean(0)[0] for one in pose["people"]
        ]
        assert places[0] < SIDE < places[1]
        jaws = [face["blendshapes"]["jawOpen"] for face in seen]
    assert jaws == pytest.approx([0.3, 0.6]), "who is done holds the last frame"


def test_mistakes() -> None:
    with pytest.raises(RenderError, match="crop of one face"):
        GroupControls("face", group())
    with pytest.raises(RenderError, match="face 3"):
        GroupControls("dots", group(), only=2)
