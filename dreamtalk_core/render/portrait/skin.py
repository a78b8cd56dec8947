"""What a portrait says about how the inside of its mouth would look in it.

Light from the cheeks, the colour of teeth from the whites of the eyes, that of gums and tongue from
the lips, and how sharp and how grainy the picture is. A picture of one pigment (a drawing, a print
in sepia, a statue) keeps to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.colour import to_linear
from dreamtalk_core.render.portrait.rig import FaceRig, square, window
from dreamtalk_core.render.portrait.template import (
    EYE_LOOPS,
    IRISES,
    LOWER_LIP,
    MOUTH_LOOP,
    UPPER_LIP,
)
from dreamtalk_core.render.portrait.warp import coverage
from dreamtalk_core.render.raster import Float

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]

GRAIN = 64
"""Side of the tile of grain, pixels."""

_CHEEKS = ((205, 207, 50), (425, 427, 280))

_SKIN = np.array([66.0, 13.0, 17.0])
"""CIELAB of skin in white light: a middle of many."""

_TEETH = np.array([2.0, 11.0])
"""a and b of teeth in white light."""

_TONGUE = np.array([0.42, 0.115, 0.11])
"""Linear colour of a tongue where `_SKIN` is in the same light."""

_SHARP = 0.5
"""Softness, in pixels, of a picture that has no edges to tell."""

_PIGMENTS = (1.2, 4.0)
"""How far the colours of a face are from a line through them, in a and b: up to the first it is of
one pigment, from the second on a picture of many."""


@dataclass(frozen=True, eq=False)
class Look:
    """Colours are linear [3].

    seam: the line between the lips; deep: the dark at the back of the mouth. slope: how much more
    light there is on the right of the picture than in the middle, at half the mouth's width; blur:
    standard deviation of the picture's softness, pixels; grain: float32 [GRAIN, GRAIN, 3] to add to
    the brightness of skin, 0..255.
    """

    teeth: Array
    gums: Array
    tongue: Array
    seam: Array
    deep: Array
    slope: float
    blur: float
    grain: Float


def linear(srgb: Array | Bytes) -> Array:
    """Linear light for sRGB 0..255, of any shape."""
    return to_linear(np.asarray(srgb, float) / 255)


def look(image: Bytes, rig: FaceRig) -> Look:
    """Of the face that the rig has been fitted to."""
    points = rig.place(rig.rest, rig.turn)[:, :2]
    span = max(2, round(0.03 * rig.size))
    left, right = (_patches(image, points[list(side)], span) for side in _CHEEKS)
    skin = (left + right) / 2
    thin = max(1, round(0.006 * rig.size))
    lip = _patches(image, points[[*UPPER_LIP[2][2:7], *LOWER_LIP[1][2:7]]], thin)
    low, high = window(points, 0, image)
    face = image[low[1] : high[1], low[0] : high[0]]
    palette = _Palette(face)
    tone = _lab(skin)
    # Skin is of many colours and the light of few: less than half of the cast is the light's.
    cast = 0.4 * (tone[1:] - _SKIN[1:])
    white = _white(image, points, float(skin.mean()))
    teeth = _own_teeth(image, points, skin)
    if teeth is None:
        teeth = _teeth(skin, tone, cast, white, face)
    ruddy = _TONGUE * skin.mean() / _from_lab(_SKIN).mean()
    lips = np.clip(lip, 0.02, 1)
    tongue = np.sqrt(ruddy * np.clip(lips * ruddy.mean() / lips.mean(), 0.01, 1))
    gums = 0.6 * tongue + 0.4 * teeth * [0.75, 0.42, 0.40]
    darkest = np.percentile(linear(face[::4, ::4]).mean(2), 0.5)
    deep = np.maximum(0.05 * tongue, darkest)
    light = (left.mean(), right.mean())
    slope = (light[1] - light[0]) / max(light[0] + light[1], 1e-6)
    blur = _blur(face)
    return Look(
        palette.of(teeth),
        palette.of(gums),
        palette.of(tongue),
        _seam(image, points, thin),
        palette.of(deep),
        float(np.clip(slope, -0.4, 0.4)),
        blur,
        _grain(image, points, span),
    )


def _around(image: Bytes, point: Array, span: int) -> Array:
    """The pixels [N, 3] up to `span` away from a point, linear; none beyond the picture's edge."""
    return linear(square(image, point, span).reshape(-1, 3))


