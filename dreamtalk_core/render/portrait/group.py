"""`GroupPictures`: several faces of one picture move, each by a motion of its own."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.output.mark import PORTRAIT_MARK, stamp
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.threads import in_order
from dreamtalk_core.warned import warn

if TYPE_CHECKING:
    from dreamtalk_core.tracking.tracker import Face

Array = NDArray[np.float64]

_BAND = 0.6
"""Over how far what surrounds a face comes to rest towards what surrounds the next one, in sizes of
a face."""


class GroupPictures:
    """Pictures of a picture with several faces, in its size, at the motions' rate.

    image: uint8 [H, W, 3]. moving: the faces that move, as the tracker sees them; motions: theirs,
    of one frame rate; shorter ones hold their last frame. faces: all in the picture, those that
    keep still as well. What is nearer to one face than to another, in sizes of the faces, moves
    with that one alone.
    numbers: which of all the faces those are that move, portraits and motions what moves them.
    Raises RenderError for motions of different rates, or of another number than the faces.
    """

    mark = PORTRAIT_MARK
    see_through = False

    def __init__(
        self,
        image: NDArray[np.uint8],
        moving: Sequence[Face],
        motions: Sequence[Motion],
        faces: Sequence[Face],
        stamped: bool = False,
    ) -> None:
        if not moving or len(moving) != len(motions):
            raise RenderError(
                f"There are {len(moving)} faces and {len(motions)} motions. Give each face one."
            )
        self.fps: Fraction = motions[0].fps
        if any(motion.fps != self.fps for motion in motions):
            listed = ", ".join(f"{float(motion.fps):g}" for motion in motions)
            raise RenderError(
                f"Faces of one picture need one frame rate, not {listed}. Resample the motions."
            )
        if any(motions[i] == motions[k] for i in range(len(motions)) for k in range(i)):
            warn("Two faces have the same motion. Sample one of them with another seed.")
        self._image, self._stamped = image, stamped
        self.motions = [motion.over(FACE_NAMES) for motion in motions]
        self.numbers = [list(faces).index(face) for face in moving]
        self._moving = moving
        self.portraits = [
            PortraitRenderer(
                image,
                face.landmarks,
                face.matrix,
                face.weights,
                partial(share_of, face, [other for other in faces if other is not face]),
            )
            for face in moving
        ]
        for portrait, motion in zip(self.portraits, motions, strict=True):
            portrait.warn_of_eased(motion)

    def __len__(self) -> int:
        return max(map(len, self.motions))

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """One picture uint8 [H, W, 3]; from any thread."""
        out = self._image.copy()
        for portrait, motion in zip(self.portraits, self.motions, strict=True):
            at = min(frame, len(motion) - 1)
            drawn = portrait.render(motion.weights[at], motion.head_rotation[at])
            changed = (drawn != self._image).any(-1)
            out[changed] = drawn[changed]
        return stamp(out) if self._stamped else out

    def nearest(self) -> NDArray[np.intp]:
        """Which of the faces that move is nearest to each pixel, in sizes of the faces, [H, W]."""
        rows, columns = np.indices(self._image.shape[:2]) + 0.5
        points = np.column_stack([columns.ravel(), rows.ravel()])
        away = [_away(face, points) for face in self._moving]
        return np.argmin(away, axis=0).reshape(rows.shape)

    def frames(self, exact: bool) -> Generator[NDArray[np.uint8], None, None]:
        """All pictures, drawn by one thread per core."""
        return in_order(self.draw, range(len(self)))


def share_of(face: Face, others: Sequence[Face], points: Array) -> Array:
    """How far points [N, 2] are a face's own, 0..1 [N]: 0 from where another one is as near."""
    if not others:
        return np.ones(len(points))
    nearest = np.min([_away(other, points) for other in others], axis=0)
    return smoothstep((nearest - _away(face, points)) / _BAND)


def _away(face: Face, points: Array) -> Array:
    """Distances [N] of points from the middle of a face, in its sizes."""
    corners = np.array(face.box).reshape(2, 2)
    away: Array = np.linalg.norm(points - corners.mean(0), axis=1) / face.size
    return away
