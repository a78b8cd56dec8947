"""Lines and letters."""

from __future__ import annotations

import numpy as np
import pytest

from dreamtalk_core.render.output.draw import draw_lines, draw_polyline, draw_text, text_mask


@pytest.mark.parametrize("ends", [(5, 20, 35, 20), (20, 5, 20, 35), (8, 9, 30, 33), (33, 8, 9, 30)])
@pytest.mark.parametrize("width", [1.0, 2.5, 6.0])
def test_a_line_covers_its_length_times_its_width(
    ends: tuple[float, float, float, float], width: float
) -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    x0, y0, x1, y1 = ends
    draw_lines(picture, [[(x0, y0), (x1, y1)]], (255, 255, 255), width)
    area = picture[..., 0].sum() / 255
    length = np.hypot(x1 - x0, y1 - y0)
    # Both ends are round.
    assert area == pytest.approx(length * width + np.pi * width**2 / 4, rel=0.08, abs=1.0)
    rows, columns = np.nonzero(picture[..., 0])
    assert rows.min() >= min(y0, y1) - width / 2 - 1
    assert columns.max() <= max(x0, x1) + width / 2 + 1


def test_colours_transparency_and_what_lies_outside() -> None:
    picture = np.zeros((20, 20, 4), np.uint8)
    far = [[(-1e6, 10.5), (1e6, 10.5)], [(50, 50), (90, 90)]]
    draw_lines(picture, far, [(255, 0, 0), (0, 255, 0)], 3.0)
    np.testing.assert_array_equal(picture[10], [(255, 0, 0, 255)] * 20)
    assert picture[..., 1].max() == 0
    assert picture[:8].max() == 0


def test_a_polyline_is_one_line() -> None:
    picture = np.zeros((30, 30, 3), np.uint8)
    draw_polyline(picture, [(3, 3), (15, 3), (15, 26)], (0, 0, 255), 2.0)
    assert (picture[2:4, 4:14, 2] == 255).all()
    assert (picture[5:25, 14:16, 2] == 255).all()


def test_text() -> None:
    mask = text_mask("jawOpen", 20)
    assert mask.shape[0] == 20
    assert 0.9 < mask.max() <= 1.001
    assert text_mask("jawOpen jawOpen", 20).shape[1] > 2 * mask.shape[1] - 2
    # Another size is the same text.
    large = text_mask("jawOpen", 60)
    assert large.mean() == pytest.approx(mask.mean(), rel=0.06)
    # An unknown letter is a sign of its own, not nothing.
    assert text_mask("漢", 20).max() > 0.5
    np.testing.assert_array_equal(text_mask("漢", 20), text_mask("字", 20))
    assert text_mask("", 20).max() == 0


@pytest.mark.parametrize("place", [(4, 4), (-10, -5), (55, 30), (500, 4), (4, -90)])
def test_text_is_cut_at_the_edge(place: tuple[int, int]) -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    draw_text(picture, "WWWW", *place, 16, (10, 200, 30))
    inside = place in ((4, 4), (-10, -5), (55, 30))
    assert (picture.max() > 60) == inside
