"""The part of a frame that Wan-Animate is shown of a face, by its own rule.

The box around the 68 points of the very frame (nothing is smoothed) gets 1.3 times its area at its
own proportions: half of what is added to its width on either side, three quarters of what is added
to its height above and one below. It is cut off at the frame, rounded down, and stretched to a
square.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]

CROP = 512
"""Pixels a side."""
_AREA = 1.3


def face_box(points: Float, height: int, width: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels, the last two outside, from points [68 or more, 2].

    Never empty, even of a face that has left the frame.
    """
    face = points[:68].astype(np.float64)
    low, high = face.min(0), face.max(0)
    size = high - low
    wider, higher = (np.sqrt(_AREA) - 1) * size
    left, right = max(low[0] - wider / 2, 0), min(high[0] + wider / 2, width)
    top, bottom = max(low[1] - 0.75 * higher, 0), min(high[1] + higher / 4, height)
    x0, y0 = min(int(left), width - 1), min(int(top), height - 1)
    return x0, y0, max(int(right), x0 + 1), max(int(bottom), y0 + 1)


def crop_face(picture: Picture, points: Float) -> Picture:
    """A frame uint8 [H, W, 3], or a mask [H, W], as uint8 [512, 512, ...]."""
    left, top, right, bottom = face_box(points, *picture.shape[:2])
    part = np.ascontiguousarray(picture[top:bottom, left:right])
    cropped: Picture = cv2.resize(part, (CROP, CROP), interpolation=cv2.INTER_LINEAR)
    return cropped
