"""The lines and triangles between a face's 478 landmarks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.portrait.template import (
    IRISES,
    LOWER_LIP,
    MOUTH_LOOP,
    UPPER_LIP,
    load_template,
)

Float = NDArray[np.float32]
Int = NDArray[np.int32]

_COARSE = 898
"""Triangles between the landmarks; those of the fine mesh follow one another in their order."""

# The face's lines, as runs of landmarks; left and right are the character's.
# fmt: off
OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)
_OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291,
    409, 270, 269, 267, 0, 37, 39, 40, 185, 61,
)
# fmt: on
_LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263)
_RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33)
_LEFT_BROW = ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))
_RIGHT_BROW = ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107))
_INNER_LIPS = (*MOUTH_LOOP, MOUTH_LOOP[0])

_LINES: tuple[tuple[tuple[int, int, int], tuple[tuple[int, ...], ...]], ...] = (
    ((10, 200, 10), (OUTLINE,)),
    ((10, 200, 180), (_LEFT_EYE,)),
    ((180, 200, 10), (_RIGHT_EYE,)),
    ((10, 220, 180), _LEFT_BROW),
    ((180, 220, 10), _RIGHT_BROW),
    ((10, 180, 10), (_OUTER_LIPS, _INNER_LIPS)),
)
FEATURES = (
    *(_LEFT_EYE, _RIGHT_EYE, _OUTER_LIPS, _INNER_LIPS),
    *((*lower, *upper[::-1], lower[0]) for lower, upper in (_LEFT_BROW, _RIGHT_BROW)),
    (64, 240, 97, 2, 326, 460, 294),
    *((*range(at + 1, at + 5), at + 1) for at in IRISES),
)
"""Lines of a face that an edge detector finds: lids, lips, brows, the base of the nose, irises."""
_NOSE = (
    (168, 6, 197, 195, 5, 4, 1, 19, 94, 2),
    (98, 97, 2, 326, 327),
    (98, 64, 48),
    (327, 294, 278),
)
CONNECTIONS: dict[str, list[tuple[int, int]]] = {
    name: [pair for line in lines for pair in pairwise(line)]
    for name, lines in {
        "face_oval": (OUTLINE,),
        "left_eye": (_LEFT_EYE,),
        "right_eye": (_RIGHT_EYE,),
        "left_eyebrow": _LEFT_BROW,
        "right_eyebrow": _RIGHT_BROW,
        "lips": (_OUTER_LIPS, _INNER_LIPS),
        "irises": tuple((*range(at + 1, at + 5), at + 1) for at in IRISES),
        "nose": _NOSE,
    }.items()
}
"""Lines by the names that MediaPipe gives them, as pairs of landmarks."""
PUPILS = ((473, (10, 200, 250)), (468, (250, 200, 10)))


@dataclass(frozen=True, eq=False)
class Topology:
    """Lines and triangles between landmarks.

    triangles: int32 [898, 3]. lips: int32 [L, 3], those of the mouth, between the lips included.
    edges: int32 [E, 2] with colours: uint8 [E, 3], of the landmark drawing.
    inside: float32 [F], for each triangle of the fine mesh 1 if it is between the lips.
    """

    triangles: Int
    lips: Int
    edges: Int
    colours: NDArray[np.uint8]
    inside: Float


@lru_cache(maxsize=1)
def topology() -> Topology:
    """What control pictures draw of the template's mesh."""
    fine = load_template().triangles
    group = fine.reshape(_COARSE, -1, 3)
    # Each step of subdivision put the three corners first, and a landmark kept its number.
    step = (group.shape[1] - 1) // 3
    triangles = np.stack([group[:, i * step, i] for i in range(3)], axis=1)
    lips = {v for row in (*UPPER_LIP, *LOWER_LIP) for v in row}
    mouth = np.isin(triangles, [*lips, *_OUTER_LIPS, *MOUTH_LOOP, 62, 76, 291, 292, 306]).all(
        axis=1
    )
    inside = np.isin(triangles, MOUTH_LOOP).all(axis=1)
    runs = [(run, colour) for colour, lines in _LINES for run in lines]
    edges = [pair for run, _ in runs for pair in pairwise(run)]
    colours = [colour for run, colour in runs for _ in run[1:]]
    return Topology(
        triangles,
        np.ascontiguousarray(triangles[mouth]),
        np.array(edges, np.int32),
        np.array(colours, np.uint8),
        np.repeat(inside, group.shape[1]).astype(np.float32),
    )
