"""Portraits of the built-in head, whole and spoilt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.tracking.portrait import EYES, Points, Portrait, read_portrait
from dreamtalk_core.tracking.tracker import FaceTracker

Draw = Callable[..., NDArray[np.uint8]]

SMILE_WITH_TEETH = tuple(
    f"mouth{part}{side}" for part in ("UpperUp", "LowerDown") for side in ("Left", "Right")
)


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    return FaceTracker.load()


@pytest.fixture(scope="module")
def draw() -> Draw:
    renderer = HeadRenderer(256)

    def picture(
        turn: tuple[float, float, float] = (0, 0, 0), **weights: float
    ) -> NDArray[np.uint8]:
        row = np.zeros(52)
        for name, value in weights.items():
            row[INDEX[name]] = value
        return renderer.render(row, turn)

    return picture


@pytest.fixture(scope="module")
def plain(draw: Draw, tracker: FaceTracker) -> Portrait:
    return read_portrait(draw(), tracker=tracker)


def test_a_clear_face_needs_no_warning(plain: Portrait) -> None:
    assert plain.warnings == ()
    assert plain.rest.channel("jawOpen")[0] < 0.1
    assert np.abs(plain.face.head_rotation[1:]).max() < 2
    (a, b), (c, d) = EYES
    eyes = plain.face.landmarks[[a, b, c, d], 0]
    assert (np.diff(eyes) > 0).all(), "from left to right in the picture"


@pytest.mark.slow
def test_a_file_is_the_same_portrait(
    plain: Portrait, draw: Draw, tracker: FaceTracker, tmp_path: Path
) -> None:
    path = tmp_path / "Großmutter ü.png"
    path.write_bytes(encode_png(draw()))
    again = read_portrait(path, tracker=tracker)
    np.testing.assert_array_equal(again.image, plain.image)
    np.testing.assert_array_equal(again.face.landmarks, plain.face.landmarks)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        ({"turn": (0, 40, 0)}, "turned away"),
        ({"jawOpen": 0.7}, "mouth is open"),
        (dict.fromkeys(SMILE_WITH_TEETH, 1.0), "mouth is open"),
        ({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}, "eyes are shut"),
    ],
)
def test_what_may_look_bad_is_warned_of(
    look: dict[str, object], words: str, draw: Draw, tracker: FaceTracker
) -> None:
    assert any(words in text for text in read_portrait(draw(**look), tracker=tracker).warnings)


def test_a_covered_mouth_is_warned_of(plain: Portrait, tracker: FaceTracker) -> None:
    covered = plain.image.copy()
    left, _, right, bottom = (int(side) for side in plain.face.box)
    nose = int(plain.face.landmarks[2, 1])
    covered[nose:bottom, left:right] = (90, 120, 60)
    assert any(
        "mouth may be covered" in w for w in read_portrait(covered, tracker=tracker).warnings
    )


@pytest.mark.slow
def test_a_small_face_and_several(plain: Portrait, tracker: FaceTracker) -> None:
    small = np.full((256, 512, 3), 60, np.uint8)
    small[:128, 40:168] = plain.image[::2, ::2]
    small[:, 256:] = plain.image
    right = read_portrait(small, tracker=tracker)
    (warning,) = right.warnings
    assert warning.startswith("There are 2 faces; number 1 from the left, counted from 0,")
    np.testing.assert_allclose(right.face.box[0], plain.face.box[0] + 256, atol=3)
    left = read_portrait(small, choice=0, tracker=tracker)
    assert left.face.box[2] < 180
    assert any("pixels large" in text for text in left.warnings)
    with pytest.raises(TrackingError, match="2"):
        read_portrait(small, choice=2, tracker=tracker)


@pytest.mark.slow
def test_the_identity_stays_when_the_head_turns_or_grows(
    plain: Portrait, draw: Draw, tracker: FaceTracker
) -> None:
    def apart(picture: NDArray[np.uint8]) -> float:
        other = read_portrait(picture, tracker=tracker).identity
        return float(np.linalg.norm(other - plain.identity, axis=1).mean())

    assert apart(draw((0, 12, 8))) < 0.035
    assert apart(draw().repeat(2, 0).repeat(2, 1)) < 0.015
    stretched = draw().repeat(3, 0).repeat(2, 1)
    assert apart(stretched) > 0.08, "another face"


def test_the_crop_holds_the_face_upright_and_nothing_from_outside(plain: Portrait) -> None:
    square, crop = plain.square, plain.crop(96)
    assert crop.shape == (96, 96, 3)
    assert square.width / 2 <= min(square.x, square.y)
    assert square.x + square.width / 2 <= 256
    assert square.y + square.width / 2 <= 256
    left, top, right, bottom = plain.face.box
    assert square.x - square.width / 2 < left
    assert right < square.x + square.width / 2
    assert square.y - square.width / 2 < top
    assert bottom < square.y + square.width / 2


@pytest.mark.slow
def test_a_cropped_portrait_is_the_same_face(plain: Portrait, tracker: FaceTracker) -> None:
    small = read_portrait(plain.image, crop=128, tracker=tracker)
    np.testing.assert_array_equal(small.image, plain.crop(128))
    again = read_portrait(small.image, tracker=tracker)
    np.testing.assert_allclose(small.face.landmarks[:, :2], again.face.landmarks[:, :2], atol=1.5)
    np.testing.assert_allclose(small.identity, plain.identity, atol=0.02)
    with pytest.raises(TrackingError, match="16 to"):
        read_portrait(plain.image, crop=5, tracker=tracker)


@pytest.mark.slow
def test_a_drawing_is_placed_by_hand(tracker: FaceTracker) -> None:
    picture = np.full((300, 400, 3), 250, np.uint8)
    for x, y in ((150, 100), (250, 110)):
        picture[y - 10 : y + 10, x - 10 : x + 10] = 0
    picture[195:205, 160:240] = (200, 0, 0)
    with pytest.raises(TrackingError, match="where the eyes and the mouth are"):
        read_portrait(picture, tracker=tracker)
    portrait = read_portrait(
        picture, points=Points.parse("250,110 150,100 200,200"), tracker=tracker
    )
    assert portrait.warnings == ("No face was seen there: a typical one was laid over the points.",)
    placed = portrait.face.landmarks
    for pair, goal in zip((*EYES, (13, 14)), ((150, 100), (250, 110), (200, 200)), strict=True):
        np.testing.assert_allclose(placed[list(pair), :2].mean(0), goal, atol=0.01)
    assert placed.shape == (478, 3)
    assert portrait.rest.channel("jawOpen")[0] < 0.1


def test_points_on_a_face_find_it(plain: Portrait, tracker: FaceTracker) -> None:
    marks = plain.face.landmarks[:, :2]
    eyes = [marks[list(pair)].mean(0) for pair in EYES]
    portrait = read_portrait(
        plain.image, points=Points(*map(tuple, (*eyes, marks[13]))), tracker=tracker
    )
    assert portrait.warnings == ()
    np.testing.assert_allclose(portrait.face.landmarks[:, :2], marks, atol=3)


@pytest.mark.parametrize("text", ["", "1,2", "1,2 3,4 five,6", "1,2 3,4 5,6 7,8"])
def test_points_that_cannot_be_read(text: str) -> None:
    with pytest.raises(TrackingError, match="from the top left corner"):
        Points.parse(text)


def test_points_on_one_line(tracker: FaceTracker) -> None:
    with pytest.raises(TrackingError, match="one line"):
        read_portrait(
            np.zeros((50, 50, 3), np.uint8),
            points=Points.parse("10,10 20,20 30,30"),
            tracker=tracker,
        )


def test_a_picture_without_a_face(tracker: FaceTracker) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), dtype=np.uint8)
    with pytest.raises(TrackingError, match=r"no face in the picture\. Give a picture of a face"):
        read_portrait(noise, tracker=tracker)


def test_a_face_under_strong_strokes_is_found(tracker: FaceTracker) -> None:
    """As in a painting by van Gogh, in which the networks see none."""
    clear = HeadRenderer(512).render(np.zeros(52))
    strokes = np.random.default_rng(0).choice([-60, 60], (512, 512, 1))
    painted = np.clip(clear + strokes, 0, 255).astype(np.uint8)
    assert tracker.find(painted) == []
    portrait = read_portrait(painted, tracker=tracker)
    assert portrait.image is painted, "it is drawn as it is"
    expected = read_portrait(clear, tracker=tracker).face
    away = np.abs(portrait.face.landmarks - expected.landmarks)[:, :2].max()
    assert away < 0.02 * expected.size
