"""`DubPictures`: the frames of a video, some of them with another mouth."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.dub.renderer import DubRenderer
from dreamtalk_core.render.output.mark import DUB_MARK, stamp
from dreamtalk_core.render.threads import in_order
from dreamtalk_core.speech.media import Moving

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Mouth:
    """What is to be drawn into a frame: see `DubRenderer.render`."""

    renderer: DubRenderer
    landmarks: NDArray[np.float64]
    weights: NDArray[np.float32]
    amount: float
    seed: int


class DubPictures:
    """Pictures for `render.job`, in the size and at the rate of the video.

    mouths: gives, for each frame in turn, what is to be drawn, or None for a frame that is left as
    it is; and ends where the rest is. The file says of itself that it is synthetic; stamped: so do
    the pictures.
    """

    mark = DUB_MARK
    see_through = False

    def __init__(
        self, images: Moving, mouths: Callable[[], Iterator[Mouth | None]], stamped: bool = False
    ) -> None:
        self._images, self._mouths, self._stamped = images, mouths, stamped
        self.fps = images.fps

    def __len__(self) -> int:
        return self._images.count or 0

    def draw(self, frame: tuple[Bytes, Mouth | None]) -> Bytes:
        """A frame with its new mouth; from any thread."""
        picture, mouth = frame
        if mouth is not None:
            picture = mouth.renderer.render(
                picture, mouth.landmarks, mouth.weights, mouth.amount, mouth.seed
            )
        return stamp(picture) if self._stamped else picture

    def frames(self, exact: bool) -> Generator[Bytes, None, None]:
        """All frames, drawn by one thread per core while the video is decoded."""
        images, mouths = iter(self._images), self._mouths()
        try:
            yield from in_order(self.draw, ((image, next(mouths, None)) for image in images))
        finally:
            images.close()
