"""Crops: where a pixel comes from, and that points find their way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.tracking.crop import Region, crop

SLOPE = np.add.outer(np.arange(50) * 2, np.arange(60))[..., None].repeat(3, 2).astype(np.uint8)


def test_a_crop_of_the_whole_is_the_picture() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    assert np.array_equal(crop(image, Region(20, 20, 40, 40), 40, black_border=True), image)


@given(
    st.floats(15, 45), st.floats(15, 35), st.floats(5, 15), st.floats(5, 15), st.floats(-3.2, 3.2)
)
def test_a_pixel_comes_from_where_its_corner_lies(
    x: float, y: float, width: float, height: float, angle: float
) -> None:
    """On a slope of one grey a pixel to the right and two a pixel down, values tell places."""
    region = Region(x, y, width, height, angle)
    side = 16
    picture = crop(SLOPE, region, side, black_border=False)
    rows, columns = np.mgrid[:side, :side] / side
    places = region.place(np.stack([columns, rows], -1))
    expected = places[..., 0] + 2 * places[..., 1]
    assert np.abs(picture[..., 0] - expected).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("black", [True, False])
def test_what_lies_outside(black: bool) -> None:
    image = np.full((10, 10, 3), 200, np.uint8)
    picture = crop(image, Region(0, 5, 10, 10), 10, black_border=black)
    assert (picture[:, :4] == (0 if black else 200)).all()
    assert (picture[:, 5:] == 200).all()
    far = crop(image, Region(-500, 5, 10, 10), 10, black_border=black)
    assert (far == (0 if black else 200)).all()


def test_a_picture_of_one_pixel() -> None:
    image = np.full((1, 1, 3), 7, np.uint8)
    assert (crop(image, Region(0, 0, 4, 4, 0.3), 8, black_border=False) == 7).all()


def test_points_are_placed() -> None:
    region = Region(100, 50, 20, 40, math.pi / 2)
    assert region.place(np.array([0.5, 0.5])) == pytest.approx([100, 50])
    # A quarter turn clockwise: to the right becomes down.
    assert region.place(np.array([1.0, 0.5])) == pytest.approx([100, 60])
    assert region.place(np.array([0.5, 1.0, 0.5])) == pytest.approx([80, 50, 10])
    assert region.box == (90, 30, 110, 70)
