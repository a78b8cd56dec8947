"""The portrait of a node that draws one: its inputs, and the face that is found in it.

Finding a face takes about a second, so the last few are kept: another motion, another node, or the
same picture anew need not wait for it.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

import torch
from comfy_api.latest import io
from server import PromptServer

from .host import Picture, picture
from .schema import ADVANCED

if TYPE_CHECKING:
    from dreamtalk_core.render.portrait import PortraitRenderer

KEPT = 4
LARGEST = 0

_found: OrderedDict[tuple[str, FaceChoice], tuple[PortraitRenderer, tuple[str, ...]]] = (
    OrderedDict()
)


class FaceChoice(NamedTuple):
    """Which face is meant, as `face_inputs` asks for it."""

    face: int = LARGEST
    points: str = ""
    crop: int = 0

    @property
    def chosen(self) -> str | int:
        """As the core takes it, which counts from 0."""
        return "largest" if self.face == LARGEST else self.face - 1


def portrait_input(tooltip: str) -> io.Image.Input:
    """The input for the picture."""
    return io.Image.Input("portrait", optional=True, tooltip=tooltip)


def face_inputs() -> list[io.Input]:
    """Which face is meant, and how much of the picture is kept."""
    return [
        io.Int.Input(
            "face",
            default=LARGEST,
            min=LARGEST,
            max=64,
            tooltip="Of several faces: 0 takes the largest, 1 the first from the left, 2 the "
            "second, and so on.",
            **ADVANCED,
        ),
        io.String.Input(
            "points",
            default="",
            placeholder="210,180 290,182 250,270",
            tooltip="Only if no face is found, as in some drawings: the middles of both eyes and "
            "of the mouth in pixels from the top left corner, as 210,180 290,182 250,270. "
            "Leave it empty otherwise.",
            **ADVANCED,
        ),
        io.Int.Input(
            "crop",
            default=0,
            min=0,
            max=4096,
            step=2,
            tooltip="Show the face only, in a square of so many pixels a side. 0 keeps the whole "
            "picture in its own size.",
        ),
    ]


def check_points(points: str | None) -> bool | str:
    """For `validate_inputs`: whether the points of a face can be read."""
    from dreamtalk_core.errors import TrackingError
    from dreamtalk_core.tracking.portrait import Points

    try:
        # A connected text is not known yet.
        if points and points.strip():
            Points.parse(points)
    except TrackingError as error:
        return str(error)
    return True


def portrait_pixels(image: torch.Tensor | None) -> Picture:
    """The first picture of an IMAGE [H, W, 3], or the demo portrait if there is none."""
    from dreamtalk_core.assets import DEMO_PORTRAIT
    from dreamtalk_core.tracking.video import read_image

    return read_image(DEMO_PORTRAIT) if image is None else picture(image)


def read_face(image: torch.Tensor | None, choice: FaceChoice, node: str) -> PortraitRenderer:
    """What draws the portrait, see `portrait_pixels`.

    node: the id of the node, in which it is told what may look bad. Raises TrackingError where no
    face is found, saying what to do about it.
    """
    from dreamtalk_core.render.portrait import PortraitRenderer
    from dreamtalk_core.tracking.portrait import Points, read_portrait

    pixels = portrait_pixels(image)
    digest = sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
    key = (digest, choice)
    if key not in _found:
        portrait = read_portrait(
            pixels,
            choice=choice.chosen,
            points=Points.parse(choice.points) if choice.points.strip() else None,
            crop=choice.crop or None,
        )
        face = portrait.face
        drawn = PortraitRenderer(portrait.image, face.landmarks, face.matrix, face.weights)
        _found[key] = drawn, portrait.warnings
        while len(_found) > KEPT:
            _found.popitem(last=False)
    _found.move_to_end(key)
    drawn, warnings = _found[key]
    if warnings:
        PromptServer.instance.send_progress_text(" ".join(warnings), node)
    return drawn