def _patches(image: Bytes, points: Array, span: int) -> Array:
    """Mean of the medians around points, linear [3]."""
    patches = (_around(image, point, span) for point in points)
    found = [np.median(patch, 0) for patch in patches if len(patch)]
    result: Array = np.mean(found, 0) if found else _from_lab(_SKIN)
    return result


def _seam(image: Bytes, points: Array, span: int) -> Array:
    """The dark of the line between the lips, linear [3]."""
    lips = points[[*UPPER_LIP[-1][1:-1], *LOWER_LIP[-1][1:-1]]]
    line = np.concatenate([_around(image, point, span) for point in lips])
    if not len(line):
        return np.zeros(3)
    brightness = line.mean(1)
    result: Array = 0.7 * line[brightness <= np.percentile(brightness, 25)].mean(0)
    return result


def _within(image: Bytes, edge: Array) -> tuple[Bytes, Array, NDArray[np.bool_]]:
    """The part of a picture around a loop [N, 2], the places [h, w, 2] of its pixels, and which of
    them [h, w] lie inside."""
    low, high = window(edge, 0, image)
    patch = image[low[1] : high[1], low[0] : high[0]]
    cover = np.zeros(patch.shape[:2], np.float32)
    coverage(edge.astype(np.float32), int(low[0]), int(low[1]), cover)
    rows, columns = np.mgrid[: patch.shape[0], : patch.shape[1]]
    return patch, np.stack([columns, rows], -1) + low, cover > 0.95


def _white(image: Bytes, points: Array, skin: float) -> Array | None:
    """The whites of the eyes, linear [3], where there is enough of them to see."""
    found = []
    for loop, iris in zip(EYE_LOOPS, IRISES, strict=True):
        patch, places, inside = _within(image, points[list(loop)])
        radius = np.linalg.norm(points[iris + 1] - points[iris + 3]) / 2
        away = np.linalg.norm(places - points[iris], axis=-1)
        found.append(linear(patch[inside & (away > 1.15 * radius)]))
    white = np.concatenate(found)
    if len(white) < 12:
        return None
    brightness = white.mean(1)
    result: Array = white[brightness >= np.percentile(brightness, 70)].mean(0)
    return result if result.mean() > 0.6 * skin else None


def _own_teeth(image: Bytes, points: Array, skin: Array) -> Array | None:
    """The colour of the teeth that the picture shows, linear [3], if it shows any."""
    patch, _, inside = _within(image, points[list(MOUTH_LOOP)])
    seen = linear(patch[inside])
    if len(seen) < 20:
        return None
    brightness = seen.mean(1)
    bright: Array = seen[brightness >= np.percentile(brightness, 75)].mean(0)
    # A tongue is redder than skin, and so are lips.
    is_tooth = bright.mean() > 0.6 * skin.mean() and _lab(bright)[1] < _lab(skin)[1]
    return 1.1 * bright if is_tooth else None


def _teeth(skin: Array, tone: Array, cast: Array, white: Array | None, face: Bytes) -> Array:
    """Linear [3], in the light of the face."""
    colour = _TEETH + cast
    bright = 1.55 * skin.mean()
    if white is not None:
        eyes = _lab(white)
        colour = (colour + eyes[1:] + np.array([0.0, 5.0])) / 2
        bright = float(np.clip(1.25 * white.mean(), 1.2 * skin.mean(), 3.5 * skin.mean()))
    colour = np.maximum(colour, [1.5, -20.0])  # no light makes enamel green
    brightest = np.percentile(linear(face[::4, ::4]).mean(2), 99)
    bright = min(bright, float(brightest), 0.72)
    result = _from_lab(np.array([tone[0], *colour]))
    scaled: Array = np.clip(result * bright / max(float(result.mean()), 1e-6), 0, 1)
    return scaled


