"""The face's mesh before it is fitted: landmarks, the fine vertices between them, how they move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.render.raster import compiled

Float = NDArray[np.float32]
Int = NDArray[np.int32]

RIG_FILE = Path(__file__).with_name("portrait_rig.npz")

SIDES = ("Right", "Left")
"""The eyes in the order of `EYE_LOOPS`: the character's right is on the left of the picture."""

EYE_LOOPS = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382),
)
"""Landmarks around each eye: from the left corner along the upper lid, and back along the lower."""

MOUTH_LOOP = (
    *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    *(324, 318, 402, 317, 14, 87, 178, 88, 95),
)
"""Landmarks of the lips' inner edges, in the same order."""

UPPER_LIP = (
    (185, 40, 39, 37, 0, 267, 269, 270, 409),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
)
LOWER_LIP = (
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
)
"""Rows of nine landmarks from the outer edge of each lip to the inner one, left to right."""

IRISES = (468, 473)
"""The middle of each iris; the four that follow it lie on its edge."""


@dataclass(frozen=True, eq=False)
class Template:
    """What is the same for all faces.

    triangles: int32 [F, 3], counter-clockwise from outside.
    row_end, column, share: the matrix from landmarks to fine vertices [V, 478], row by row.
    mouth_loop: int32 [80] fine vertices of `MOUTH_LOOP`; eye_loops: int32 [2, 64] of `EYE_LOOPS`.
    boundary: int32 [144], the edge of the mesh.
    rest: float32 [478, 3] landmarks of the built-in head, mm, its axes; deltas: float32
        [52, 478, 3], their movements.
    """

    triangles: Int
    row_end: Int
    column: Int
    share: Float
    mouth_loop: Int
    eye_loops: Int
    boundary: Int
    rest: Float
    deltas: Float

    def refine(self, landmarks: Float) -> Float:
        """Fine vertices float32 [V, 3] from landmarks [478, 3]."""
        fine = np.empty((len(self.row_end), 3), np.float32)
        _refine(self.row_end, self.column, self.share, landmarks.astype(np.float32), fine)
        return fine


@compiled()
def _refine(row_end: Int, column: Int, share: Float, coarse: Float, fine: Float) -> None:
    start = 0
    for row in range(row_end.shape[0]):
        x = y = z = np.float32(0.0)
        for k in range(start, row_end[row]):
            c = column[k]
            x += share[k] * coarse[c, 0]
            y += share[k] * coarse[c, 1]
            z += share[k] * coarse[c, 2]
        fine[row, 0], fine[row, 1], fine[row, 2] = x, y, z
        start = row_end[row]


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Read once. Raises `DreamTalkError` if the file is missing or damaged."""
    try:
        arrays = read_arrays(RIG_FILE, DreamTalkError)
        arrays["deltas"] = arrays["deltas"].astype(np.float32) * arrays.pop("delta_scale")
        share = arrays["share"].astype(np.float32)
        # Shares were rounded: each row has to sum up to one again.
        ends = arrays["row_end"]
        counts = np.diff(ends, prepend=0)
        sums = np.add.reduceat(share, ends - counts)
        arrays["share"] = share / np.repeat(sums, counts)
        for name in ("triangles", "column", "mouth_loop", "eye_loops", "boundary"):
            arrays[name] = arrays[name].astype(np.int32)
        return Template(**arrays)
    except (DreamTalkError, LookupError, ValueError, TypeError) as error:
        raise DreamTalkError(
            f"The file {RIG_FILE.name} is missing or damaged. Install DreamTalk again."
        ) from error
