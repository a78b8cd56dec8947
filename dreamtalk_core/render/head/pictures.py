"""`HeadPictures`: motions on a head, one or several side by side, with names and curves."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.files import atomic_write
from dreamtalk_core.formats.png import encode_png
from dreamtalk_core.motion import Motion
from dreamtalk_core.motion.tongue import FACE_NAMES
from dreamtalk_core.render.head.look import Look
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.curves import COLOURS, INK, draw_strip
from dreamtalk_core.render.output.draw import draw_text
from dreamtalk_core.render.threads import in_order

_COLUMNS = 4
"""Heads beside one another, before a new row begins."""


class HeadPictures:
    """Pictures of the head, size x size pixels and the curves' strip, at the motion's rate.

    motion: or several with their names, to be shown side by side; shorter ones hold their last
    frame. All must have one frame rate.
    Raises `RenderError` for a size that is odd or not within 64 to 4096, motions of different
    rates, or curves that the motion does not have.
    """

    mark = None

    def __init__(
        self, motion: Motion | Mapping[str, Motion], size: int = 512, look: Look | None = None
    ) -> None:
        look = look or Look()
        named = motion if isinstance(motion, Mapping) else {"": motion}
        if not named:
            raise RenderError("There is no motion to show.")
        self._tiles = [_Tile(name, one, size, look) for name, one in named.items()]
        self._count = max(len(one) for one in named.values())
        self.fps: Fraction = next(iter(named.values())).fps
        self.see_through = look.background is None
        rates = [one.fps for one in named.values()]
        if any(fps != self.fps for fps in rates):
            listed = ", ".join(f"{float(fps):g}" for fps in rates)
            raise RenderError(
                f"Motions side by side need one frame rate, not {listed}. Resample them."
            )

    def __len__(self) -> int:
        return self._count

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """One picture uint8 [H, W, 3], or with straight alpha [H, W, 4]; from any thread."""
        return _grid([tile.draw(frame) for tile in self._tiles])

    def masked(self, frame: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """One picture uint8 [H, W, 3], and where the head is: uint8 [H, W], 255 inside."""
        picture = self.draw(frame)
        if self.see_through:
            return picture[..., :3], picture[..., 3]
        return picture, _grid([tile.cover(frame) for tile in self._tiles])

    def frames(self, exact: bool) -> Generator[NDArray[np.uint8], None, None]:
        """All pictures, drawn by one thread per core."""
        return in_order(self.draw, range(len(self)))


class _Tile:
    """One head of a video: its name above, its curves below."""

    def __init__(self, name: str, motion: Motion, size: int, look: Look) -> None:
        self.name, self.look = name, look
        self.renderer = HeadRenderer(size, look.head, look.background, look.zoom)
        self.motion = motion.over(FACE_NAMES)
        fps = float(self.motion.fps)
        self.weights = self.renderer.head.solved(self.motion.weights, fps)
        missing = [curve for curve in look.curves if curve not in motion.names]
        if missing or len(look.curves) > len(COLOURS):
            what = (
                f"no channel {shown(', '.join(missing))}"
                if missing
                else "only room for eight curves"
            )
            raise RenderError(f"The curves cannot be drawn: there is {what}.")
        columns = [motion.names.index(curve) for curve in look.curves]
        self.curves = motion.weights[:, columns]

    def draw(self, frame: int) -> NDArray[np.uint8]:
        """The head, [size, size, 3 or 4], or taller with curves; the last frame is held."""
        frame = min(frame, len(self.motion) - 1)
        picture = self.renderer.render(*self._posed(frame))
        letters = max(12, self.renderer.size // 24)
        if self.name:
            draw_text(picture, self.name, letters // 2, letters // 2, letters, INK)
        names = self.look.curves
        if not names:
            return picture
        strip = draw_strip(self.curves, names, frame, float(self.motion.fps), self.renderer.size)
        if picture.shape[2] == 4:
            strip = np.concatenate([strip, np.full_like(strip[..., :1], 255)], axis=2)
        return np.vstack([picture, strip])

    def cover(self, frame: int) -> NDArray[np.uint8]:
        """Where the head is: [size, size], 255 inside."""
        owner = self.renderer.surface(*self._posed(min(frame, len(self.motion) - 1))).owner
        # Samples are half a pixel wide.
        seen = (owner >= 0).reshape(len(owner) // 2, 2, -1, 2).mean(axis=(1, 3))
        return np.round(255 * seen).astype(np.uint8)

    def _posed(
        self, frame: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], tuple[float, float]]:
        motion = self.motion
        view = self.look.view(frame / float(motion.fps))
        return self.weights[frame], motion.head_rotation[frame], view


def _grid(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one size in rows of `_COLUMNS`; what is left over is empty."""
    columns = min(_COLUMNS, len(pictures))
    empty = [np.zeros_like(pictures[0])] * (-len(pictures) % columns)
    cells = [*pictures, *empty]
    rows = [np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)]
    return np.vstack(rows)


def contact_sheet(
    motion: Motion,
    times: Sequence[float],
    path: str | os.PathLike[str],
    columns: int = 6,
    size: int = 320,
) -> None:
    """Write a PNG with the head at some times (seconds), row by row.

    Raises `RenderError` if there are no times or fewer than one column; `DreamTalkError` if it
    cannot be written.
    """
    if not times or columns < 1:
        raise RenderError(
            f"A contact sheet needs times and at least one column, not {len(times)} times and "
            f"{columns} columns."
        )
    renderer = HeadRenderer(size)
    motion = motion.over(FACE_NAMES)
    columns = min(columns, len(times))
    rows = ceil(len(times) / columns)
    sheet = np.full((rows * size, columns * size, 3), 24, np.uint8)
    for i, time in enumerate(times):
        # The frame that is on screen at this time.
        frame = min(max(int(time * motion.fps), 0), len(motion) - 1)
        picture = renderer.render(motion.weights[frame], motion.head_rotation[frame])
        row, column = divmod(i, columns)
        sheet[row * size : (row + 1) * size, column * size : (column + 1) * size] = picture
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(sheet))
