"""`ControlPictures`: the control pictures of a motion, of a head or of a portrait."""

from __future__ import annotations

from collections.abc import Callable, Generator
from fractions import Fraction
from functools import partial

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion import Motion
from dreamtalk_core.render.control.drawing import check_kind, to_bytes
from dreamtalk_core.render.control.faces import HeadControls, PortraitControls
from dreamtalk_core.render.head.look import Look
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.video import Frame
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.threads import in_order

_SURFACE = ("depth", "normals")


class ControlPictures:
    """Control pictures of a kind out of `KINDS`, at the motion's rate.

    Of the head, size x size pixels, or of a portrait, in whose own size `size` and `look` mean
    nothing. In EXR depth and normals are numbers, not colours: see `HeadControls.measure`.
    Raises `RenderError` for an unknown kind, a size that is odd or not within 64 to 4096, and
    landmarks of another head than the built-in one.
    """

    mark = None
    see_through = False

    def __init__(
        self,
        motion: Motion,
        kind: str,
        size: int = 512,
        look: Look | None = None,
        portrait: PortraitRenderer | None = None,
    ) -> None:
        check_kind(kind)
        self._look = look or Look()
        if self._look.head is not None and kind not in _SURFACE:
            raise RenderError(f"Of another head there is depth and normals only, no {kind}.")
        self._kind, self._motion = kind, motion.to_arkit()
        self._weights = self._motion.weights
        self.fps: Fraction = motion.fps
        if portrait is None:
            self._of_head = HeadControls(HeadRenderer(size, self._look.head, zoom=self._look.zoom))
            self._weights = self._of_head.renderer.head.solved(self._weights)
            self.size = (size, size)
        else:
            self._of_face = PortraitControls(portrait)
            self.size = portrait.image.shape[:2]
        self._portrait = portrait

    def __len__(self) -> int:
        return len(self._motion)

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """One picture uint8 [H, W, 3]; from any thread."""
        return to_bytes(self._kind, self.measure(self._kind, frame))

    def masked(self, frame: int, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One picture, and where the mouth is, or the face (of the built-in head: all of it):
        uint8 [H, W], 255 inside. part: "mouth" or "face"."""
        # Normals are as long as a pixel is covered; the mouth is white where it is.
        cover = self.measure("mouth" if part == "mouth" else "normals", frame)
        share = cover[..., 0] if part == "mouth" else np.linalg.norm(cover, axis=-1)
        return self.draw(frame), np.round(255 * share.clip(0, 1)).astype(np.uint8)

    def measure(self, kind: str, frame: int) -> NDArray[np.float32]:
        """A picture as numbers, float32 [H, W, 3]; from any thread."""
        motion = self._motion
        weights, turn = self._weights[frame], motion.head_rotation[frame]
        if self._portrait is not None:
            return self._of_face.measure(kind, weights, turn)
        view = self._look.view(frame / float(motion.fps))
        return self._of_head.measure(kind, weights, turn, view)

    def frames(self, exact: bool) -> Generator[Frame, None, None]:
        """All pictures, drawn by one thread per core; exact: depth and normals as numbers."""
        draw: Callable[[int], Frame] = self.draw
        if exact and self._kind in _SURFACE:
            draw = partial(self.measure, self._kind)
        return in_order(draw, range(len(self)))
