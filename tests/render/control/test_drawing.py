"""Dots and bodies, to the pixel, by the rules of those that taught models with them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.render.control.drawing import FLAT, KINDS, draw_flat, draw_points
from dreamtalk_core.render.control.points import EXPRESSION, body_of, seventy
from dreamtalk_core.render.portrait.template import load_template

# Of OpenPose's eighteen joints, and of the limbs that end in what is known of a bust.
COLOURS = {
    0: (255, 0, 0),
    1: (255, 85, 0),
    2: (255, 170, 0),
    5: (85, 255, 0),
    14: (170, 0, 255),
    15: (255, 0, 255),
    16: (255, 0, 170),
    17: (255, 0, 85),
}
LIMBS = {
    (1, 2): (255, 0, 0),
    (1, 5): (255, 85, 0),
    (1, 0): (0, 0, 255),
    (0, 14): (85, 0, 255),
    (14, 16): (170, 0, 255),
    (0, 15): (255, 0, 255),
    (15, 17): (255, 0, 170),
}


def face(size: int = 512) -> NDArray[np.float32]:
    points = load_template().rest * [1.9, -1.9, -1.9] * (size / 512) + [size / 2, size / 2, 0]
    return points.astype(np.float32)


def body(size: int = 512) -> NDArray[np.float32]:
    ears, shoulders = np.array([[100, 250], [412, 250.0]]), np.array([[40, 470], [470, 480.0]])
    return body_of(face(size), ears * size / 512, shoulders * size / 512, size, size)


def discs(size: int, numbers: tuple[int, ...], radius: int) -> NDArray[np.bool_]:
    """Where the dots of a face are."""
    at = seventy(face(size))[list(numbers)].astype(int)
    picture = np.zeros((size, size), np.uint8)
    for x, y in at:
        cv2.circle(picture, (int(x), int(y)), radius, 1, -1)
    return np.repeat(picture[..., None] > 0, 3, axis=2)


@pytest.mark.parametrize("size", [256, 512, 768, 1280])
def test_dots_have_their_radius(size: int) -> None:
    dots = draw_flat("dots", face(size)[:, :2], size, size)
    np.testing.assert_array_equal(dots, discs(size, tuple(range(70)), 3))
    few = draw_flat("expression", face(size)[:, :2], size, size)
    radius = min(max(size // 300, 1), 2)
    np.testing.assert_array_equal(few, discs(size, EXPRESSION, radius))


def test_an_expression_has_no_outline_and_no_nose() -> None:
    points = seventy(face()).astype(int)
    few = draw_flat("expression", face()[:, :2], 512, 512)[..., 0]
    for number, (x, y) in enumerate(points):
        assert (few[y, x] > 0) == (17 <= number <= 26 or 36 <= number <= 69), number


@pytest.mark.parametrize(("kind", "size", "stick"), [("pose", 512, 4), ("body", 1280, 5)])
def test_a_body_has_its_colours(kind: str, size: int, stick: int) -> None:
    picture = np.zeros((size, size, 3), np.uint8)
    figure = body(size)
    draw_points(picture, kind, face(size)[:, :2], figure)
    white = (picture == 255).all(-1)
    for joint, colour in COLOURS.items():
        x, y = figure[joint, :2].astype(int)
        if not white[y, x]:
            assert tuple(picture[y, x]) == colour, joint
        assert tuple(picture[min(y + stick + 1, size - 1), x]) != colour or y + stick >= size
    for (a, b), colour in LIMBS.items():
        x, y = ((figure[a, :2] + figure[b, :2]) / 2).astype(int)
        if not white[y - 1 : y + 2, x - 1 : x + 2].any():
            assert tuple(picture[y, x]) == tuple(int(0.6 * part) for part in colour), (a, b)
    assert white.any() == (kind == "pose")


def test_nothing_is_drawn_of_what_is_not_known() -> None:
    figure = body()
    figure[[1, 2, 5]] = 0
    picture = np.zeros((512, 512, 3), np.uint8)
    draw_points(picture, "body", face()[:, :2], figure)
    assert not picture[300:].any()
    assert not picture[:20, :20].any()
    assert picture.any()


def test_kinds_that_need_more_than_landmarks() -> None:
    assert len(set(KINDS)) == len(KINDS) == 13
    for kind in set(KINDS) - set(FLAT):
        with pytest.raises(RenderError, match="Of landmarks alone no"):
            draw_flat(kind, face()[:, :2], 64, 64)
