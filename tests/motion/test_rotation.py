"""Rotations: against each other, and against what the names of a head's angles mean."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from dreamtalk_core.motion.rotation import (
    HEAD_ORDER,
    quaternion_matrix,
    quaternions,
    rotation_angles,
    rotation_matrix,
)

ORDERS = ["".join(order) for order in permutations("XYZ")]
ANGLES = np.random.default_rng(0).uniform(-89, 89, (50, 3))


@pytest.mark.parametrize("order", ORDERS)
def test_angles_come_back(order: str) -> None:
    matrices = rotation_matrix(ANGLES, order)
    np.testing.assert_allclose(
        matrices @ matrices.swapaxes(1, 2), np.eye(3) + 0 * matrices, atol=1e-12
    )
    np.testing.assert_allclose(rotation_angles(matrices, order), ANGLES, atol=1e-9)
    assert np.array_equal(matrices[3], rotation_matrix(ANGLES[3], order))


@pytest.mark.parametrize("order", ORDERS)
def test_quaternions_turn_as_matrices_do(order: str) -> None:
    turns = quaternions(ANGLES, order)
    np.testing.assert_allclose(np.linalg.norm(turns, axis=1), 1)
    np.testing.assert_allclose(quaternion_matrix(turns), rotation_matrix(ANGLES, order), atol=1e-12)


def test_the_head_nods_turns_and_tilts_as_its_angles_say() -> None:
    """x to the character's left, y up, z forward: see `Motion.head_rotation`."""
    nose, crown = np.array([0.0, 0, 1]), np.array([0.0, 1, 0])
    assert (rotation_matrix([10, 0, 0]) @ nose)[1] < 0, "positive pitch looks down"
    assert (rotation_matrix([0, 10, 0]) @ nose)[0] > 0, "positive yaw looks to the own left"
    assert (rotation_matrix([0, 0, 10]) @ crown)[0] < 0, "positive roll tilts to the own right"
    pitch, yaw, roll = (rotation_matrix(row) for row in np.diag([20.0, 30.0, 40.0]))
    np.testing.assert_allclose(rotation_matrix([20, 30, 40], HEAD_ORDER), yaw @ pitch @ roll)


def test_quaternions_do_not_flip() -> None:
    turning = np.column_stack([np.zeros(100), np.linspace(0, 720, 100), np.zeros(100)])
    turns = quaternions(turning)
    assert (turns[1:] * turns[:-1]).sum(1).min() > 0.99