class _Palette:
    """What colours a picture has: a and b over L of CIELAB, and how strictly it keeps to them."""

    def __init__(self, face: Bytes) -> None:
        step = max(1, min(face.shape[:2]) // 64)
        lab = cv2.cvtColor(
            np.ascontiguousarray(face[::step, ::step]).astype(np.float32) / 255, cv2.COLOR_RGB2LAB
        ).reshape(-1, 3)
        self._range = np.percentile(lab[:, 0], [2, 98])
        if np.ptp(self._range) > 1:
            self._fit = np.polyfit(lab[:, 0] / 100, lab[:, 1:], 2)
        else:
            self._fit = np.stack([np.zeros(2), np.zeros(2), lab[:, 1:].mean(0)])
        apart = lab[:, 1:] - self._line(lab[:, 0])
        spread = float(np.sqrt((apart**2).mean(0).sum()))
        low, high = _PIGMENTS
        self._free = float(np.clip((spread - low) / (high - low), 0, 1))

    def _line(self, lightness: Array) -> Array:
        x = np.clip(lightness, *self._range)[..., None] / 100
        line: Array = self._fit[0] * x**2 + self._fit[1] * x + self._fit[2]
        return line

    def of(self, colour: Array) -> Array:
        """A linear colour [3] as this picture would have it."""
        lab = _lab(colour)
        line = self._line(lab[:1])[0]
        lab[1:] = line + self._free * (lab[1:] - line)
        return _from_lab(lab)


def _lab(colour: Array) -> Array:
    """CIELAB [3] of a linear colour (OpenCV's COLOR_LRGB2Lab)."""
    pixel = np.asarray(colour, np.float32).reshape(1, 1, 3)
    result: Array = cv2.cvtColor(pixel, cv2.COLOR_LRGB2LAB)[0, 0].astype(float)
    return result


def _from_lab(lab: Array) -> Array:
    pixel = np.asarray(lab, np.float32).reshape(1, 1, 3)
    result: Array = np.clip(cv2.cvtColor(pixel, cv2.COLOR_LAB2LRGB)[0, 0].astype(float), 0, 1)
    return result


def _blur(face: Bytes) -> float:
    """How soft the sharpest edges of a face are: a standard deviation in pixels.

    From what blurring once more takes of their gradients (Zhuo and Sim, "Defocus map estimation
    from a single image", 2011).
    """
    more = 1.0
    grey = face.astype(np.float32).mean(2)
    before, after = (
        np.hypot(cv2.Sobel(g, -1, 1, 0), cv2.Sobel(g, -1, 0, 1))
        for g in (grey, cv2.GaussianBlur(grey, (0, 0), more))
    )
    strong = before >= max(float(np.percentile(before, 97)), 1.0)
    if not strong.any():
        return _SHARP
    ratio = float(np.percentile((before / np.maximum(after, 1e-3))[strong], 75))
    # Sobel's own window softens by about .7 of a pixel.
    return float(np.sqrt(max(more**2 / max(ratio**2 - 1, 0.02) - 0.5, 0.16)))


def _grain(image: Bytes, points: Array, span: int) -> Float:
    """What is fine in the skin of a cheek: grain of film, of paper, of paint."""
    half = GRAIN // 2
    calm: Float | None = None
    for side in _CHEEKS:
        x, y = points[list(side)].mean(0)
        reach = min(span * 3, half)
        low, high = window(np.array([[x - reach, y - reach], [x + reach, y + reach]]), 0, image)
        patch = image[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        fine = patch - cv2.GaussianBlur(patch, (0, 0), 1.2)
        # Not its pores and wrinkles, which are few and strong.
        limit = 2.5 * float(np.median(np.abs(fine)))
        fine = np.clip(fine, -limit, limit)
        if calm is None or fine.std() < calm.std():
            calm = fine
    assert calm is not None
    # Mirrored, so that the tile has no seams.
    rows, columns = (np.pad(np.arange(n), (0, GRAIN), "reflect")[:half] for n in calm.shape[:2])
    tile = calm[rows][:, columns]
    tile = np.concatenate([tile, tile[::-1]])
    result: Float = np.ascontiguousarray(np.concatenate([tile, tile[:, ::-1]], 1), np.float32)
    return result
