"""Kinds that are made of pictures: the face itself, the composite, who is who."""

from __future__ import annotations

import warnings
from fractions import Fraction
from time import process_time

import cv2
import numpy as np
import pytest

from dreamtalk_core.assets import DEMO_PORTRAIT
from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.render.control.crop import face_box
from dreamtalk_core.render.control.pictures import (
    IDENTITIES,
    INSIDE,
    MOST_GROWN,
    ControlPictures,
    Masked,
)
from dreamtalk_core.render.control.points import seventy
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.template import load_template
from dreamtalk_core.tracking.portrait import read_portrait
from dreamtalk_core.warned import DreamTalkWarning


@pytest.fixture(scope="module")
def portrait() -> PortraitRenderer:
    found = read_portrait(DEMO_PORTRAIT)
    return PortraitRenderer(
        found.image, found.face.landmarks, found.face.matrix, found.face.weights
    )


@pytest.fixture(scope="module")
def motion() -> Motion:
    weights = np.zeros((2, 52), np.float32)
    weights[1, INDEX["jawOpen"]] = 0.5
    return Motion(ARKIT_NAMES, weights, Fraction(25), np.array([[0, 0, 0], [0, 12, 0]], "f"))


def test_the_face_is_cut_out_of_the_portrait_that_speaks(
    portrait: PortraitRenderer, motion: Motion
) -> None:
    drawn = ControlPictures(motion, "face", portrait=portrait, masked=Masked("face"))
    assert drawn.size == (512, 512)
    boxes = [face_box(seventy(drawn.landmarks(at)), 768, 768) for at in range(2)]
    assert boxes[0] != boxes[1], "the box moves"
    for at, (left, top, right, bottom) in enumerate(boxes):
        picture, mask = drawn.masked(at)
        assert picture.shape == (512, 512, 3)
        assert mask.shape == (512, 512)
        whole = portrait.render(motion.weights[at], motion.head_rotation[at])
        corner = whole[top, left].astype(int)
        assert np.abs(picture[0, 0] - corner).max() <= 40
        small = picture.reshape(8, 64, 8, 64, 3).mean((1, 3))
        rows = np.array_split(np.arange(top, bottom), 8)
        columns = np.array_split(np.arange(left, right), 8)
        expected = [[whole[np.ix_(r, c)].mean((0, 1)) for c in columns] for r in rows]
        assert np.abs(small - expected).mean() < 2
        assert 0.5 < mask.mean() / 255 < 0.95
    head = ControlPictures(motion, "face", 256)
    assert head.draw(0).shape == (512, 512, 3)


@pytest.mark.parametrize("part", ["mouth", "face", "person"])
def test_a_composite_is_the_picture_but_for_the_mask(
    portrait: PortraitRenderer, motion: Motion, part: str
) -> None:
    masked = Masked(part, grow=4)
    picture, mask = ControlPictures(motion, "composite", portrait=portrait, masked=masked).masked(1)
    whole = portrait.render(motion.weights[1], motion.head_rotation[1])
    assert (picture[mask == 0] == whole[mask == 0]).all()
    assert (picture[mask == 255] == 128).all()
    plain = ControlPictures(motion, "composite", portrait=portrait, masked=Masked(part)).masked(1)[
        1
    ]
    assert (mask >= plain).all()
    assert mask.sum() > plain.sum()


def test_another_control_may_be_inside(portrait: PortraitRenderer, motion: Motion) -> None:
    for inside in INSIDE[1:]:
        masked = Masked("face", inside=inside)
        picture, mask = ControlPictures(
            motion, "composite", portrait=portrait, masked=masked
        ).masked(1)
        control = ControlPictures(motion, inside, portrait=portrait).draw(1)
        assert (picture[mask == 255] == control[mask == 255]).all()


def test_who_is_who(portrait: PortraitRenderer, motion: Motion) -> None:
    """Pure colours, in SCAIL-2's order: its node asks whether a channel is above 225."""
    named = ["blue", "red", "green", "magenta", "cyan", "yellow"]
    assert len(IDENTITIES) == len(named)
    assert IDENTITIES[0] == (0, 0, 255)
    for number in (0, 1, 3, 6):
        masked = Masked("person", person=number)
        picture, mask = ControlPictures(motion, "person", portrait=portrait, masked=masked).masked(
            0
        )
        assert {tuple(p) for p in picture.reshape(-1, 3)} == {(0, 0, 0), IDENTITIES[number % 6]}
        assert ((picture.max(-1) > 0) == (mask > 127)).mean() > 0.999


