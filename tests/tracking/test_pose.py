"""The pose: a known head, seen by a known camera, comes out as it was put in."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamtalk_core.models.checkpoint import open_weights
from dreamtalk_core.motion.rotation import similarity
from dreamtalk_core.tracking.pose import FIELD_OF_VIEW, head_angles, head_matrix
from dreamtalk_core.weights import WEIGHTS

TENSORS, _ = open_weights(WEIGHTS / "tracker.safetensors")
VERTICES = TENSORS["canonical.vertices"].numpy()
FIT = TENSORS["canonical.weights"].numpy()
ANGLES = st.tuples(st.floats(-40, 40), st.floats(-60, 60), st.floats(-60, 60))


def turn(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """R = Ry(yaw) @ Rx(pitch) @ Rz(roll), as `dreamtalk_core.motion` has it."""
    (cp, sp), (cy, sy), (cr, sr) = (
        (math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (pitch, yaw, roll)
    )
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


@given(ANGLES, st.floats(0.5, 2))
def test_angles_are_those_of_a_motion(angles: tuple[float, float, float], scale: float) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn(*angles)
    assert head_angles(matrix) == pytest.approx(angles, abs=1e-3)


@given(ANGLES)
def test_a_head_far_away_comes_back(angles: tuple[float, float, float]) -> None:
    """From afar a picture is a parallel projection, which is what the method takes for granted."""
    place = np.array([40.0, -30.0, -900.0])
    points = VERTICES @ turn(*angles).T + place
    width, height = 1280, 720
    pixels = height / 2 / math.tan(math.radians(FIELD_OF_VIEW) / 2)
    landmarks = np.zeros((478, 3), np.float32)
    landmarks[:468, 0] = width / 2 + points[:, 0] / -points[:, 2] * pixels
    landmarks[:468, 1] = height / 2 - points[:, 1] / -points[:, 2] * pixels
    landmarks[:468, 2] = (points[:, 2].mean() - points[:, 2]) / 900 * pixels
    matrix = head_matrix(landmarks, width, height, VERTICES, FIT)
    assert np.abs(head_angles(matrix) - angles).max() < 0.5
    assert np.abs(matrix[:3, 3] / place - 1).max() < 0.02
    assert np.linalg.norm(matrix[:3, 0]) == pytest.approx(1, abs=0.01)


def test_similarity_undoes_itself() -> None:
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(20, 3)), rng.uniform(0.1, 1, 20)
    moved = 3 * points @ turn(20, 30, 40).T + [1, 2, 3]
    matrix = similarity(points, moved, weights)
    assert matrix[:3, :3] == pytest.approx(3 * turn(20, 30, 40))
    assert matrix[:3, 3] == pytest.approx([1, 2, 3])
    # A mirrored target is not matched by a mirror.
    assert np.linalg.det(similarity(points, points * [-1, 1, 1], weights)[:3, :3]) > 0
