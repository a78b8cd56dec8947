"""The portrait of a node that draws one: its inputs, and the face that is found in it.

Finding a face takes a moment, so the last few are remembered: another motion, another node, or the
same picture anew need not wait for it. That a picture has none is remembered, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from comfy_api.latest import io

from dreamtalk_core.errors import TrackingError
from dreamtalk_core.warned import collect_warnings, warn

from . import host
from .conversions import Picture, digest, first_picture
from .recent import Recent
from .schema import ADVANCED

if TYPE_CHECKING:
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer
    from dreamtalk_core.tracking.portrait import Portrait

REMEMBERED = 4
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


IN_VIEW = "Give a picture of a face in clear view."
BY_POINTS = (
    f"{IN_VIEW[:-1]}; or, for a drawing, write into 'points' where the eyes and the mouth are "
    "(newer ComfyUIs show that input with 'Show advanced inputs')."
)
"""What to do where no face is found, in nodes that have other inputs than the command line."""


def portrait_input(tooltip: str) -> io.Image.Input:
    """The input for the picture."""
    return io.Image.Input("portrait", optional=True, tooltip=tooltip)


def filmed_face_input() -> io.Input:
    """Which face of a video is meant."""
    return io.Int.Input(
        "face",
        default=LARGEST,
        min=LARGEST,
        max=99,
        tooltip="Whose face: 0 the largest, 1 the first from the left, 2 the next ...",
        **ADVANCED,
    )


def neutral_input() -> io.Input:
    """Somebody who was filmed, at rest."""
    return io.Image.Input(
        "neutral",
        optional=True,
        tooltip="The same person at rest: their own face is taken off more exactly.",
    )


def rate_input(tooltip: str, **more: bool) -> io.Input:
    """The frame rate of what may come as images. more: `ADVANCED`."""
    return io.Float.Input(
        "fps", default=25.0, min=1.0, max=240.0, step=0.001, tooltip=tooltip, **more
    )


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


def portrait_pixels(image: torch.Tensor | None) -> Picture:
    """The picture of an IMAGE [H, W, 3], or the demo portrait if there is none.

    Of several the first, with a warning.
    """
    from dreamtalk_core.assets import DEMO_PORTRAIT
    from dreamtalk_core.tracking.video import read_image

    if image is None:
        return read_image(DEMO_PORTRAIT)
    if len(image) > 1:
        warn(
            f"This IMAGE is a batch of {len(image)} pictures, and one is wanted: the first is "
            "taken. Choose another with ImageFromBatch."
        )
    return first_picture(image)


_portraits: Recent[tuple[str, FaceChoice], Portrait | str] = Recent(REMEMBERED)
_renderers: Recent[Portrait, PortraitRenderer] = Recent(REMEMBERED)


def find_portrait(image: torch.Tensor | None, choice: FaceChoice | None = None) -> Portrait:
    """The face in a picture, see `portrait_pixels`. The user may cancel the search.

    choice: of a node that has `face_inputs`. Warns of what may look bad, also of a face that has
    been found before. Raises TrackingError where no face is found, saying what to do about it.
    """
    from dreamtalk_core.tracking.portrait import BY_HAND

    pixels, chosen = portrait_pixels(image), choice or FaceChoice()
    with collect_warnings(lambda text: None):
        found = _portraits.get((digest(pixels), chosen), lambda: _find(pixels, chosen))
    if isinstance(found, str):
        raise TrackingError(found.replace(BY_HAND, IN_VIEW if choice is None else BY_POINTS))
    for text in found.warnings:
        warn(text)
    return found


def _find(pixels: Picture, choice: FaceChoice) -> Portrait | str:
    """The face, or why there is none."""
    from dreamtalk_core.tracking.portrait import Points, read_portrait

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


def read_face(image: torch.Tensor | None, choice: FaceChoice) -> PortraitRenderer:
    """What draws the portrait, see `find_portrait`."""
    from dreamtalk_core.render.portrait.renderer import PortraitRenderer

    portrait = find_portrait(image, choice)
    face = portrait.face
    return _renderers.get(
        portrait,
        lambda: PortraitRenderer(portrait.image, face.landmarks, face.matrix, face.weights),
    )