def test_what_there_is_not() -> None:
    for wrong in ({"part": "nose"}, {"inside": "sky"}, {"grow": -1}, {"grow": MOST_GROWN + 1}):
        with pytest.raises(RenderError, match=r"Choose from|grows by 0"):
            Masked(**wrong)  # type: ignore[arg-type]


LIPS = [61, 291, 13, 14, 0, 17]
"""Corners, and upper and lower lip, within and without."""


def moments(turn: tuple[float, float, float]) -> Motion:
    """A mouth that is shut, and one that is wide open."""
    weights = np.zeros((2, 52), np.float32)
    weights[1, INDEX["jawOpen"]] = 0.7
    return Motion(ARKIT_NAMES, weights, Fraction(25), np.array([turn, turn], np.float32))


@pytest.mark.parametrize("turn", [(0, 0, 0), (0, 35, 0), (25, -45, 30)])
def test_controls_lie_on_the_portrait_however_far_it_turns(
    portrait: PortraitRenderer, turn: tuple[float, float, float]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DreamTalkWarning)
        drawn = ControlPictures(moments(turn), "mouth", portrait=portrait, masked=Masked("mouth"))
    shut, opened = (portrait.render(w, turn) for w in moments(turn).weights)
    mesh = portrait.vertices(moments(turn).weights[1], turn)[:, :2]
    mouth = np.zeros(shut.shape[:2], np.uint8)
    cv2.fillPoly(mouth, [np.rint(mesh[load_template().mouth_loop]).astype(np.int32)], 1)
    differs = (mouth > 0) & (np.abs(opened.astype(int) - shut).max(-1) > 30)
    assert differs.sum() > 0.5 * mouth.sum() > 300
    _, mask = drawn.masked(1)
    assert (mask > 127)[differs].mean() > 0.9
    away = drawn.landmarks(0)[LIPS, :2] - portrait.vertices(np.zeros(52), turn)[LIPS, :2] - 0.5
    assert np.linalg.norm(away, axis=1).max() < 2


def test_landmarks_are_where_the_tracker_sees_them_in_the_picture(
    portrait: PortraitRenderer,
) -> None:
    turn = (0, 35, 0)
    with pytest.warns(DreamTalkWarning, match="turns by"):
        drawn = ControlPictures(moments(turn), "dots", portrait=portrait)
    seen = read_portrait(portrait.render(np.zeros(52), turn)).face.landmarks
    assert np.median(np.linalg.norm((drawn.landmarks(0) - seen)[:, :2], axis=1)) < 3


def test_control_pictures_warn_of_turns_that_are_eased(portrait: PortraitRenderer) -> None:
    with pytest.warns(DreamTalkWarning, match="turns by up to 35 degrees") as caught:
        drawn = ControlPictures(moments((0, 35, 0)), "dots", portrait=portrait)
    assert len(caught) == 1
    drawn_at = drawn.angles(0) - portrait.rig.angles
    np.testing.assert_allclose(drawn_at, portrait.eased((0, 35, 0)), atol=1e-4)


@pytest.mark.parametrize("grow", [1, 7, 40])
def test_a_mask_grows_by_a_disc(portrait: PortraitRenderer, motion: Motion, grow: int) -> None:
    plain, mask = (
        ControlPictures(motion, "dots", portrait=portrait, masked=Masked("mouth", by)).masked(1)[1]
        for by in (0, grow)
    )
    y, x = np.mgrid[-grow : grow + 1, -grow : grow + 1]
    disc = (np.hypot(x, y) <= grow).astype(np.uint8)
    expected = cv2.dilate((plain > 127).astype(np.uint8), disc) > 0
    assert (mask[expected] == 255).all()
    beyond = cv2.dilate(expected.astype(np.uint8), np.ones((3, 3))) == 0
    assert (mask[beyond] == plain[beyond]).all()


def test_the_cost_of_growing_does_not_depend_on_how_far(
    portrait: PortraitRenderer, motion: Motion
) -> None:
    took = []
    for grow in (8, MOST_GROWN):
        drawn = ControlPictures(motion, "dots", portrait=portrait, masked=Masked("mouth", grow))
        start = process_time()
        for _ in range(3):
            _, mask = drawn.masked(1)
        took.append(process_time() - start)
    assert mask.mean() > 200
    assert took[1] < 3 * took[0]
