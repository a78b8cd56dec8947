# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as bones and objects store them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def quaternions(angles: Matrix, order: str) -> Matrix:
    """Quaternions [T, 4] (w, x, y, z) from angles [T, 3] about x, y, z in radians.

    order: as Blender names it, the first letter is applied first.
    """
    result = np.zeros((len(angles), 4))
    result[:, 0] = 1.0
    for axis in order:
        i = "XYZ".index(axis)
        turn = np.zeros((len(angles), 4))
        turn[:, 0], turn[:, 1 + i] = np.cos(angles[:, i] / 2), np.sin(angles[:, i] / 2)
        result = _product(turn, result)
    return result


def _product(a: Matrix, b: Matrix) -> Matrix:
    """Quaternion products [T, 4]: first b, then a."""
    scalar = a[:, :1] * b[:, :1] - (a[:, 1:] * b[:, 1:]).sum(1, keepdims=True)
    vector = a[:, :1] * b[:, 1:] + b[:, :1] * a[:, 1:] + np.cross(a[:, 1:], b[:, 1:])
    return np.concatenate([scalar, vector], axis=1)


def rotation_channels(turned: Matrix, mode: str) -> tuple[str, Matrix]:
    """A bone's rotation property and its values [T, 3 or 4] for quaternions [T, 4]."""
    if mode == "QUATERNION":
        return "rotation_quaternion", turned
    if mode == "AXIS_ANGLE":
        size = np.linalg.norm(turned[:, 1:], axis=1, keepdims=True)
        angle = 2 * np.arctan2(size, turned[:, :1])
        # Without an angle any axis will do.
        axis = np.where(size > 1e-9, turned[:, 1:] / np.maximum(size, 1e-9), (0.0, 1.0, 0.0))
        return "rotation_axis_angle", np.concatenate([angle, axis], axis=1)
    return "rotation_euler", _euler(turned, mode)


def _euler(turned: Matrix, order: str) -> Matrix:
    """Angles [T, 3] about x, y, z in radians, in an order as Blender names it."""
    matrix = _matrices(turned)
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    result = np.empty((len(turned), 3))
    result[:, j] = np.arcsin((-sign * matrix[:, k, i]).clip(-1, 1))
    result[:, i] = np.arctan2(sign * matrix[:, k, j], matrix[:, k, k])
    result[:, k] = np.arctan2(sign * matrix[:, j, i], matrix[:, i, i])
    return np.unwrap(result, axis=0)


def _matrices(turned: Matrix) -> Matrix:
    """Rotation matrices [T, 3, 3] of unit quaternions [T, 4]."""
    w, x, y, z = turned.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)
