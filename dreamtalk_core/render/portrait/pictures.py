"""`PortraitPictures`: a portrait that speaks."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.output.mark import PORTRAIT_MARK, stamp
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.threads import in_order


class PortraitPictures:
    """Pictures of a portrait that moves, in the size of its picture, at the motion's rate.

    The file says of itself that it is synthetic (see `mark`); stamped: so do the pictures. Warns
    where the head turns further than the picture can show.
    """

    mark = PORTRAIT_MARK
    see_through = False

    def __init__(self, portrait: PortraitRenderer, motion: Motion, stamped: bool = False) -> None:
        self._portrait, self._motion, self._stamped = portrait, motion.over(FACE_NAMES), stamped
        self.fps: Fraction = motion.fps
        portrait.warn_of_eased(motion)

    def __len__(self) -> int:
        return len(self._motion)

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """One picture uint8 [H, W, 3]; from any thread."""
        motion = self._motion
        picture = self._portrait.render(motion.weights[frame], motion.head_rotation[frame])
        return stamp(picture) if self._stamped else picture

    def frames(self, exact: bool) -> Generator[NDArray[np.uint8], None, None]:
        """All pictures, drawn by one thread per core."""
        return in_order(self.draw, range(len(self)))
