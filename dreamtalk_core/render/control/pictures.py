"""`ControlPictures`: the control pictures of a motion, of a head or of a portrait.

What is made of the pictures of one face or of several alike is in `AnyControls`; several: `group`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.control.crop import CROP, crop_face
from dreamtalk_core.render.control.drawing import KINDS, SURFACE, check_kind, to_bytes
from dreamtalk_core.render.control.faces import PARTS, HeadControls, PortraitControls
from dreamtalk_core.render.control.points import seventy
from dreamtalk_core.render.head.look import Look
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.video import Frame
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.threads import in_order

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]

GREY = "grey"
INSIDE = (GREY, *(kind for kind in KINDS if kind not in ("person", "face", "composite")))
"""What a composite may show where its mask is."""

IDENTITIES = ((0, 0, 255), (255, 0, 0), (0, 255, 0), (255, 0, 255), (0, 255, 255), (255, 255, 0))
"""The colours that SCAIL-2 tells people apart by, in its order."""

MOST_GROWN = 512
"""Pixels by which a mask can be made larger."""

_OF_ANY_HEAD = (*SURFACE, "person")
_HALF = 128


@dataclass(frozen=True)
class Masked:
    """What a mask covers, and what is where it is.

    part: one of `PARTS`. grow: by how many pixels it is made larger all round. inside: one of
    `INSIDE`, what a composite shows there. person: which one of several, from 0 up, for the colour.
    Raises `RenderError` for others.
    """

    part: str = "mouth"
    grow: int = 0
    inside: str = GREY
    person: int = 0

    def __post_init__(self) -> None:
        for what, value, known in (("mask", self.part, PARTS), ("inside", self.inside, INSIDE)):
            if value not in known:
                raise RenderError(
                    f"There is no {what} '{shown(value)}'. Choose from {', '.join(known)}."
                )
        if not 0 <= self.grow <= MOST_GROWN:
            raise RenderError(f"A mask grows by 0 to {MOST_GROWN} pixels, not {self.grow}.")


class AnyControls(ABC):
    """Control pictures of a kind out of `KINDS`, with their masks.

    fps: their rate. canvas: height and width of the whole picture; size: of what is drawn. people:
    the pictures of each face by itself.
    """

    mark = None
    see_through = False
    fps: Fraction
    canvas: tuple[int, int]
    size: tuple[int, int]
    people: Sequence[ControlPictures]

    def __init__(self, kind: str, masked: Masked | None) -> None:
        check_kind(kind)
        self._kind, self._masked = kind, masked or Masked()

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def measure(self, kind: str, frame: int) -> Float:
        """A picture as numbers, float32 [H, W, 3]; from any thread."""

    @abstractmethod
    def who(self, frame: int) -> Picture:
        """Everybody in a colour of their own, uint8 [H, W, 3]; from any thread."""

    @abstractmethod
    def cover(self, part: str, frame: int) -> Float:
        """How much of each pixel one of `PARTS` covers, float32 [H, W]; from any thread."""

    @abstractmethod
    def _rendered(self, frame: int) -> Picture:
        """What is controlled, itself."""

    def draw(self, frame: int) -> Picture:
        """One picture uint8 [H, W, 3]; from any thread."""
        if self._kind == "composite":
            return self._composite(frame)
        if self._kind == "person":
            return self.who(frame)
        return to_bytes(self._kind, self.measure(self._kind, frame))

    def masked(self, frame: int) -> tuple[Picture, Picture]:
        """One picture, and its mask uint8 [H, W], 255 inside; from any thread."""
        return self.draw(frame), self._mask(frame)

    def frames(self, exact: bool) -> Generator[Frame, None, None]:
        """All pictures, drawn by one thread per core; exact: depth and normals as numbers."""
        draw: Callable[[int], Frame] = self.draw
        if exact and self._kind in SURFACE:
            draw = partial(self.measure, self._kind)
        return in_order(draw, range(len(self)))

    def _mask(self, frame: int) -> Picture:
        mask = np.round(255 * self.cover(self._masked.part, frame).clip(0, 1)).astype(np.uint8)
        if grow := self._masked.grow:
            # Of pixels that are covered by half; what is covered less keeps its share beyond.
            away = cv2.distanceTransform(
                (mask < 128).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE
            )
            reached = np.clip(grow + 1 - away, 0, 1)
            mask = np.maximum(mask, np.round(255 * reached).astype(np.uint8))
        return mask

    def _composite(self, frame: int) -> Picture:
        outside, share = self._rendered(frame), self._mask(frame)[..., None] / np.float32(255)
        inside: Picture | int = _HALF
        if (kind := self._masked.inside) != GREY:
            inside = to_bytes(kind, self.measure(kind, frame))
        mixed: Picture = np.round(outside + share * (inside - outside.astype(np.float32))).astype(
            np.uint8
        )
        return mixed


class ControlPictures(AnyControls):
    """Control pictures of a kind out of `KINDS`, at the motion's rate.

    Of the head, size x size pixels, or of a portrait, in whose own size `size` and `look` mean
    nothing; of the kind `face`, 512 x 512. In EXR depth and normals are numbers, not colours: see
    `HeadControls.measure`.
    Raises `RenderError` for an unknown kind, a size that is odd or not within 64 to 4096, and
    landmarks of another head than the built-in one. Warns where a portrait's head turns further
    than its picture can show.
    """

    def __init__(
        self,
        motion: Motion,
        kind: str,
        size: int = 512,
        look: Look | None = None,
        portrait: PortraitRenderer | None = None,
        masked: Masked | None = None,
    ) -> None:
        super().__init__(kind, masked)
        self._look, self._motion = look or Look(), motion.to_arkit()
        self._weights = motion.over(FACE_NAMES).weights
        self.fps = motion.fps
        self._portrait = portrait
        if portrait is None:
            self._check_head(kind)
            look = self._look
            background = "studio" if look.background is None else look.background
            self._of_head = HeadControls(HeadRenderer(size, look.head, background, look.zoom))
            self._weights = self._of_head.renderer.head.solved(self._weights, float(motion.fps))
            self.canvas = (size, size)
        else:
            self._of_face = PortraitControls(portrait)
            portrait.warn_of_eased(motion)
            self.canvas = portrait.image.shape[:2]
        self.size = (CROP, CROP) if kind == "face" else self.canvas
        self.people = (self,)

    def _check_head(self, kind: str) -> None:
        """Raises `RenderError` for what is not known of another head."""
        inside = self._masked.part == "person" and self._masked.inside in (GREY, *SURFACE)
        if self._look.head is None or kind in _OF_ANY_HEAD or (kind == "composite" and inside):
            return
        raise RenderError(
            f"Of another head there is depth and normals only, and the whole of it, no {kind}."
        )

    def __len__(self) -> int:
        return len(self._motion)

    def draw(self, frame: int) -> Picture:
        if self._kind == "face":
            return crop_face(self._rendered(frame), seventy(self.landmarks(frame)))
        return super().draw(frame)

    def masked(self, frame: int) -> tuple[Picture, Picture]:
        picture, mask = super().masked(frame)
        if self._kind == "face":
            mask = crop_face(mask, seventy(self.landmarks(frame)))
        return picture, mask

    def who(self, frame: int) -> Picture:
        return self.coloured(self.cover("person", frame))

    def coloured(self, cover: Float) -> Picture:
        """What this person covers [H, W] in their colour, uint8 [H, W, 3]."""
        colour = np.array(IDENTITIES[self._masked.person % len(IDENTITIES)], np.uint8)
        return np.where(cover[..., None] > 0.5, colour, np.uint8(0))

    def measure(self, kind: str, frame: int) -> Float:
        if self._portrait is not None:
            return self._of_face.measure(kind, *self._moment(frame))
        return self._of_head.measure(kind, *self._moment(frame), self._view(frame))

    def landmarks(self, frame: int) -> Float:
        """The 478 landmarks [478, 3] in the whole picture, see `PortraitControls.landmarks`."""
        if self._portrait is not None:
            return self._of_face.landmarks(*self._moment(frame))
        return self._of_head.landmarks(*self._moment(frame), self._view(frame))

    @property
    def has_landmarks(self) -> bool:
        """Whether it is known where the landmarks are; they are not on another head."""
        return self._portrait is not None or self._look.head is None

    def held(self, frame: int) -> int:
        """That frame, or the last one beyond the end."""
        return min(frame, len(self) - 1)

    def weights(self, frame: int) -> Float:
        """The motion's shapes at a frame, float32 [52]."""
        row: Float = self._motion.weights[frame]
        return row

    def body(self, frame: int, landmarks: Float) -> Float:
        """The points of the body [18, 3], see `body_of`."""
        _, turn = self._moment(frame)
        if self._portrait is not None:
            return self._of_face.body(landmarks, turn)
        return self._of_head.body(landmarks, turn, self._view(frame))

    def angles(self, frame: int) -> NDArray[np.float64]:
        """How the head is turned in the picture, [3] in degrees, but for the camera's view."""
        _, turn = self._moment(frame)
        return turn.astype(float) if self._portrait is None else self._of_face.angles(turn)

    def _moment(self, frame: int) -> tuple[Float, Float]:
        """Weights, of the tongue as well, and rotation of the head as far as it is drawn."""
        weights, turn = self._told(frame)
        if self._portrait is not None:
            turn = self._portrait.eased(turn).astype(np.float32)
        return weights, turn

    def _told(self, frame: int) -> tuple[Float, Float]:
        """The same, as the motion has it."""
        return self._weights[frame], self._motion.head_rotation[frame]

    def _view(self, frame: int) -> tuple[float, float]:
        return self._look.view(frame / float(self.fps))

    def _rendered(self, frame: int) -> Picture:
        if self._portrait is not None:
            return self._portrait.render(*self._told(frame))
        return self._of_head.renderer.render(*self._moment(frame), self._view(frame))

    def cover(self, part: str, frame: int) -> Float:
        if self._portrait is not None:
            return self._of_face.mask(part, *self._moment(frame))
        return self._of_head.mask(part, *self._moment(frame), self._view(frame))
