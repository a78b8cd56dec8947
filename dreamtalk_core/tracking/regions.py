"""Where the networks look for faces in a picture, and which of their finds are one face."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.tracking.crop import Image, Region

SAME = 0.3
"""Share of common area, of all area, from which on two boxes are of the same face."""

MARGIN = 1.5
"""Side of the region that the mesh network sees, over that of the face in it."""

_EYES = (33, 263)


def whole(image: Image) -> Region:
    """The smallest square around a picture."""
    height, width = image.shape[:2]
    side = max(width, height)
    return Region(width / 2, height / 2, side, side)


def views_of(image: Image) -> list[list[Region]]:
    """Squares of a picture in which to look for faces, in groups: the next if there are none.

    The detector knows faces from a tenth of its view to most of it. So: the whole, the whole from
    twice as far, then halves and quarters that overlap.
    """
    height, width = image.shape[:2]
    view = whole(image)
    groups = [[view], [Region(view.x, view.y, 2 * view.width, 2 * view.width)]]
    for parts in (2, 4):
        side = view.width / parts
        rows, columns = (max(1, math.ceil(2 * length / side) - 1) for length in (height, width))
        groups.append(
            [
                Region(x, y, side, side)
                for y in np.linspace(min(side, height) / 2, height - min(side, height) / 2, rows)
                for x in np.linspace(min(side, width) / 2, width - min(side, width) / 2, columns)
            ]
        )
    return groups


def merge(scores: NDArray[Any], points: NDArray[Any]) -> list[NDArray[Any]]:
    """One set of points [8, 2] for each face, the surest first, from candidates [N, 8, 2].

    Candidates of one face are averaged, weighted with their scores (BlazeFace's blending).
    """
    order = np.argsort(-scores, kind="stable")
    scores, points = scores[order], points[order]
    corners = np.concatenate([points[:, 0] - points[:, 1] / 2, points[:, 0] + points[:, 1] / 2], 1)
    merged = []
    while len(scores):
        same = np.array([overlap(corners[0], other) > SAME for other in corners])
        same[0] = True
        merged.append(np.average(points[same], axis=0, weights=scores[same]))
        scores, points, corners = scores[~same], points[~same], corners[~same]
    return merged


def overlap(one: Sequence[float] | NDArray[Any], other: Sequence[float] | NDArray[Any]) -> float:
    """Common area of two boxes (left, top, right, bottom) over the area of both."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return float(common / (sum(areas) - common))


def region_of_detection(points: NDArray[Any], view: Region) -> Region:
    """Where the mesh network looks first, from the detector's points [8, 2] of a face in a view."""
    (x, y), right, left = view.place(points[[0, 2, 3]])
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    width, height = MARGIN * points[1] * (view.width, view.height)
    return Region(float(x), float(y), float(width), float(height), angle)


def region_of_landmarks(landmarks: NDArray[Any]) -> Region:
    """Where the mesh network looks in the next frame: the box around the landmarks, turned."""
    low = landmarks[:, :2].min(0).astype(np.float64)
    high = landmarks[:, :2].max(0).astype(np.float64)
    x, y = (low + high) / 2
    right, left = landmarks[list(_EYES), :2].astype(np.float64)
    angle = math.atan2(left[1] - right[1], left[0] - right[0])
    side = MARGIN * float((high - low).max())
    return Region(float(x), float(y), side, side, angle)
