"""The eyeballs of a portrait: what is behind the lids, and where it looks.

The photo shows a part of each eye. The rest is made up once: the iris goes on round as it is at the
same distance from its middle, the white as it is nearby. A frame then shows this picture through
the opening of the lids, with the iris moved.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.rig import FaceRig, window
from dreamtalk_core.render.portrait.template import EYE_LOOPS, IRISES, SIDES
from dreamtalk_core.render.portrait.warp import coverage, cubic, inner
from dreamtalk_core.render.raster import Float, compiled
from dreamtalk_core.rig.head import gaze_rotation

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_BALL = 2.05
"""Radius of the eyeball, in radii of the iris."""

_LASH, _LASHES, _LASH_ALPHA = 0.018, 0.06, 0.75
"""Of the line that lids meet in, in widths of the eye: half its thickness, and how far from the
upper lid's edge the photo shows lashes; how much of it covers what is there."""

_NEARLY = (0.6, 0.95)
"""How far shut an eye is when its lash line begins to be drawn, and when all of it is."""


_SEEN = 0.02
"""Area of an eye that is open at rest, in squares of its width: others get no lash line."""


class Eye:
    """One eye; side: index into `SIDES`. landmarks: [478, 3], pixels."""

    def __init__(self, image: Bytes, rig: FaceRig, side: int, landmarks: Array) -> None:
        self._name = SIDES[side]
        self._rig = rig
        self._loop = list(EYE_LOOPS[side])
        corners = landmarks[[self._loop[0], self._loop[8]], :2]
        self._width = float(np.linalg.norm(corners[1] - corners[0]))
        iris = landmarks[IRISES[side] : IRISES[side] + 5, :2]
        # The lids may hide its top and bottom: it is as high as it is wide.
        self._radius = float(np.linalg.norm(iris[1] - iris[3]) / 2)
        self._centre = iris[0]
        template = rig.template
        rest = rig.place(template.refine(rig.rest.astype(np.float32)).astype(float), rig.turn)
        self._rest = rest[template.eye_loops[side], :2]
        # On the head's own axes, for the turns: the iris lies before the line between the corners.
        self._rest_middle = rig.rest[self._loop].mean(0)
        self._rest_depth = (self._rest_middle @ rig.turn.T)[2]
        margin = 0.75 * self._width
        low, high = window(self._rest, margin, image)
        self._left, self._top = int(low[0]), int(low[1])
        patch = image[low[1] : high[1], low[0] : high[0]]
        cover = np.zeros(patch.shape[:2], np.float32)
        coverage(self._rest.astype(np.float32), self._left, self._top, cover)
        self._patch = self._completed(patch, cover)
        self._opening = _area(self._rest)
        self._lashes = self._lash_colour(image)

    def _lash_colour(self, image: Bytes) -> Float:
        """The darkest of what is near the upper lid's edge [3]."""
        upper, near = self._rest[: len(self._rest) // 2 + 1], max(1.0, _LASHES * self._width)
        low, high = window(upper, near, image)
        patch = image[low[1] : high[1], low[0] : high[0]].astype(float)
        rows, columns = np.mgrid[low[1] : high[1], low[0] : high[0]]
        away = np.full(patch.shape[:2], np.inf)
        for x, y in upper:
            np.minimum(away, np.hypot(columns - x, rows - y), out=away)
        # Of an eye beyond the picture's edge there is nothing near.
        edge = patch[away <= max(near, float(away.min()))]
        dark = edge.mean(1) <= np.percentile(edge.mean(1), 20)
        result: Float = edge[dark].mean(0).astype(np.float32)
        return result

    def _completed(self, patch: Bytes, cover: Float) -> Bytes:
        """The picture of the eye without lids."""
        height = float(np.ptp(self._rest[:, 1]))
        radius = max(1, round(0.10 * height))
        known = inner(cover, radius)
        colours = patch.astype(float)
        rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
        x = columns + self._left - self._centre[0]
        y = rows + self._top - self._centre[1]
        away = np.hypot(x, y) / self._radius
        sure = known > 0.6
        white = sure & (away > 1.12)
        if white.sum() < 4:
            white = (cover > 0.5) & (away > 1.0)
        result = _spread(colours, white) if white.any() else np.full_like(colours, 215.0)
        # The iris by its distance from the middle, in steps of a sixteenth of its radius.
        ring = np.minimum((away * 16).astype(int), 19)
        in_iris = sure & (away < 1.25)
        if in_iris.sum() >= 4:
            count = np.bincount(ring[in_iris], minlength=20)
            profile = np.stack(
                [np.bincount(ring[in_iris], colours[in_iris, c], 20) for c in range(3)], 1
            )
            filled = np.flatnonzero(count)
            means = profile[filled] / count[filled, None]
            at = np.clip(away * 16 - 0.5, 0, 19)
            iris = np.stack([np.interp(at, filled, means[:, c]) for c in range(3)], -1)
            share = np.clip((1.16 - away) / 0.12, 0, 1)[..., None]
            result = result + share * (iris - result)
        result = result + known[..., None] * (colours - result)
        return np.ascontiguousarray(np.clip(result + 0.5, 0, 255).astype(np.uint8))

    def draw(self, out: Bytes, loop: Float, weights: Float, rotation: Array) -> None:
        """Into a frame, inside the lids' edges [64, 2], and, where they meet, the lashes' line."""
        self._draw_ball(out, loop, weights, rotation)
        least, most = _NEARLY
        if self._opening < _SEEN * self._width**2:  # the far eye of a profile
            return
        # A turn makes the eye narrower, and shuts it no further.
        narrower = float(np.linalg.norm(loop[0] - loop[len(loop) // 2])) / self._width
        shut = 1 - max(_area(loop), 0.0) / (self._opening * max(min(narrower, 1.0), 1e-3))
        alpha = _LASH_ALPHA * float(smoothstep((shut - least) / (most - least)))
        if alpha <= 0:
            return
        line = loop[: len(loop) // 2 + 1]
        thick = max(0.6, _LASH * self._width)
        low, high = window(line.astype(float), 3 * thick, out)
        _draw_line(
            out[low[1] : high[1], low[0] : high[0]],
            line - low.astype(np.float32),
            np.float32(thick),
            np.float32(alpha),
            self._lashes,
        )

    def _draw_ball(self, out: Bytes, loop: Float, weights: Float, rotation: Array) -> None:
        shift = self._shift(weights)
        where = self._rig.place(self._rest_middle[None], rotation, np.array([self._rest_depth]))[
            0, :2
        ]
        rest = self._rig.place(self._rest_middle[None], self._rig.turn)[0, :2]
        larger = (self._rig.distance - self._rest_depth) / (
            self._rig.distance - (self._rest_middle @ rotation.T)[2]
        )
        flip = np.array([[1.0, -1.0], [-1.0, 1.0]])
        turn = (rotation @ self._rig.turn.T)[:2, :2] * flip * larger
        back = np.linalg.inv(turn)
        # How far lids and iris are from where they are at rest: at rest the photo itself is seen.
        moved = np.abs((loop - where) @ back.T + rest - self._rest).max() / self._width
        moved = max(moved, float(np.abs(shift).max()) / self._width)
        strength = float(smoothstep((moved - 0.006) / 0.05))
        if strength <= 0:
            return
        low = np.floor(loop.min(0)).astype(int) - 2
        high = np.ceil(loop.max(0)).astype(int) + 3
        left, top = max(int(low[0]), 0), max(int(low[1]), 0)
        right, bottom = min(int(high[0]), out.shape[1]), min(int(high[1]), out.shape[0])
        if left >= right or top >= bottom:
            return
        cover = np.empty((bottom - top, right - left), np.float32)
        coverage(loop, left, top, cover)
        if cover.max() <= 0:
            return
        cover = inner(cover, max(1, round(0.02 * self._width)))
        # Frame -> photo is  back @ (p - where) + rest.
        origin = rest - back @ where
        _draw_eye(
            out[top:bottom, left:right],
            left,
            top,
            cover,
            np.float32(strength),
            self._patch,
            self._left,
            self._top,
            back.astype(np.float32),
            origin.astype(np.float32),
            self._centre.astype(np.float32),
            shift.astype(np.float32),
            np.float32(self._radius),
            np.float32(0.16 * np.ptp(self._rest[:, 1])),
        )

    def _shift(self, weights: Float) -> Array:
        """How far the iris moves in the photo [2], pixels, right and down."""
        gaze = gaze_rotation(weights, self._name)[:, 2]
        offset = _BALL * self._radius * np.array([gaze[0], gaze[1], 0.0])
        space = self._rig.turn @ offset
        return np.array([space[0], -space[1]])


def _area(loop: Array | Float) -> float:
    """Of a loop [N, 2] that runs clockwise as seen, square pixels."""
    x, y = loop[:, 0].astype(float), loop[:, 1].astype(float)
    return float((x * np.roll(y, -1) - y * np.roll(x, -1)).sum() / 2)


# By ourselves: cv2.inpaint takes more than twice as long (benchmarks/libraries.py --case eye), and
# on the eyes of a real portrait it looked no better.
def _spread(colours: Array, known: NDArray[np.bool_]) -> Array:
    """Colours [H, W, 3] where known, and elsewhere a smooth continuation: ever coarser means."""
    if min(known.shape) <= 2:
        mean: Array = colours[known].mean(0)
        return np.where(known[..., None], colours, mean)
    height, width = known.shape
    padded = np.zeros((height + height % 2, width + width % 2, 4))
    padded[:height, :width, :3] = colours * known[..., None]
    padded[:height, :width, 3] = known
    coarse = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2, 4).sum((1, 3))
    count = coarse[..., 3:]
    below = _spread(coarse[..., :3] / np.maximum(count, 1), count[..., 0] > 0)
    fine = below.repeat(2, 0).repeat(2, 1)
    # Soften the blocks before they are used.
    for axis in (0, 1):
        ahead, behind = np.roll(fine, 1, axis), np.roll(fine, -1, axis)
        fine = (2 * fine + ahead + behind) / 4
    return np.where(known[..., None], colours, fine[:height, :width])


@compiled()
def _draw_line(
    out: Bytes, line: Float, thick: np.float32, alpha: np.float32, colour: Float
) -> None:
    """Blend a soft line [N, 2] into out [h, w, 3], thinner towards both ends; half of it lies below
    the line given, where the lower lid's wet edge is."""
    last = line.shape[0] - 1
    one, zero = np.float32(1.0), np.float32(0.0)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            best = zero
            for k in range(last):
                ax, ay = np.float32(x) - line[k, 0], np.float32(y) - line[k, 1]
                bx, by = line[k + 1, 0] - line[k, 0], line[k + 1, 1] - line[k, 1]
                ay -= np.float32(0.5) * thick
                t = (ax * bx + ay * by) / max(bx * bx + by * by, np.float32(1e-6))
                t = min(max(t, zero), one)
                dx, dy = ax - t * bx, ay - t * by
                along = (np.float32(k) + t) / np.float32(last)
                end = min(np.float32(6.0) * min(along, one - along), one)
                far = (dx * dx + dy * dy) / (thick * thick)
                if far < np.float32(9.0):
                    best = max(best, end * np.exp(np.float32(-0.5) * far))
            share = alpha * best
            if share > zero:
                for c in range(3):
                    old = np.float32(out[y, x, c])
                    out[y, x, c] = np.uint8(old + share * (colour[c] - old) + np.float32(0.5))


@compiled()
def _draw_eye(
    out: Bytes,
    left: int,
    top: int,
    cover: Float,
    strength: np.float32,
    patch: Bytes,
    patch_left: int,
    patch_top: int,
    back: Float,
    origin: Float,
    centre: Float,
    shift: Float,
    radius: np.float32,
    shade: np.float32,
) -> None:
    """Blend an eye into out [h, w, 3], whose first pixel is (left, top) of the frame.

    cover: the opening of the lids. The iris moves as a whole; the white beside it gives way, over
    twice the way that it moves, so that nothing is folded.
    """
    colour = np.empty(3, np.float32)
    one, zero = np.float32(1.0), np.float32(0.0)
    way = np.sqrt(shift[0] * shift[0] + shift[1] * shift[1])
    for x in range(out.shape[1]):
        lid = np.float32(-1.0)
        for y in range(out.shape[0]):
            alpha = cover[y, x] * strength
            if alpha <= zero:
                continue
            if lid < zero:
                lid = np.float32(y)
            px, py = np.float32(x + left), np.float32(y + top)
            u = back[0, 0] * px + back[0, 1] * py + origin[0]
            v = back[1, 0] * px + back[1, 1] * py + origin[1]
            dx, dy = u - centre[0] - shift[0], v - centre[1] - shift[1]
            far = np.sqrt(dx * dx + dy * dy)
            t = (far - np.float32(1.15) * radius) / (np.float32(2.2) * way + np.float32(1e-3))
            t = min(max(t, zero), one)
            share = one - t * t * (np.float32(3.0) - np.float32(2.0) * t)
            cubic(
                patch, u - share * shift[0] - patch_left, v - share * shift[1] - patch_top, colour
            )
            # The upper lid's shadow.
            deep = min((np.float32(y) - lid + one) / shade, one)
            light = np.float32(0.62) + np.float32(0.38) * deep
            for c in range(3):
                value = min(max(colour[c], zero), np.float32(255.0)) * light
                old = np.float32(out[y, x, c])
                out[y, x, c] = np.uint8(old + alpha * (value - old) + np.float32(0.5))
