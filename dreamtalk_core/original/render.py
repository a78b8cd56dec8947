"""A portrait that speaks, by the original renderer: the portrait's crop, and the frames."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.original.coefficients import Coefficients
from dreamtalk_core.original.layout import FPS
from dreamtalk_core.original.renderer import GPU_FRAMES, IMAGE_SIZE, RADIUS, PIRenderer
from dreamtalk_core.render.output.mark import PORTRAIT_MARK

Image = NDArray[np.uint8]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""

# The corners of the eyes and of the mouth among the 478 landmarks.
_EYES, _MOUTH = ((33, 133), (362, 263)), (61, 291)
_BOX_SIDE, _BOX_DOWN = 2.47, 0.516
_RISE = 0.1
"""How much of its height the box is moved up, in the public code."""
_GROWTH = 0.4
"""How much of its size is added on each side there."""


class OriginalPictures:
    """Pictures of a portrait that moves, 256 x 256 pixels at 25 frames a second, for `render.job`.

    portrait: uint8 [256, 256, 3], see `crop_portrait`. motion: a `Motion` goes through `bfm`.
    autocast: half precision, for graphics cards.
    Raises ModelError where a `Motion` needs maps that are missing.
    """

    fps = Fraction(FPS)
    mark = PORTRAIT_MARK
    see_through = False

    def __init__(
        self,
        renderer: PIRenderer,
        portrait: Image,
        motion: Coefficients | Motion,
        autocast: bool = False,
    ) -> None:
        self._renderer, self._portrait, self._autocast = renderer, portrait, autocast
        if isinstance(motion, Motion):
            motion = Coefficients.from_motion(motion)
        self._face = motion

    def __len__(self) -> int:
        return len(self._face)

    def frames(self, exact: bool) -> Generator[Image, None, None]:
        """All pictures. Raises RenderError for a portrait of another size."""
        return draw_frames(self._renderer, self._portrait, self._face, self._autocast)


def draw_frames(
    renderer: PIRenderer, portrait: Image, face: Coefficients, autocast: bool = False
) -> Generator[Image, None, None]:
    """The pictures uint8 [256, 256, 3], one after the other, drawn a few at once.

    Raises RenderError for a portrait of another size.
    """
    if portrait.shape != (IMAGE_SIZE, IMAGE_SIZE, 3) or portrait.dtype != np.uint8:
        raise RenderError(
            f"The portrait must be uint8 [{IMAGE_SIZE}, {IMAGE_SIZE}, 3], not {portrait.dtype} "
            f"{list(portrait.shape)}. Crop it first."
        )
    picture = torch.from_numpy(portrait).permute(2, 0, 1)[None].float() / 255
    prepared = renderer.prepare(picture * 2 - 1)
    rows = np.concatenate([face.expression, face.pose], 1)
    at_once = 1 if renderer.device.type == "cpu" else GPU_FRAMES
    for start in range(0, len(rows), at_once):
        windows = driving_windows(rows, start, min(start + at_once, len(rows)))
        drawn = renderer(prepared, torch.from_numpy(windows), autocast)
        # The public code cuts off digits here, it does not round.
        levels = ((drawn.clamp(-1, 1) + 1) / 2 * 255).to(torch.uint8)
        yield from levels.permute(0, 2, 3, 1).cpu().numpy()


def driving_windows(
    rows: NDArray[np.float32], start: int, stop: int, radius: int = RADIUS
) -> NDArray[np.float32]:
    """What frames start to stop are drawn from: [stop - start, C, 2 radius + 1] of rows [T, C].

    Before the first and after the last frame these are repeated.
    """
    around = np.arange(start, stop)[:, None] + np.arange(-radius, radius + 1)
    return np.ascontiguousarray(rows[around.clip(0, len(rows) - 1)].transpose(0, 2, 1))


def crop_portrait(image: Image, landmarks: NDArray[np.floating]) -> Image:
    """A portrait as the original renderer wants it: uint8 [256, 256, 3], from a picture [H, W, 3].

    landmarks: [478, 2 or 3] of the face, as `tracking` finds them.

    The public code's crop: the box that dlib's detector draws around the face is moved up by a
    tenth and grows by .4 on each side. Over the picture's left or top edge all sides draw in;
    over the right or bottom one what is there is stretched to a square, as it is there.
    Raises RenderError if the face is cut off so far that nothing is left.
    """
    left, top, right, bottom = grown_box(face_box(landmarks), image.shape[1], image.shape[0])
    cut = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if not cut.size:
        raise RenderError(
            "The face is too near the edge of the picture to be cropped. Use one that shows the "
            "whole head, or crop it to a square yourself."
        )
    return fit_square(cut)


def fit_square(image: Image) -> Image:
    """A picture of any size as uint8 [256, 256, 3], bilinear between pixels' middles."""
    size = (IMAGE_SIZE, IMAGE_SIZE)
    result = cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return np.rint(result).astype(np.uint8)


def face_box(landmarks: NDArray[np.floating]) -> Box:
    """The square that dlib's frontal detector would draw around a face, near enough.

    dlib's boxes have sizes in steps of 1.2 and lie on a grid of a tenth of their side. This is the
    middle of what it draws, without the steps: fitted to 101 boxes in 5 portraits and 16 videos
    (side within 6 %, common area over all area .86).
    """
    points = landmarks[:, :2].astype(np.float64)
    eyes = np.stack([points[list(corners)].mean(0) for corners in _EYES])
    middle = eyes.mean(0)
    x, y = middle + _BOX_DOWN * (points[list(_MOUTH)].mean(0) - middle)
    half = _BOX_SIDE * float(np.linalg.norm(eyes[1] - eyes[0])) / 2
    return float(x - half), float(y - half), float(x + half), float(y + half)


def grown_box(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a picture of width x height around a face's box, as the public code takes it.

    It may reach over the right and the bottom edge.
    """
    left, top, right, bottom = box
    rise = _RISE * (bottom - top)
    top, bottom = max(0.0, top - rise), min(float(height), bottom - rise)
    wide, high = right - left, bottom - top
    # At least the growth, and as much as makes it square with the longer side's growth.
    full = 1 + 2 * _GROWTH
    across = max(_GROWTH * wide, (full * high - wide) / 2)
    down = max(_GROWTH * high, (full * wide - high) / 2)
    grown = [int(left - across), int(top - down), int(right + across), int(bottom + down)]
    over = max(
        0,
        -grown[0],
        -grown[1],
        # The public code compares the face's own edge here, and hardly ever sees an overlap.
        int(right - min(grown[2], width)),
        int(bottom - min(grown[3], height)),
    )
    return grown[0] + over, grown[1] + over, grown[2] - over, grown[3] - over
