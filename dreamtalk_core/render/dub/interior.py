"""The inside of the new mouth, as it looks in a frame.

Teeth and what is around them come from one frame of the shot in which the person shows them
(`portrait.mouth` keeps its picture fixed to the skull, and draws what it does not show). So they
are the same ones in every frame, and what changes from frame to frame is put on: the light on the
skin around, how sharp the frame is, and its grain.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.portrait.mouth import Mouth
from dreamtalk_core.render.portrait.rig import FaceRig, square
from dreamtalk_core.render.portrait.warp import coverage, cubic, inner
from dreamtalk_core.render.raster import Float, compiled

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

_SKIN = (205, 207, 50, 425, 427, 280)
"""Landmarks on the cheeks: what light falls on the face."""
_BLURS = (0.0, 0.5, 0.8, 1.2, 1.8, 2.6)
"""Radii of blur that are tried, in pixels of the reference."""
_DARKEST = (0.16, 0.11, 0.10)
"""Of the skin's colour, what is left of the light in a throat."""
_FINEST = 0.003
"""Blur of what is drawn rather than filmed, in sizes of the face: a lens has drawn the rest."""
_SOFT = 0.008
"""Width of the soft edge of the mouth, in widths of the mouth."""
_MARGIN = 0.25
"""How much further up and down than the mouth its inside is drawn, in its heights."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a frame looks like around the mouth. colour: mean [3] of its skin. detail: mean
    difference of skin from its own blur, per brightness. grain: deviation of the noise in it."""

    colour: Array
    detail: float
    grain: float


def look_at(image: Bytes, landmarks: Array, size: float) -> Look:
    """The look of a face in a picture; size: of the face, in pixels."""
    span, colours, grains = max(2, round(0.03 * size)), [], []
    for point in landmarks[list(_SKIN), :2]:
        patch = square(image, point, span)
        if min(patch.shape[:2]) < 3:
            continue
        colours.append(patch.mean((0, 1)))
        grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine = (grey - cv2.blur(grey, (3, 3)))[1:-1, 1:-1]
        # A pixel less the mean of nine, itself among them, has 8/9 of the noise's variance.
        grains.append(1.4826 * float(np.median(np.abs(fine))) * np.sqrt(9 / 8))
    if not colours:
        return Look(np.full(3, 128.0), 1.0, 0.0)
    detail = _detail(image, landmarks, size)
    return Look(np.mean(colours, 0), detail, float(np.median(grains)))


def _detail(image: Bytes, landmarks: Array, size: float, blur: float = 0.0) -> float:
    """How sharp eyes and nose are: mean difference of neighbours over that of those further off."""
    points = landmarks[[33, 263, 4, 6], :2]
    margin = 0.05 * size
    low = np.maximum(np.floor(points.min(0) - margin), 0).astype(int)
    high = np.maximum(np.ceil(points.max(0) + margin), low + 8).astype(int)
    colours = image[low[1] : high[1], low[0] : high[0]]
    if min(colours.shape[:2]) < 8:
        return 1.0
    part = cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY).astype(np.float32)
    if blur:
        part = cv2.GaussianBlur(part, (0, 0), blur)
    near = np.abs(part - cv2.GaussianBlur(part, (0, 0), 1.0)).mean()
    wide = 2 * max(1, round(0.05 * size)) + 1
    far = np.abs(part - cv2.blur(part, (wide, wide))).mean()
    return float(near / max(far, 1e-3))


