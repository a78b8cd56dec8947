"""Random numbers and slow noise, drawn in order of time from a seed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

BLINKS, GAZE, ACCENTS, POSTURE, DRIFT, SWAY, FACE, BREATH = range(8)
"""Each part draws from a generator of its own, so that a strength never moves another part's
events."""


def normals(rng: np.random.Generator, count: int, width: int) -> Float64:
    """Normal numbers [count, width]; the first rows do not depend on how many follow."""
    return rng.standard_normal((count, width))


def slow_noise(count: int, width: int, spacing: float, seed: list[int]) -> Float64:
    """Slow noise [count, width] of unit spread: a cubic B-spline through knots every `spacing`
    frames, drawn in order."""
    place = np.arange(count) / spacing
    knot, t = place.astype(np.int64), (place % 1)[:, None]
    knots = normals(np.random.default_rng(seed), int(knot[-1]) + 4, width)
    basis = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    curve = np.zeros((count, width))
    for i, part in enumerate(basis):
        curve += part / 6 * knots[knot + i]
    # The mean square sum of the four shares is 151/315.
    curve /= math.sqrt(151 / 315)
    return curve
