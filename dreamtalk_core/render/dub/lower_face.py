"""The lower half of a face as a mesh over a frame: what may move, and the skin that goes along.

The mesh is the portrait's (`portrait.template`). Around its edge lie rings of vertices that carry
the movement of chin and jaw into the neck and out. A vertex that does not follow the mouth has the
same place in source and target, to the bit, and what lies between such vertices is left as it is in
the frame.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.template import (
    LOWER_LIP,
    UPPER_LIP,
    Template,
    load_template,
)

Array = NDArray[np.float64]
Float = NDArray[np.float32]
Int = NDArray[np.int32]

_NOSE, _FULL = -3.0, -12.0
"""Heights (mm on the built-in head) at which the face begins to follow the mouth, and does fully:
from below the nose to the middle of the upper lip."""
_ASIDE, _JAW = 32.0, 58.0
"""mm from the middle of the face up to which it follows fully, and from which on not at all."""
_RINGS = 8
_REACH = 0.35
"""How far around the face skin goes along, in sizes of the face."""
_FIRM = {
    **dict.fromkeys((168, 6, 197, 195, 5, 4, 1), 2.0),
    **dict.fromkeys((2, 98, 327, 48, 278, 33, 133, 362, 263, 8, 9), 1.0),
    **dict.fromkeys((151, 10, 109, 338, 67, 297, 127, 356, 116, 345), 0.5),
}
"""Landmarks that move with the skull alone, and how much each says about where it is: those near
the mouth most."""
FIRM, FIRMNESS = np.array(list(_FIRM)), np.array(list(_FIRM.values()))


class LowerFace:
    """What is the same for all faces. Make one with `load_lower_face`.

    share: [478] how far each landmark follows the mouth, 0..1. triangles: int32 [F, 3], those that
        may move.
    """

    def __init__(self, template: Template) -> None:
        self.template = template
        x, y = np.abs(template.rest[:, 0]), template.rest[:, 1]
        below = smoothstep((_NOSE - y) / (_NOSE - _FULL))
        self.share: Array = below * (1 - smoothstep((x - _ASIDE) / (_JAW - _ASIDE)))
        self.share[468:] = 0
        count = len(template.boundary)
        self._steps = (np.arange(1, _RINGS + 1) / _RINGS) ** 1.5
        index = np.concatenate(
            [template.boundary, len(template.row_end) + np.arange(_RINGS * count)]
        )
        first = np.arange(_RINGS * count).reshape(_RINGS, count)
        inner, outer = first, first + count
        after, beyond = np.roll(inner, -1, 1), np.roll(outer, -1, 1)
        ring = np.concatenate(
            [
                np.stack([inner, outer, beyond], -1).reshape(-1, 3),
                np.stack([inner, beyond, after], -1).reshape(-1, 3),
            ]
        )
        rest = self.vertices(template.rest * [1, -1, -1])[:, :2]
        around = _facing(index[ring], rest)
        self.triangles = np.concatenate([template.triangles, around]).astype(np.int32)
        still = self.vertices(template.rest.astype(float))
        shift = np.column_stack([self.share, self.share])
        movable = (self.moved(still, shift) != still).any(1)
        self.triangles = self.triangles[movable[self.triangles].any(1)]

    def vertices(self, landmarks: Array) -> Array:
        """Vertices [V, 3] of face and rings, x and y as they are, nearer is larger, from landmarks
        [478, 3], in pixels of a picture (smaller z is nearer, as the tracker has it)."""
        return self._with_rings(self.template.refine(landmarks.astype(np.float32)).astype(float))

    def moved(self, vertices: Array, shift: Array) -> Array:
        """`vertices` where the landmarks have been moved in the picture by shift [478, 2]."""
        flat = np.column_stack([shift, np.zeros(len(shift))]).astype(np.float32)
        fine = self.template.refine(flat)[:, :2].astype(float)
        # Less than this is rounding, and what stands still has to stand still to the bit.
        fine[np.abs(fine).max(1) < 1e-3] = 0
        count = len(fine)
        result = vertices.copy()
        result[:count, :2] += fine
        follow = 1 - smoothstep(np.arange(1, _RINGS + 1) / _RINGS)
        edge = fine[self.template.boundary]
        result[count:, :2] += (follow[:, None, None] * edge).reshape(-1, 2)
        return result

    def _with_rings(self, fine: Array) -> Array:
        fine[:, 2] *= -1
        edge = fine[self.template.boundary]
        size = float(np.ptp(fine[:, 1]))
        out = edge[:, :2] - edge[:, :2].mean(0)
        out *= _REACH * size / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
        ring = np.empty((_RINGS, len(edge), 3))
        ring[..., :2] = edge[:, :2] + self._steps[:, None, None] * out
        ring[..., 2] = edge[:, 2] - self._steps[:, None] * size
        return np.concatenate([fine, ring.reshape(-1, 3)])


def pinched(landmarks: Array, share: float) -> Array:
    """Landmarks with the inner edges of the lips moved into the lips, by a share of what is between
    the rows: the tracker's edge has a pixel of the teeth in it, which must not be drawn out."""
    result = landmarks.copy()
    for rows in (UPPER_LIP, LOWER_LIP):
        edge, row = list(rows[-1]), list(rows[-2])
        result[edge] += share * (landmarks[row] - landmarks[edge])
    return result


@lru_cache(maxsize=1)
def load_lower_face() -> LowerFace:
    """Made once. Raises `DreamTalkError` if the template is missing or damaged."""
    return LowerFace(load_template())


def _facing(triangles: NDArray[np.int64], points: Array) -> NDArray[np.int64]:
    """Triangles all turned to the viewer (y points down: their area is negative)."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    u, v = b - a, c - a
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    return np.where(area[:, None] < 0, triangles, triangles[:, ::-1])
