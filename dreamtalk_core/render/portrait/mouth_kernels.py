"""Kernels of the inside of a mouth: what is seen at each pixel, and how it gets into a frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.portrait.warp import cubic
from dreamtalk_core.render.raster import Float, Int, compiled

Bytes = NDArray[np.uint8]


@compiled()
def shade_tongue(
    owner: Int, depth: Float, triangles: Int, samples: Float, shades: Float, out: Float
) -> None:
    """Means over the samples [2h, 2w] of each pixel into out [h, w, 4].

    shades [V, 3]: light, wetness (0..1, of a highlight at its sharpest) and depth's fading. out:
    light, highlight, coverage, nearness.
    """
    fine = owner.shape[0] // out.shape[0]
    share = np.float32(1.0) / np.float32(fine * fine)
    one = np.float32(1.0)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            light = wet = cover = near = np.float32(0.0)
            for j in range(fine):
                for i in range(fine):
                    f = owner[y * fine + j, x * fine + i]
                    if f < 0:
                        continue
                    p, q, s = triangles[f, 0], triangles[f, 1], triangles[f, 2]
                    px, py = samples[p, 0], samples[p, 1]
                    qx, qy = samples[q, 0] - px, samples[q, 1] - py
                    sx, sy = samples[s, 0] - px, samples[s, 1] - py
                    dx = np.float32(x * fine + i) + np.float32(0.5) - px
                    dy = np.float32(y * fine + j) + np.float32(0.5) - py
                    scale = one / (qx * sy - qy * sx)
                    wq = (dx * sy - dy * sx) * scale
                    ws = (qx * dy - qy * dx) * scale
                    wp = one - wq - ws
                    light += wp * shades[p, 0] + wq * shades[q, 0] + ws * shades[s, 0]
                    shine = wp * shades[p, 1] + wq * shades[q, 1] + ws * shades[s, 1]
                    shine = max(shine, np.float32(0.0))
                    for _ in range(4):
                        shine *= shine
                    wet += shine * shine
                    near += depth[y * fine + j, x * fine + i]
                    cover += one
            if cover > np.float32(0.0):
                part = one / cover
                out[y, x, 0] = light * part
                out[y, x, 1] = wet * part
                out[y, x, 3] = near * part
            out[y, x, 2] = cover * share


@compiled()
def sheet_at(
    x: np.float32,
    y: np.float32,
    axes: Float,
    table: Float,
    sheet: Float,
    per_mm: np.float32,
    origin: Float,
    found: Float,
) -> None:
    """An arch (`teeth.seen`, `teeth.sheet`) at a pixel: found [6], colour, coverage, the way along
    it in mm, nearness. origin [2]: mm along and above the sheet's first texel."""
    one, zero = np.float32(1.0), np.float32(0.0)
    step = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2]
    last = np.float32(table.shape[0] - 1)
    found[3] = zero
    if step <= -one or step >= last + one:
        return
    # At its own sides an arch ends within a pixel.
    across = max(abs(axes[0, 0]), abs(axes[0, 1]))
    side = min((min(step, last - step) + one) / max(across, one), one)
    inside = min(max(step, zero), last - np.float32(1e-3))
    k = int(inside)
    t = inside - np.float32(k)
    along = table[k, 0] + t * (table[k + 1, 0] - table[k, 0])
    low = table[k, 1] + t * (table[k + 1, 1] - table[k, 1])
    above = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] - low
    u, v = (along + origin[0]) * per_mm, (above + origin[1]) * per_mm
    if v <= zero:
        return
    u = min(max(u, zero), np.float32(sheet.shape[1] - 2) + np.float32(0.99))
    v = min(v, np.float32(sheet.shape[0] - 2) + np.float32(0.99))
    iu, iv = int(u), int(v)
    tu, tv = u - np.float32(iu), v - np.float32(iv)
    for c in range(4):
        upper = sheet[iv, iu, c] * (one - tu) + sheet[iv, iu + 1, c] * tu
        lower = sheet[iv + 1, iu, c] * (one - tu) + sheet[iv + 1, iu + 1, c] * tu
        found[c] = upper * (one - tv) + lower * tv
    found[3] *= max(side, zero)
    found[4] = along
    found[5] = table[k, 2] + t * (table[k + 1, 2] - table[k, 2])


