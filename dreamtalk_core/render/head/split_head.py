"""`SplitHead`: what a head of other people has beyond the built-in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.retarget.visemes import solve
from dreamtalk_core.rig.head import Head

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SplitHead(Head):
    """A head some of whose vertices lie twice in one place, for their texture coordinates.

    weld: int32 [V], for each vertex the one whose normal it shares (itself, as a rule).
    visemes: names of the mouth positions that it has in place of the mouth's shapes, or none;
    viseme_deltas: float32 [N, V, 3], mm to add at weight 1.
    """

    weld: NDArray[np.int32]
    visemes: tuple[str, ...]
    viseme_deltas: Float

    def pose(self, weights: ArrayLike) -> Float:
        """As `Head.pose`; the visemes are mixed as `retarget.visemes` has it."""
        vertices = super().pose(weights)
        if self.visemes:
            mix = solve(np.asarray(weights, np.float32)[None], self.visemes)
            for name, deltas in zip(self.visemes, self.viseme_deltas, strict=True):
                vertices += mix[name][0] * deltas
        return vertices
