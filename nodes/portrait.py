"""The portrait of a node that draws one: its inputs, and the face that is found in it.

Finding a face takes a moment, so the last few are kept: another motion, another node, or the same
picture anew need not wait for it. That a picture has none is kept, too.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch
from comfy_api.latest import io

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.warned import telling, warn

from . import host
from .schema import ADVANCED

if TYPE_CHECKING:
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer
    from dreamtalk_core.tracking.portrait import Portrait

Key = TypeVar("Key")
Value = TypeVar("Value")

KEPT = 4
LARGEST = 0


class FaceChoice(NamedTuple):
    """Which face is meant, as `face_inputs` asks for it."""

    face: int = LARGEST
    points: str = ""
    crop: int = 0

    @property
    def chosen(self) -> str | int:
        """As the core takes it, which counts from 0."""
        return "largest" if self.face == LARGEST else self.face - 1


NO_CHOICE = FaceChoice()


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
    from dreamtalk_core.tracking.portrait import Points

    try:
        # A connected text is not known yet.
        if points and points.strip():
            Points.parse(points)
    except TrackingError as error:
        return str(error)
    return True


def portrait_pixels(image: torch.Tensor | None) -> host.Picture:
    """The first picture of an IMAGE [H, W, 3], or the demo portrait if there is none."""
    from dreamtalk_core.assets import DEMO_PORTRAIT
    from dreamtalk_core.tracking.video import read_image

    return read_image(DEMO_PORTRAIT) if image is None else host.picture(image)


_portraits: OrderedDict[tuple[str, FaceChoice], Portrait | str] = OrderedDict()
_renderers: OrderedDict[tuple[str, FaceChoice], PortraitRenderer] = OrderedDict()


def find_portrait(image: torch.Tensor | None, choice: FaceChoice = NO_CHOICE) -> Portrait:
    """The face in a picture, see `portrait_pixels`. The user may cancel the search.

    What may look bad is told, also of a face that has been found before, see `host.telling`.
    Raises TrackingError where no face is found, saying what to do about it.
    """
    from dreamtalk_core.tracking.portrait import Points, read_portrait

    pixels = portrait_pixels(image)

    def find() -> Portrait | str:
        try:
            return read_portrait(
                pixels,
                choice=choice.chosen,
                points=Points.parse(choice.points) if choice.points.strip() else None,
                crop=choice.crop or None,
                progress=host.progress(),
            )
        except TrackingError as error:
            return str(error)

    with telling(lambda text: None):
        found = kept(_portraits, (_digest(pixels), choice), find)
    if isinstance(found, str):
        raise TrackingError(found)
    for text in found.warnings:
        warn(text)
    return found


def read_face(image: torch.Tensor | None, choice: FaceChoice, node: str) -> PortraitRenderer:
    """What draws the portrait, see `find_portrait`.

    node: the id of the node, in which it is told what may look bad.
    """
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer

    with host.telling(node):
        portrait = find_portrait(image, choice)
    face = portrait.face
    return kept(
        _renderers,
        (_digest(portrait.image), choice),
        lambda: PortraitRenderer(portrait.image, face.landmarks, face.matrix, face.weights),
    )


def kept(memory: OrderedDict[Key, Value], key: Key, make: Callable[[], Value]) -> Value:
    """What is in memory, or else made and put there in place of what was used longest ago."""
    if key not in memory:
        memory[key] = make()
        while len(memory) > KEPT:
            memory.popitem(last=False)
    memory.move_to_end(key)
    return memory[key]


def _digest(pixels: host.Picture) -> str:
    return sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest()
