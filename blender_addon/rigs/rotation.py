# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotations as bones and objects store them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.rotation import quaternion_matrix, rotation_angles

Matrix = NDArray[np.float64]


def rotation_channels(turned: Matrix, mode: str) -> tuple[str, Matrix]:
    """A bone's rotation property and its values [T, 3 or 4] for quaternions [T, 4] (x, y, z, w).

    mode: as Blender names it; orders of Euler angles are those of `motion.rotation`.
    """
    if mode == "QUATERNION":
        return "rotation_quaternion", np.roll(turned, 1, axis=1)
    if mode == "AXIS_ANGLE":
        size = np.linalg.norm(turned[:, :3], axis=1, keepdims=True)
        angle = 2 * np.arctan2(size, turned[:, 3:])
        # Without an angle any axis will do.
        axis = np.where(size > 1e-9, turned[:, :3] / np.maximum(size, 1e-9), (0.0, 1.0, 0.0))
        return "rotation_axis_angle", np.concatenate([angle, axis], axis=1)
    angles = np.radians(rotation_angles(quaternion_matrix(turned), mode))
    return "rotation_euler", np.unwrap(angles, axis=0)
