"""`SplitHead`: what a head of other people has beyond the built-in one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.retarget.visemes import felt, solve
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

    def solved(self, weights: Float, fps: float | None = None) -> Float:
        """Weights [T, 68 + N] of [T, 52 or 68]: the visemes behind the shapes, mixed as
        `retarget.visemes` has it. fps: of frames that follow each other, to tell a smile from an I.

        For all frames at once, which takes hardly longer than for one.
        """
        shapes = weights[:, : len(ARKIT_NAMES)]
        mix = solve(shapes, self.visemes, None if fps is None else felt(shapes, fps))
        tongue = np.zeros((len(weights), len(FACE_NAMES) - weights.shape[1]), np.float32)
        return np.column_stack([weights, tongue, *(mix[name] for name in self.visemes)])

    def pose(self, weights: ArrayLike) -> Float:
        """As `Head.pose`, or for a row of what `solved` gives."""
        w = np.asarray(weights, np.float32)
        shapes = len(FACE_NAMES)
        if len(w) != shapes + len(self.visemes):
            (w,) = self.solved(w[None])
        vertices = super().pose(w[:shapes])
        for share, deltas in zip(w[shapes:], self.viseme_deltas, strict=True):
            vertices += share * deltas
        return vertices
