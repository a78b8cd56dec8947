"""A smooth movement of space that carries some points to where they belong."""

from __future__ import annotations

import numpy as np

from dreamtalk_core.rig.fitting.surface import Array, squares

_UNIT = 50.0
"""mm; what the smoothing is relative to."""
_STEP = 2.0
_STRETCH = (0.5, 1.8)
"""Least and most that a movement may be stretched: outside the landmarks it is a guess."""


class Warp:
    """Radial basis functions with the kernel r (thin plates in space), plus an affine map.

    centres [N, 3] and what each is to be moved by [N, 3], mm; smooth: from 0, through every point,
    up. Memory and time go with the square and the cube of N.
    """

    def __init__(self, centres: Array, moves: Array, smooth: float) -> None:
        self._centres = centres / _UNIT
        count = len(centres)
        system = np.zeros((count + 4, count + 4))
        system[:count, :count] = _distances(self._centres, self._centres)
        # The kernel is negative definite on what the affine part leaves.
        system[np.arange(count), np.arange(count)] -= smooth
        flat = np.column_stack([np.ones(count), self._centres])
        system[:count, count:], system[count:, :count] = flat, flat.T
        wanted = np.concatenate([moves, np.zeros((4, 3))])
        self._shares = np.linalg.solve(system, wanted)

    def __call__(self, points: Array) -> Array:
        """Where points [N, 3] go."""
        scaled = points / _UNIT
        count = len(self._centres)
        move = _distances(scaled, self._centres) @ self._shares[:count]
        result: Array = points + move + self._shares[count] + scaled @ self._shares[count + 1 :]
        return result

    def stretch(self, points: Array) -> Array:
        """How a small movement at each of the points [N, 3] is turned and stretched [N, 3, 3]."""
        ways = _STEP * np.eye(3)
        columns = [(self(points + way) - self(points - way)) / (2 * _STEP) for way in ways]
        u, size, v = np.linalg.svd(np.stack(columns, axis=2))
        result: Array = (u * np.clip(size, *_STRETCH)[:, None]) @ v
        return result


def _distances(one: Array, other: Array) -> Array:
    result: Array = np.sqrt(np.maximum(squares(one, other), 0))
    return result