class Interior:
    """The inside of somebody's mouth.

    image: uint8 [H, W, 3] in which the person shows it; rig and landmarks [478, 3]: the face in it.
    """

    def __init__(self, image: Bytes, rig: FaceRig, landmarks: Array) -> None:
        self._image, self._rig, self._landmarks = image, rig, landmarks
        template = rig.template
        fine = template.refine(landmarks.astype(np.float32)).astype(float)
        self._mouth = Mouth(image, rig, fine[template.mouth_loop, :2])
        self._pivot = rig.pivot[:2] * [1, -1]
        self.look = look_at(image, landmarks, rig.size)
        self._details = np.array([_detail(image, landmarks, rig.size, blur) for blur in _BLURS])
        self._local = threading.local()

    def draw(
        self,
        out: Bytes,
        loop: Array,
        place: Array,
        weights: Float,
        look: Look,
        amount: float,
        seed: int,
    ) -> None:
        """Into a frame, inside the lips' inner edges [80, 2].

        place: [4, 4] from the face in the reference to that in the frame (y up). weights: [68].
        look: of the frame. amount: 0..1, how much of it is seen. seed: of the grain.
        """
        scale = float(np.linalg.norm(place[:3, 0]))
        centre = (place[:3, :3] @ self._rig.pivot + place[:3, 3])[:2] * [1, -1]
        low = np.maximum(np.floor(loop.min(0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(loop.max(0)).astype(int) + 3, out.shape[1::-1])
        if (low >= high).any():
            return
        cover = np.empty((high[1] - low[1], high[0] - low[0]), np.float32)
        coverage(loop.astype(np.float32), int(low[0]), int(low[1]), cover)
        cover = inner(cover, max(1, round(_SOFT * float(np.ptp(loop[:, 0])))))
        if cover.max() <= 0.01:
            return
        canvas, corner = self._drawn((loop - centre) / scale + self._pivot, place, scale, weights)
        blur = float(np.interp(-look.detail, -self._details, _BLURS))
        blur = float(np.hypot(blur, _FINEST * self._rig.size))
        darkest = (np.array(_DARKEST) * self.look.colour).astype(np.uint8)
        canvas = cv2.GaussianBlur(np.maximum(canvas, darkest), (0, 0), max(blur, 0.2))
        gain = np.clip(look.colour / np.maximum(self.look.colour, 1), 0.4, 2.5).astype(np.float32)
        noise = np.random.default_rng(seed).standard_normal(cover.shape, np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * np.float32(2.5 * look.grain)
        window = out[low[1] : high[1], low[0] : high[0]]
        offset = (low - centre) / scale + self._pivot - corner
        blend(
            window,
            cover * np.float32(amount),
            canvas,
            offset.astype(np.float32),
            np.float32(1 / scale),
            gain,
            noise,
        )

    def _drawn(
        self, loop: Array, place: Array, scale: float, weights: Float
    ) -> tuple[Bytes, Array]:
        """The inside in the size of the reference, a little larger than the mouth [80, 2], and
        where its first pixel is."""
        half = len(loop) // 2
        wider = loop.copy()
        room = 3 + _MARGIN * float(np.ptp(loop[:, 1]))
        wider[: half + 1, 1] -= room
        wider[half + 1 :, 1] += room
        wider[[-1, 0, 1], 0] -= 3
        wider[half - 1 : half + 2, 0] += 3
        low = np.maximum(np.floor(wider.min(0)).astype(int) - 3, 0)
        high = np.maximum(np.ceil(wider.max(0)).astype(int) + 4, low + 1)
        canvas = np.zeros((high[1], high[0], 3), np.uint8)
        rotation = place[:3, :3] / scale @ self._rig.turn
        posed = self._rig.pose(weights)
        self._mouth.draw(canvas, wider.astype(np.float32), posed, weights, rotation, keep=True)
        return np.ascontiguousarray(canvas[low[1] :, low[0] :]), low.astype(float)


@compiled()
def blend(
    out: Bytes,
    cover: Float,
    canvas: Bytes,
    offset: Float,
    step: np.float32,
    gain: Float,
    noise: Float,
) -> None:
    """Blend a canvas [h, w, 3] into out [H, W, 3], whose pixel (x, y) shows the canvas at
    offset + step (x, y): in a light that is `gain` [3] times as strong, with noise [H, W]."""
    colour = np.empty(3, np.float32)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            alpha = cover[y, x]
            if alpha <= np.float32(0):
                continue
            cubic(
                canvas, offset[0] + step * np.float32(x), offset[1] + step * np.float32(y), colour
            )
            for c in range(3):
                value = colour[c] * gain[c] + noise[y, x]
                value = min(max(value, np.float32(0)), np.float32(255))
                old = np.float32(out[y, x, c])
                out[y, x, c] = np.uint8(old + alpha * (value - old) + np.float32(0.5))
