"""The crop of a face, against Wan-Animate's rule, written down once more as an area."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dreamtalk_core.render.control.crop import crop_face, face_box


def around(left: float, top: float, width: float, height: float) -> NDArray[np.float32]:
    """Seventy points whose first 68 fill a box."""
    spread = np.random.default_rng(0).random((70, 2))
    spread[:68] = (spread[:68] - spread[:68].min(0)) / np.ptp(spread[:68], axis=0)
    spread[68:] = 5
    return (spread * [width, height] + [left, top]).astype(np.float32)


@given(st.floats(100, 400), st.floats(100, 300), st.floats(20, 300), st.floats(20, 300), st.data())
def test_the_box(left: float, top: float, width: float, height: float, data: st.DataObject) -> None:
    """1.3 times the area at the same proportions; a quarter of the height's growth goes below."""
    x0, y0, x1, y1 = face_box(around(left, top, width, height), 2000, 2000)
    more = np.sqrt(1.3) - 1
    expected = [
        left - width * more / 2,
        top - height * more * 3 / 4,
        left + width * (1 + more / 2),
        top + height * (1 + more / 4),
    ]
    assert np.abs(np.array([x0, y0, x1, y1]) - np.floor(expected)).max() <= 1
    assert (
        abs((expected[2] - expected[0]) * (expected[3] - expected[1]) / (width * height) - 1.3)
        < 1e-6
    )
    # At the frame's edge it is cut off there.
    frame = data.draw(st.integers(40, 500))
    box = face_box(around(left, top, width, height), frame, frame)
    assert box[0] < box[2] <= frame
    assert box[1] < box[3] <= frame


def test_what_is_cropped_is_stretched() -> None:
    picture = np.zeros((400, 300, 3), np.uint8)
    points = around(50, 60, 100, 160)
    x0, y0, x1, y1 = face_box(points, 400, 300)
    picture[y0:y1, x0:x1] = (10, 200, 30)
    assert (crop_face(picture, points) == (10, 200, 30)).all()
    assert crop_face(picture, points).shape == (512, 512, 3)
    picture[y0 : (y0 + y1) // 2] = 0
    half = crop_face(picture, points)[..., 1]
    assert abs((half > 100).mean() - 0.5) < 0.02
    assert crop_face(picture[..., 1], points).shape == (512, 512)


def test_the_box_moves_with_the_points_of_the_frame() -> None:
    one, other = (face_box(around(at, 50, 80, 90), 400, 400) for at in (60, 75))
    assert other[0] - one[0] == other[2] - one[2] == 15
