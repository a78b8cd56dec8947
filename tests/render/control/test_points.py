"""The seventy points and the body, by what is known of where they lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.render.control.points import EXPRESSION, body_of, look, seventy
from dreamtalk_core.render.control.topology import topology
from dreamtalk_core.render.portrait.template import EYE_LOOPS, MOUTH_LOOP, load_template

Float = NDArray[np.float32]

# What is on the other side of a face that looks straight ahead, by the order of 300-W.
MIRRORED = [
    *range(16, -1, -1),
    *range(26, 16, -1),
    *range(27, 31),
    *range(35, 30, -1),
    *(45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40),
    *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
    *(64, 63, 62, 61, 60, 67, 66, 65),
    *(69, 68),
]


def face(pitch: float = 0, yaw: float = 0, roll: float = 0) -> Float:
    """The template's landmarks in a picture of 512 x 512, seen from far away."""
    turned = load_template().rest @ rotation_matrix([pitch, yaw, roll]).T
    return (turned * [2, -2, -2] + [256, 256, 0]).astype(np.float32)


def test_the_two_sides_are_told_apart_and_alike() -> None:
    points = seventy(face())
    assert points.shape == (70, 2)
    assert len(EXPRESSION) == 44
    mirrored = points[MIRRORED] * [-1, 1] + [512, 0]
    # The tracked pupils of the template are not those of a face that looks straight ahead.
    np.testing.assert_allclose(points[:68], mirrored[:68], atol=0.6)
    # The person's right is on the left.
    for right, left in ((0, 16), (19, 24), (31, 35), (39, 42), (48, 54), (68, 69)):
        assert points[right, 0] < 256 < points[left, 0]


def test_each_group_runs_as_it_should() -> None:
    x, y = seventy(face()).T
    for run in (range(17), range(17, 27), range(31, 36), range(48, 55), range(60, 65)):
        assert (np.diff(x[run]) > 0).all(), "from left to right"
    assert (np.diff(y[[27, 28, 29, 30, 33, 51, 62, 66, 57, 8]]) > 0).all(), "from above to below"
    assert y[8] == y[:17].max()
    for eye, upper, lower in ((36, (37, 38), (40, 41)), (42, (43, 44), (46, 47))):
        assert x[eye] < x[upper[0]] < x[upper[1]] < x[eye + 3]
        assert max(y[list(upper)]) < y[eye] < min(y[list(lower)])
    assert x[55] > x[56] > x[57] > x[58] > x[59] > x[48]
    assert y[0] < y[36] + 10, "the outline begins at the height of the eyes"
    steps = np.linalg.norm(np.diff(seventy(face())[:17], axis=0), axis=1)
    assert steps.max() < 1.6 * steps.min(), "evenly"


def test_points_lie_on_what_they_are_of() -> None:
    landmarks = face()
    points = seventy(landmarks)
    assert {tuple(p) for p in points[60:68]} <= {tuple(p) for p in landmarks[list(MOUTH_LOOP), :2]}
    for eye, loop in zip((range(36, 42), range(42, 48)), EYE_LOOPS, strict=True):
        assert {tuple(p) for p in points[eye]} <= {tuple(p) for p in landmarks[list(loop), :2]}


@pytest.mark.parametrize("yaw", [-40, -25, 25, 40])
def test_the_outline_is_that_of_the_face_that_is_seen(yaw: float) -> None:
    """On the side that turns away the mesh's edge lies behind the cheek."""
    landmarks = face(yaw=yaw)
    points, triangles = seventy(landmarks), topology().triangles
    mask = np.zeros((512, 512), np.uint8)
    # The nose stands out from a cheek that is turned away.
    rest = load_template().rest
    nose = (np.abs(rest[:, 0]) < 24) & (rest[:, 1] > -36)
    for corners in landmarks[triangles[~nose[triangles].any(1)], :2]:
        cv2.fillConvexPoly(mask, np.round(corners).astype(np.int32), 1)
    away = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    far = range(1, 8) if yaw < 0 else range(9, 16)
    inside = away[points[far, 1].astype(int), points[far, 0].astype(int)]
    edge = (
        landmarks[[234, 93, 132, 58, 172, 136]]
        if yaw < 0
        else landmarks[[454, 323, 361, 288, 397, 365]]
    )
    hidden = away[edge[:, 1].astype(int), edge[:, 0].astype(int)]
    assert inside.max() < 3
    if abs(yaw) == 40:
        assert hidden.max() > 6, "or there would be nothing to do"
    # It stays an outline.
    order = np.unwrap(np.arctan2(*(points[:17] - landmarks[[168, 2, 14], :2].mean(0)).T))
    assert (np.diff(order) < 0.05).all() or (np.diff(order) > -0.05).all()


@pytest.mark.parametrize("yaw", range(-60, 61, 6))
def test_the_outline_does_not_leave_the_face(yaw: float) -> None:
    landmarks = face(4, yaw, 7)
    hull = cv2.convexHull(landmarks[:, :2].copy())
    for x, y in seventy(landmarks)[:17]:
        assert cv2.pointPolygonTest(hull, (float(x), float(y)), True) > -1


def test_the_outline_moves_without_leaps() -> None:
    turns = [seventy(face(yaw=at, pitch=5, roll=at / 4)) for at in np.linspace(-35, 35, 141)]
    assert np.linalg.norm(np.diff(turns, axis=0), axis=-1).max() < 9


def test_a_body() -> None:
    landmarks = face()
    ears = np.array([[100, 250], [412, 250]], float)
    shoulders = np.array([[20, 480], [520, 530]], float)
    body = body_of(landmarks, ears, shoulders, 512, 512)
    known = np.flatnonzero(body[:, 2])
    assert known.tolist() == [0, 1, 2, 5, 14, 15, 16, 17]
    np.testing.assert_array_equal(body[[2, 5], :2], [[20, 480], [511, 511]])
    np.testing.assert_array_equal(body[1, :2], body[[2, 5], :2].mean(0))
    np.testing.assert_array_equal(body[[14, 15], :2], seventy(landmarks)[68:])
    assert not body[[3, 4, 6, 7, *range(8, 14)]].any()
    far = body_of(landmarks, ears, shoulders + np.array([0, 300]), 512, 512)
    assert np.flatnonzero(far[:, 2]).tolist() == [0, 14, 15, 16, 17]


def test_pupils_look_where_the_eyes_do() -> None:
    rest = load_template().rest.astype(float)
    weights = np.zeros(52, np.float32)
    np.testing.assert_array_equal(look(rest, rest, weights)[468:], rest[468:])
    weights[[INDEX["eyeLookOutLeft"], INDEX["eyeLookInRight"]]] = 1
    moved = look(rest, rest, weights) - rest
    assert (moved[[468, 473], 0] > 4).all(), "both to the person's left"
    assert not moved[:468].any()
    weights[:] = 0
    weights[INDEX["eyeLookUpRight"]] = 1
    moved = look(rest, rest, weights) - rest
    assert moved[468, 1] > 3
    assert not moved[473].any()