@compiled()
def look_in(
    left: int,
    top: int,
    reach: Float,
    light: Float,
    edge: Float,
    tongue: Float,
    axes: Float,
    tables: Float,
    sheets: Float,
    per_mm: np.float32,
    origin: Float,
    colours: Float,
    numbers: Float,
    out: Float,
) -> None:
    """sRGB 0..255 of the inside into out [h, w, 3] where reach [h, w] is above 0.

    light [h, w]: how much of it falls on what lies behind a pixel; edge [h, w]: 1 at the lips, 0
    inside. colours [4, 3]: tongue, between the lips, deep, highlights. numbers [7]: pixels per mm;
    light's power, its slope per pixel and the column where that is 0; how much light an arch's
    sides lose per mm along it; light on the lower arch; light that the opening lets in.
    """
    one, zero = np.float32(1.0), np.float32(0.0)
    found = np.empty((2, 6), np.float32)
    colour = np.empty(3, np.float32)
    ruddy = np.float32(0.35)
    softness = one / (np.float32(1.2) * numbers[0])
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            if reach[y, x] <= zero:
                continue
            px, py = np.float32(x + left), np.float32(y + top)
            bright = min(max(light[y, x], zero), one) ** numbers[1]
            bright *= numbers[6] * (one + numbers[2] * (px - numbers[3]))
            for jaw in range(2):
                sheet_at(px, py, axes[jaw], tables[jaw], sheets[jaw], per_mm, origin, found[jaw])
            t = tongue[y, x, 2]
            rim = edge[y, x]
            shade = tongue[y, x, 0] * (np.float32(0.25) + np.float32(0.75) * bright)
            wet = np.float32(0.07) * tongue[y, x, 1] * bright
            for c in range(3):
                colour[c] = colours[2, c] + rim * (colours[1, c] - colours[2, c])
                seen = colours[2, c] + shade * (colours[0, c] - colours[2, c])
                seen += wet * colours[3, c]
                colour[c] += t * (seen - colour[c])
            for k in range(2):
                jaw = 1 - k  # the lower teeth are behind the upper ones
                cover = found[jaw, 3]
                if cover <= zero:
                    continue
                if t > zero:
                    front = (tongue[y, x, 3] - found[jaw, 5]) * softness
                    cover *= one - t * min(max(front, zero), one)
                fall = one / (one + numbers[4] * found[jaw, 4] * found[jaw, 4])
                lit = bright * fall * (one if jaw == 0 else numbers[5])
                for c in range(3):
                    # In the dark there is what tongue and lips throw back.
                    seen = found[jaw, c] * (lit + (one - lit) * ruddy * colours[0, c])
                    colour[c] += cover * (seen - colour[c])
            for c in range(3):
                value = min(max(colour[c], zero), one)
                if value <= np.float32(0.0031308):
                    value *= np.float32(12.92)
                else:
                    value = np.float32(1.055) * value ** np.float32(1 / 2.4) - np.float32(0.055)
                out[y, x, c] = value * np.float32(255.0)


@compiled()
def blend_mouth(
    out: Bytes,
    left: int,
    top: int,
    cover: Float,
    inside: Float,
    grain: Float,
    skin: np.float32,
    photo: Bytes,
    shown: Float,
    photo_left: int,
    photo_top: int,
    back: Float,
    origin: Float,
) -> None:
    """Blend the inside [h, w, 3] into out [h, w, 3], whose first pixel is (left, top) of the frame.

    back [2, 2] and origin [2] lead from the frame to the photo, whose grain and whose own inside of
    the mouth (where it is shown) are fixed to the skull.
    """
    one, zero = np.float32(1.0), np.float32(0.0)
    colour = np.empty(3, np.float32)
    side = grain.shape[0]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            alpha = cover[y, x]
            if alpha <= zero:
                continue
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
            gu, gv = int(np.floor(u)), int(np.floor(v))
            tu, tv = u - np.float32(gu), v - np.float32(gv)
            gu, gv = gu % side, gv % side
            hu, hv = (gu + 1) % side, (gv + 1) % side
            for c in range(3):
                value = inside[y, x, c]
                fine = (grain[gv, gu, c] * (one - tu) + grain[gv, hu, c] * tu) * (one - tv)
                fine += (grain[hv, gu, c] * (one - tu) + grain[hv, hu, c] * tu) * tv
                value += fine * (np.float32(0.3) + np.float32(0.7) * min(value / skin, one))
                value = min(max(value, zero), np.float32(255.0))
                if photo_share > zero:
                    value += photo_share * (min(max(colour[c], zero), np.float32(255.0)) - value)
                old = np.float32(out[y, x, c])
                out[y, x, c] = np.uint8(old + alpha * (value - old) + np.float32(0.5))
