"""Rotations: angles, matrices and quaternions, and the order in which a head is turned.

An order is a text such as "ZXY": the axis that is turned about first comes first, so that ZXY is
Ry @ Rx @ Rz. The axes stay where they are (extrinsic). Quaternions are x, y, z, w.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

HEAD_ORDER = "ZXY"
"""Roll, pitch, yaw: how the angles (pitch, yaw, roll) of a `Motion` are applied to a head."""

Array = NDArray[np.float64]


def rotation_matrix(degrees: ArrayLike, order: str = HEAD_ORDER) -> Array:
    """Matrices [..., 3, 3] of angles [..., 3] in degrees about x, y and z."""
    angles = np.radians(np.asarray(degrees, np.float64))
    first, second, third = (_about(axis, angles) for axis in order)
    result: Array = third @ second @ first
    return result


def _about(axis: str, angles: Array) -> Array:
    """Matrices [..., 3, 3] of one of the angles [..., 3] in radians."""
    index = "XYZ".index(axis)
    # The plane that is turned: from its first axis to its second.
    first, second = (index + 1) % 3, (index + 2) % 3
    result = np.zeros((*angles.shape, 3))
    result[..., index, index] = 1.0
    result[..., first, first] = result[..., second, second] = np.cos(angles[..., index])
    result[..., second, first] = np.sin(angles[..., index])
    result[..., first, second] = -result[..., second, first]
    return result


def rotation_angles(matrices: NDArray[Any], order: str = HEAD_ORDER) -> Array:
    """Angles [..., 3] in degrees about x, y and z of rotations [..., 3, 3]: the inverse of
    `rotation_matrix` where the second angle is within 90 degrees."""
    i, j, k = ("XYZ".index(axis) for axis in order)
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    m = np.asarray(matrices, np.float64)
    result = np.empty(m.shape[:-1])
    result[..., j] = np.arcsin((-sign * m[..., k, i]).clip(-1, 1))
    result[..., i] = np.arctan2(sign * m[..., k, j], m[..., k, k])
    result[..., k] = np.arctan2(sign * m[..., j, i], m[..., i, i])
    return np.degrees(result)


def quaternions(degrees: ArrayLike, order: str = HEAD_ORDER) -> Array:
    """Unit quaternions [T, 4] of angles [T, 3] in degrees about x, y and z, without flips of sign
    from one to the next."""
    half = np.radians(np.asarray(degrees, np.float64)) / 2
    result = np.tile([0.0, 0.0, 0.0, 1.0], (len(half), 1))
    for axis in order:
        i = "XYZ".index(axis)
        turn = np.zeros_like(result)
        turn[:, i], turn[:, 3] = np.sin(half[:, i]), np.cos(half[:, i])
        result = product(turn, result)
    return without_flips(result)


def without_flips(turns: Array) -> Array:
    """The same turns [T, 4], each with the sign that is nearer to the one before."""
    signs = np.ones(len(turns))
    signs[1:] = np.where((turns[1:] * turns[:-1]).sum(axis=1) < 0, -1.0, 1.0)
    return turns * np.cumprod(signs)[:, None]


def product(a: Array, b: Array) -> Array:
    """Quaternions [T, 4] that turn by b first, then by a."""
    vector = a[:, 3:] * b[:, :3] + b[:, 3:] * a[:, :3] + np.cross(a[:, :3], b[:, :3])
    scalar = a[:, 3:] * b[:, 3:] - (a[:, :3] * b[:, :3]).sum(1, keepdims=True)
    return np.concatenate([vector, scalar], axis=1)


def quaternion_matrix(turns: ArrayLike) -> Array:
    """Matrices [..., 3, 3] of unit quaternions [..., 4]."""
    x, y, z, w = np.moveaxis(np.asarray(turns, np.float64), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), (0, 1), (-2, -1))


def similarity(source: Array, target: Array, weights: Array) -> Array:
    """The turn, scale and move [4, 4] that brings source [N, 3] closest to target [N, 3]."""
    share = weights / weights.sum()
    source_centre, target_centre = share @ source, share @ target
    centred = source - source_centre
    u, _, v = np.linalg.svd((target * share[:, None]).T @ centred)
    if np.linalg.det(u) * np.linalg.det(v) < 0:
        u[:, 2] *= -1
    turn = u @ v
    scale = (share @ ((centred @ turn.T) * target).sum(1)) / (share @ (centred**2).sum(1))
    matrix = np.eye(4)
    matrix[:3, :3] = scale * turn
    matrix[:3, 3] = target_centre - matrix[:3, :3] @ source_centre
    return matrix
