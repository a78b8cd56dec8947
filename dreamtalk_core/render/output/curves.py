"""Curves as a strip below a picture: some seconds of them, the current instant in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.output.draw import draw_lines, draw_polyline, draw_text, text_mask

_WINDOW = 4.0
"""Seconds to be seen."""

_PAPER, _GRID = (22, 25, 30), (58, 64, 73)
INK = (214, 219, 226)
"""The colour of what is written."""
COLOURS = (
    (255, 112, 92), (92, 190, 255), (255, 205, 84), (118, 222, 138), (205, 146, 255),
    (255, 150, 205), (120, 226, 220), (230, 176, 120),
)  # fmt: skip
"""Of the curves, in their order; there is room for so many."""


def draw_strip(
    curves: NDArray[np.float32], names: Sequence[str], frame: int, fps: float, width: int
) -> NDArray[np.uint8]:
    """Some seconds of curves [T, C] around a frame, with their names: uint8 [H, width, 3]."""
    height = width // 4 + width // 4 % 2
    letters = max(9, width // 34)
    top, bottom = 1.6 * letters, height - 4.0
    picture = np.full((height, width, 3), _PAPER, np.uint8)
    half = ceil(_WINDOW / 2 * fps)
    first, last = max(frame - half, 0), min(frame + half + 1, len(curves))
    thick = max(1.0, width / 400)
    seconds = np.arange(int((frame - half) / fps), int((frame + half) / fps) + 1)
    marks = width / 2 + (seconds - frame / fps) * width / _WINDOW
    rules = [[(x, top), (x, bottom)] for x in marks[seconds >= 0]]
    rules += [[(0, y), (width, y)] for y in (top, bottom)]
    draw_lines(picture, rules, _GRID, 1.0)
    x = width / 2 + (np.arange(first, last) - frame) * width / (_WINDOW * fps)
    place = letters // 2
    for curve, name, colour in zip(curves[first:last].T, names, COLOURS, strict=False):
        y = bottom - np.clip(curve, 0, 1) * (bottom - top)
        if len(x) > 1:
            draw_polyline(picture, np.stack([x, y], axis=1), colour, thick)
        draw_text(picture, name, place, letters // 5, letters, colour)
        place += text_mask(name, letters).shape[1] + letters
    draw_lines(picture, [[(width / 2, top), (width / 2, bottom)]], INK, thick)
    return picture
