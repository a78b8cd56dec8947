"""Lines, dots and letters with soft edges, drawn into pictures.

OpenCV's would not do: its lines are whole pixels wide (a mesh wants half a one), it leaves alpha as
it is, and its letters are others in version 4 (no accents) than in version 5. Its lines are not
faster either: 1.2 ms against 1.4 for the 2400 of a mesh at 512 x 512.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.render.raster import compiled

FONT_FILE = Path(__file__).with_name("font.npz")

Float = NDArray[np.float32]
Picture = NDArray[np.uint8]


def draw_lines(picture: Picture, lines: ArrayLike, colours: ArrayLike, width: float) -> None:
    """Draw lines [N, 2, 2], ends (x, y) in pixels, into a picture uint8 [H, W, 3 or 4].

    colours: uint8 [3] for all or [N, 3]. width: pixels. Pixel centres are at integers plus a half.
    A line of no length is a dot. What lies outside is left out.
    """
    ends = np.asarray(lines, np.float32).reshape(-1, 4)
    paint = np.broadcast_to(np.asarray(colours, np.float32), (len(ends), 3))
    _lines(picture, ends, np.ascontiguousarray(paint), width / 2)


def draw_polyline(picture: Picture, points: ArrayLike, colour: ArrayLike, width: float) -> None:
    """Draw a line through points [N, 2] into a picture; as `draw_lines`."""
    path = np.asarray(points, np.float32)
    draw_lines(picture, np.stack([path[:-1], path[1:]], axis=1), colour, width)


@compiled()
def _lines(picture: Picture, ends: Float, colours: Float, radius: float) -> None:
    height, width, channels = picture.shape
    one, zero, half = np.float32(1.0), np.float32(0.0), np.float32(0.5)
    reach = np.float32(radius) + one
    for i in range(ends.shape[0]):
        x0, y0, x1, y1 = ends[i, 0], ends[i, 1], ends[i, 2], ends[i, 3]
        dx, dy = x1 - x0, y1 - y0
        square = max(dx * dx + dy * dy, np.float32(1e-9))
        top = max(int(np.floor(max(min(y0, y1) - reach, zero))), 0)
        bottom = int(min(np.ceil(max(y0, y1) + reach), np.float32(height)))
        for y in range(top, bottom):
            py = np.float32(y) + half - y0
            # The part of the row that the line can touch.
            if abs(dy) > np.float32(1e-3):
                a = (py - reach) / dy
                b = (py + reach) / dy
                first = min(max(min(a, b), zero), one)
                last = min(max(max(a, b), zero), one)
            else:
                first, last = zero, one
            low = min(x0 + first * dx, x0 + last * dx) - reach
            high = max(x0 + first * dx, x0 + last * dx) + reach
            left = int(max(np.floor(low), zero))
            right = int(min(np.ceil(high), np.float32(width)))
            for x in range(left, right):
                px = np.float32(x) + half - x0
                t = min(max((px * dx + py * dy) / square, zero), one)
                ex, ey = px - t * dx, py - t * dy
                cover = reach - half - np.sqrt(ex * ex + ey * ey)
                cover = min(max(cover, zero), one)
                if cover <= zero:
                    continue
                for c in range(3):
                    old = np.float32(picture[y, x, c])
                    picture[y, x, c] = np.uint8(old + cover * (colours[i, c] - old) + half)
                if channels == 4:
                    old = np.float32(picture[y, x, 3])
                    picture[y, x, 3] = np.uint8(old + cover * (np.float32(255.0) - old) + half)


def draw_text(
    picture: Picture, text: str, x: int, y: int, size: int, colour: ArrayLike = (255, 255, 255)
) -> None:
    """Write a line of text, `size` pixels high, with its upper left corner at (x, y)."""
    mask = text_mask(text, size)
    height, width = picture.shape[:2]
    top, left = max(y, 0), max(x, 0)
    bottom, right = min(y + mask.shape[0], height), min(x + mask.shape[1], width)
    if top >= bottom or left >= right:
        return
    part = mask[top - y : bottom - y, left - x : right - x, None]
    target = picture[top:bottom, left:right]
    paint = np.full(target.shape[2], 255, np.float32)
    paint[:3] = np.asarray(colour, np.float32)
    target[:] = np.round(target + part * (paint - target)).astype(np.uint8)


def number_boxes(picture: Picture, boxes: Sequence[tuple[float, float, float, float]]) -> Picture:
    """A picture with frames around boxes (left, top, right, bottom), numbered from 0 up."""
    out = picture.copy()
    thin = max(1.5, min(picture.shape[:2]) / 300)
    for number, (left, top, right, bottom) in enumerate(boxes):
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        size = max(12, round((right - left) / 4))
        for colour, width in (((0, 0, 0), 2.5 * thin), ((255, 255, 255), thin)):
            draw_polyline(out, corners, colour, width)
        x, y = round(left + 2 * thin), round(top + 2 * thin)
        for away in (-thin, thin):
            draw_text(out, str(number), round(x + away), round(y + away), size, (0, 0, 0))
        draw_text(out, str(number), x, y, size)
    return out


@lru_cache(maxsize=256)
def text_mask(text: str, size: int) -> Float:
    """Coverage float32 [size, width], 0..1, of a line of text. Latin-1; another letter is a box."""
    strip, starts, codes = _font()
    places = {int(code): place for place, code in enumerate(codes)}
    letters = [places.get(ord(letter), len(codes) - 1) for letter in text]
    empty = np.zeros((len(strip), 1), np.float32)
    line = np.hstack([empty, *(strip[:, starts[i] : starts[i + 1]] for i in letters)])
    width = max(1, round(line.shape[1] * size / len(strip)))
    mask: Float = cv2.resize(line, (width, size), interpolation=cv2.INTER_AREA)
    mask.flags.writeable = False
    return mask


@lru_cache(maxsize=1)
def _font() -> tuple[Float, NDArray[np.int32], NDArray[np.uint16]]:
    """All letters in one strip [height, width], where each begins, and which they are."""
    data = read_arrays(FONT_FILE, RenderError)
    return data["strip"].astype(np.float32) / np.float32(255), data["starts"], data["codes"]
