"""Where a head is and how it is turned, from the landmarks of its face.

The method of MediaPipe's face geometry: the landmarks are put into space in front of a camera of
known angle, and the canonical face is fitted to them by a weighted Procrustes analysis (D. Akca,
"Generalized Procrustes analysis and its applications in photogrammetry", 2003).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.rotation import rotation_angles, similarity

FIELD_OF_VIEW = 63.0
"""The angle in degrees that the camera is taken to see from top to bottom."""

Array = NDArray[Any]


def head_matrix(
    landmarks: Array, width: int, height: int, vertices: Array, weights: Array
) -> NDArray[np.float32]:
    """The canonical face in front of the camera: float32 [4, 4], centimetres.

    landmarks: [478, 3] in pixels of a picture of width x height. vertices [468, 3] and weights
    [468]: the canonical face and how much each of its points says about the pose.
    The camera is at the origin; x is to its right, y up, and it looks along -z.
    """
    # On a plane one centimetre in front of the camera.
    pixel = 2 * math.tan(math.radians(FIELD_OF_VIEW) / 2) / height
    screen = np.asarray(landmarks[: len(vertices)], np.float64) * pixel
    screen[:, 0] -= width * pixel / 2
    screen[:, 1] = height * pixel / 2 - screen[:, 1]
    depth = screen[:, 2] - screen[:, 2].mean()
    fitted = weights > 0
    source, weight = vertices[fitted].astype(np.float64), weights[fitted].astype(np.float64)

    def metric(scale: float) -> Array:
        distance = (depth[fitted] + 1) / scale
        return np.column_stack([screen[fitted, :2] * distance[:, None], -distance])

    flat = screen[fitted] * [1, 1, -1]
    scale = _size(similarity(source, flat, weight))
    scale *= _size(similarity(source, metric(scale), weight))
    return similarity(source, metric(scale), weight).astype(np.float32)


def head_angles(matrix: Array) -> NDArray[np.float32]:
    """Pitch, yaw and roll [3] in degrees, as in `dreamtalk_core.motion`, of a head matrix."""
    return rotation_angles(matrix[:3, :3] / _size(matrix)).astype(np.float32)


def _size(matrix: Array) -> float:
    return float(np.linalg.norm(matrix[:3, 0]))
