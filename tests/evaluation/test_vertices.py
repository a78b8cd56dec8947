"""Distances on the head, for shapes that are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.evaluation import vertices
from dreamtalk_core.motion.arkit import INDEX


def face(**shapes: float) -> NDArray[np.float64]:
    weights = np.zeros((50, 52))
    for name, value in shapes.items():
        weights[:, INDEX[name]] = value
    return weights


def test_lip_error_is_what_the_head_moves_by() -> None:
    assert vertices.lip_vertex_error(face(jawOpen=0.4), face(jawOpen=0.4)) == 0
    small = vertices.lip_vertex_error(face(jawOpen=0.1), face())
    assert vertices.lip_vertex_error(face(), face(jawOpen=0.4)) == pytest.approx(4 * small)
    # The lower lip travels, the upper one hardly: less than half of a jaw's 20 to 40 mm.
    assert 3 < vertices.lip_vertex_error(face(), face(jawOpen=1)) < 20
    assert vertices.lip_vertex_error(face(), face(browInnerUp=1)) < 0.05


def test_upper_face_deviation_separates_stiller_from_livelier() -> None:
    blinking = face()
    blinking[::10, INDEX["eyeBlinkLeft"]] = blinking[::10, INDEX["eyeBlinkRight"]] = 1
    assert vertices.upper_face_deviation(blinking, blinking) == 0
    still = vertices.upper_face_deviation(face(browInnerUp=0.5), blinking)
    assert still < -0.1
    assert vertices.upper_face_deviation(blinking, face()) == pytest.approx(-still)
    talking = face()
    talking[::2, INDEX["jawOpen"]] = 1
    assert abs(vertices.upper_face_deviation(talking, face())) < 0.1


def test_takes_are_apart_where_they_differ() -> None:
    lips, upper = vertices.take_distance(face(browInnerUp=0.5), face())
    assert lips < 0.02
    assert upper > 0.2
    lips, upper = vertices.take_distance(face(jawOpen=0.5), face())
    assert lips > 1
    assert upper < 0.1


@pytest.mark.parametrize(
    ("start", "end", "shut"),
    [
        (0.40, 0.44, True),  # frame 10, the shut one
        (0.43, 0.50, True),  # begins within it
        (0.30, 0.41, True),  # ends within it
        (0.41, 0.415, True),  # shorter than a frame
        (0.42, 0.42, True),  # a moment
        (0.44, 0.60, False),
        (0.30, 0.40, False),
        (0.99, 1.50, False),  # after the last frame
    ],
)
def test_shut_lips_are_found_in_the_frames_that_overlap(
    start: float, end: float, shut: bool
) -> None:
    gap = np.full(25, 5.0)
    gap[10] = 0.9
    assert vertices.shut_within(gap, start, end) is shut
