"""Kernels of the inside of a mouth: its colours, and how it is blended into a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.portrait.warp import cubic
from dreamtalk_core.render.raster import Float, Int, compiled

Bytes = NDArray[np.uint8]


@compiled()
def gouraud(
    owner: Int, triangles: Int, samples: Float, colours: Float, dark: Float, out: Float
) -> None:
    """Mean linear colours into out [h, w, 3] from the triangles seen, [2h, 2w]."""
    fine = owner.shape[0] // out.shape[0]
    share = np.float32(1.0) / np.float32(fine * fine)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            r = g = b = np.float32(0.0)
            for j in range(fine):
                for i in range(fine):
                    f = owner[y * fine + j, x * fine + i]
                    if f < 0:
                        r += dark[0]
                        g += dark[1]
                        b += dark[2]
                        continue
                    p, q, s = triangles[f, 0], triangles[f, 1], triangles[f, 2]
                    px, py = samples[p, 0], samples[p, 1]
                    qx, qy = samples[q, 0] - px, samples[q, 1] - py
                    sx, sy = samples[s, 0] - px, samples[s, 1] - py
                    dx = np.float32(x * fine + i) + np.float32(0.5) - px
                    dy = np.float32(y * fine + j) + np.float32(0.5) - py
                    scale = np.float32(1.0) / (qx * sy - qy * sx)
                    wq = (dx * sy - dy * sx) * scale
                    ws = (qx * dy - qy * dx) * scale
                    wp = np.float32(1.0) - wq - ws
                    r += wp * colours[p, 0] + wq * colours[q, 0] + ws * colours[s, 0]
                    g += wp * colours[p, 1] + wq * colours[q, 1] + ws * colours[s, 1]
                    b += wp * colours[p, 2] + wq * colours[q, 2] + ws * colours[s, 2]
            out[y, x, 0] = r * share
            out[y, x, 1] = g * share
            out[y, x, 2] = b * share


@compiled()
def blend_mouth(
    out: Bytes,
    left: int,
    top: int,
    cover: Float,
    synthetic: Float,
    photo: Bytes,
    shown: Float,
    photo_left: int,
    photo_top: int,
    back: Float,
    origin: Float,
    width: np.float32,
    slope: np.float32,
    middle: np.float32,
) -> None:
    """Blend the inside into out [h, w, 3], whose first pixel is (left, top) of the frame."""
    one, zero = np.float32(1.0), np.float32(0.0)
    colour = np.empty(3, np.float32)
    height = out.shape[0]
    for x in range(out.shape[1]):
        first, last = -1, -1
        for y in range(height):
            if cover[y, x] > np.float32(0.02):
                if first < 0:
                    first = y
                last = y
        if first < 0:
            continue
        gap = np.float32(last - first + 1) / width
        # Little light falls through a narrow opening.
        narrow = np.float32(0.55) + np.float32(0.45) * min(gap / np.float32(0.2), one)
        side = one + slope * (np.float32(x + left) - middle) / (np.float32(0.5) * width)
        for y in range(first, last + 1):
            alpha = cover[y, x]
            if alpha <= zero:
                continue
            below = np.float32(y - first) / width
            above = np.float32(last - y) / width
            shade = np.float32(0.42) + np.float32(0.58) * min(below / np.float32(0.11), one)
            shade *= np.float32(0.72) + np.float32(0.28) * min(above / np.float32(0.06), one)
            shade *= narrow * side
            px, py = np.float32(x + left), np.float32(y + top)
            u = back[0, 0] * px + back[0, 1] * py + origin[0] - photo_left
            v = back[1, 0] * px + back[1, 1] * py + origin[1] - photo_top
            photo_share = zero
            if zero <= u < shown.shape[1] - 1 and zero <= v < shown.shape[0] - 1:
                iu, iv = int(u), int(v)
                tu, tv = u - np.float32(iu), v - np.float32(iv)
                photo_share = (shown[iv, iu] * (one - tu) + shown[iv, iu + 1] * tu) * (one - tv)
                photo_share += (shown[iv + 1, iu] * (one - tu) + shown[iv + 1, iu + 1] * tu) * tv
            if photo_share > zero:
                cubic(photo, u, v, colour)
            for c in range(3):
                light = max(synthetic[y, x, c] * shade, zero)
                if light <= np.float32(0.0031308):
                    value = light * np.float32(12.92)
                else:
                    value = np.float32(1.055) * min(light, one) ** np.float32(1 / 2.4) - np.float32(
                        0.055
                    )
                value *= np.float32(255.0)
                if photo_share > zero:
                    value += photo_share * (min(max(colour[c], zero), np.float32(255.0)) - value)
                old = np.float32(out[y, x, c])
                out[y, x, c] = np.uint8(old + alpha * (value - old) + np.float32(0.5))
