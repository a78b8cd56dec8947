"""`GroupPictures`: several faces of one picture move, each by a motion of its own."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from fractions import Fraction

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

Float = NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a face, in pixels."""

_BAND = 0.25
"""How softly what moves with one face gives way to what moves with the next, in sizes of a face."""


class GroupPictures:
    """Pictures of a picture with several faces, in its size, at the motions' rate.

    Each face is drawn as if it were alone and has its surroundings to itself: where its own
    movement would reach those of another face, the nearer one counts, in sizes of the faces.
    portraits: those that move, all of one picture; motions: theirs, of one frame rate; shorter ones
    hold their last frame. boxes: of all faces in the picture, those that keep still as well.
    Raises RenderError for motions of different rates, or of another number than the portraits.
    """

    mark = PORTRAIT_MARK
    see_through = False

    def __init__(
        self,
        portraits: Sequence[PortraitRenderer],
        motions: Sequence[Motion],
        boxes: Sequence[Box] = (),
        stamped: bool = False,
    ) -> None:
        if not portraits or len(portraits) != len(motions):
            raise RenderError(
                f"There are {len(portraits)} faces and {len(motions)} motions. Give each face one."
            )
        self.fps: Fraction = motions[0].fps
        if any(motion.fps != self.fps for motion in motions):
            listed = ", ".join(f"{float(motion.fps):g}" for motion in motions)
            raise RenderError(
                f"Faces of one picture need one frame rate, not {listed}. Resample the motions."
            )
        if any(motions[i] == motions[k] for i in range(len(motions)) for k in range(i)):
            warn("Two faces have the same motion. Sample one of them with another seed.")
        self._portraits, self._stamped = portraits, stamped
        self._motions = [motion.over(FACE_NAMES) for motion in motions]
        own = [_box(portrait) for portrait in portraits]
        still = [box for box in boxes if all(_apart(box, other) for other in own)]
        self._shares = _shares([*own, *still], portraits[0].image.shape[:2])[: len(own)]

    def __len__(self) -> int:
        return max(map(len, self._motions))

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """One picture uint8 [H, W, 3]; from any thread."""
        out = self._portraits[0].image.copy()
        for portrait, motion, (window, share) in zip(
            self._portraits, self._motions, self._shares, strict=True
        ):
            at = min(frame, len(motion) - 1)
            drawn = portrait.render(motion.weights[at], motion.head_rotation[at])[window]
            change = share * (drawn.astype(np.float32) - portrait.image[window])
            out[window] = np.clip(np.rint(out[window] + change), 0, 255)
        return stamp(out) if self._stamped else out

    def frames(self, exact: bool) -> Generator[NDArray[np.uint8], None, None]:
        """All pictures, drawn by one thread per core."""
        return in_order(self.draw, range(len(self)))


def _box(portrait: PortraitRenderer) -> Box:
    points = portrait.vertices(np.zeros(52, np.float32))[:, :2]
    (left, top), (right, bottom) = points.min(0), points.max(0)
    return float(left), float(top), float(right), float(bottom)


def _apart(one: Box, other: Box) -> bool:
    """Whether two boxes are of different faces."""
    (x, y, size), (u, v, other_size) = _middle(one), _middle(other)
    return bool(np.hypot(x - u, y - v) > 0.5 * min(size, other_size))


def _middle(box: Box) -> tuple[float, float, float]:
    left, top, right, bottom = box
    return (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)


def _shares(
    boxes: Sequence[Box], shape: tuple[int, ...]
) -> list[tuple[tuple[slice, slice], Float]]:
    """For each face the window of the picture that it has a share in, and its share there
    [h, w, 1]; the shares of all faces sum up to 1."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    away = np.stack(
        [np.hypot(x - u, y - v).astype(np.float32) / size for u, v, size in map(_middle, boxes)]
    )
    if len(boxes) == 1:
        whole = (slice(0, shape[0]), slice(0, shape[1]))
        return [(whole, np.ones((*shape, 1), np.float32))]
    shares = np.empty_like(away)
    for i in range(len(boxes)):
        nearest = np.delete(away, i, 0).min(0)
        shares[i] = smoothstep((nearest - away[i]) / _BAND + 0.5)
    shares /= shares.sum(0)
    found = []
    for share in shares:
        rows, columns = np.flatnonzero(share.any(1)), np.flatnonzero(share.any(0))
        window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
        found.append((window, share[window][..., None]))
    return found
