"""The light on a face, from its cheeks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.colour import to_linear
from dreamtalk_core.render.portrait.rig import FaceRig

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

SKIN = np.array([0.48, 0.28, 0.20])
"""Linear colour of skin in a good light."""


def linear(srgb: Array | Bytes) -> Array:
    """Linear light for sRGB 0..255, of any shape."""
    return to_linear(np.asarray(srgb, float) / 255)


def light_on(image: Bytes, rig: FaceRig) -> tuple[Array, float]:
    """The light on this face [3], against that on `SKIN`, and how much more there is on the right
    of the picture than in the middle."""
    points = rig.place(rig.rest, rig.turn)[:, :2]
    span = max(2, round(0.03 * rig.size))

    def skin(landmarks: tuple[int, ...]) -> Array:
        found = []
        for x, y in points[list(landmarks)]:
            rows = slice(max(int(y) - span, 0), max(int(y) + span, 1))
            columns = slice(max(int(x) - span, 0), max(int(x) + span, 1))
            patch = image[rows, columns].reshape(-1, 3)
            if len(patch):
                found.append(np.median(linear(patch), 0))
        result: Array = np.mean(found, 0) if found else SKIN
        return result

    left, right = skin((205, 207, 50)), skin((425, 427, 280))
    mean = (left + right) / 2
    brightness = mean.mean() / SKIN.mean()
    # Skin is of many colours and the light of few: half of the cast at most is the light's.
    cast = (mean / SKIN) / brightness
    slope = (right - left).mean() / (right + left).mean()
    return np.clip(brightness, 0.25, 1.35) * np.clip(cast, 0.5, 2.0) ** 0.35, float(
        np.clip(slope, -0.4, 0.4)
    )
