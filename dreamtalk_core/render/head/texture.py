"""The atlas in levels of half the size each, so that what is small or far does not shimmer.

The levels lie below one another in one array. Each vertex says which level suits it: the one whose
pixels are about as large as the picture's (mipmaps: Williams 1983, "Pyramidal parametrics").
"""

from __future__ import annotations

import numpy as np

from dreamtalk_core.render.head.vectors import HALF, ONE, TWO, ZERO, Corners, Vector, between
from dreamtalk_core.render.raster import Float, Int, compiled

Slope = tuple[np.float32, np.float32]

_LEVELS = 4


def texture_levels(atlas: Float) -> tuple[Float, Int]:
    """An atlas [H, W, 3] in levels, and of each its first row, height and width: int32 [K, 3]."""
    levels = [atlas]
    while len(levels) < _LEVELS and min(levels[-1].shape[:2]) >= 4:
        height, width = levels[-1].shape[:2]
        even = np.pad(levels[-1], ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        four = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
        levels.append(four / np.float32(4))
    first = np.cumsum([0] + [len(level) for level in levels])
    packed = np.zeros((first[-1], *atlas.shape[1:]), np.float32)
    for row, level in zip(first, levels, strict=False):
        packed[row : row + len(level), : level.shape[1]] = level
    sizes = [(row, *level.shape[:2]) for row, level in zip(first, levels, strict=False)]
    return packed, np.array(sizes, np.int32)


@compiled()
def choose_levels(
    points: Float, triangles: Int, uv: Float, levels: Int, sums: Float, blur: Float
) -> None:
    """Write into blur [V] the level, 0 or more, that suits each vertex; sums [V, 2] is for work.

    points: as in `Surface`, in samples of half a pixel.
    """
    height, width = np.float32(levels[0, 1]), np.float32(levels[0, 2])
    sums[:] = ZERO
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        bx, by = points[b, 0] - points[a, 0], points[b, 1] - points[a, 1]
        cx, cy = points[c, 0] - points[a, 0], points[c, 1] - points[a, 1]
        area = bx * cy - by * cx
        if area > np.float32(-1e-3):
            continue
        bu, bv = (uv[b, 0] - uv[a, 0]) * width, (uv[b, 1] - uv[a, 1]) * height
        cu, cv = (uv[c, 0] - uv[a, 0]) * width, (uv[c, 1] - uv[a, 1]) * height
        ux, uy = bu * cy - cu * by, cu * bx - bu * cx
        vx, vy = bv * cy - cv * by, cv * bx - bv * cx
        # Texels across a sample along the direction in which there are most, and across it.
        total = (ux * ux + uy * uy + vx * vx + vy * vy) / (area * area)
        product = (bu * cv - bv * cu) / area
        product *= product
        most = HALF * (total + np.sqrt(max(total * total - np.float32(4.0) * product, ZERO)))
        least = product / max(most, np.float32(1e-12))
        # Nearer to the first: a little blur at grazing angles, rather than a shimmer.
        level = np.float32(0.35) * np.log2(max(most, np.float32(1e-6)))
        level += np.float32(0.15) * np.log2(max(least, np.float32(1e-6)))
        level = max(level + np.float32(1.1), ZERO)
        for corner in range(3):
            sums[triangles[f, corner], 0] += level
            sums[triangles[f, corner], 1] += ONE
    for v in range(sums.shape[0]):
        blur[v] = sums[v, 0] / max(sums[v, 1], ONE)


@compiled()
def texture(
    atlas: Float, levels: Int, uv: Float, blur: Float, corners: Corners, share: Vector
) -> tuple[Vector, Slope]:
    """The atlas's colour, between two levels, and how its green rises to the right and down."""
    a, b, c = corners
    u = share[0] * uv[a, 0] + share[1] * uv[b, 0] + share[2] * uv[c, 0]
    v = share[0] * uv[a, 1] + share[1] * uv[b, 1] + share[2] * uv[c, 1]
    level = share[0] * blur[a] + share[1] * blur[b] + share[2] * blur[c]
    level = min(max(level, ZERO), np.float32(len(levels) - 1))
    k = int(level)
    colour, slope = _texel(atlas, levels, k, u, v)
    part = level - np.float32(k)
    if part > np.float32(0.05):
        # The finer relief would flicker.
        coarse, slope = _texel(atlas, levels, k + 1, u, v)
        colour = between(colour, coarse, part)
    return colour, slope


@compiled()
def _texel(atlas: Float, levels: Int, k: int, u: np.float32, v: np.float32) -> tuple[Vector, Slope]:
    """Colour and slope (share of the green, per texel) of one level, bilinear."""
    first, height, width = levels[k, 0], levels[k, 1], levels[k, 2]
    shrunk = ONE / np.float32(1 << k)
    x = u * np.float32(levels[0, 2]) * shrunk - HALF
    y = v * np.float32(levels[0, 1]) * shrunk - HALF
    x = min(max(x, ZERO), np.float32(width) - np.float32(1.001))
    y = min(max(y, ZERO), np.float32(height) - np.float32(1.001))
    ix, iy = int(x), int(y)
    ux, uy = x - np.float32(ix), y - np.float32(iy)
    iy += first
    upper, lower = (ONE - ux) * (ONE - uy), (ONE - ux) * uy
    upper_next, lower_next = ux * (ONE - uy), ux * uy
    red = upper * atlas[iy, ix, 0] + upper_next * atlas[iy, ix + 1, 0]
    red += lower * atlas[iy + 1, ix, 0] + lower_next * atlas[iy + 1, ix + 1, 0]
    g00, g01 = atlas[iy, ix, 1], atlas[iy, ix + 1, 1]
    g10, g11 = atlas[iy + 1, ix, 1], atlas[iy + 1, ix + 1, 1]
    green = upper * g00 + upper_next * g01 + lower * g10 + lower_next * g11
    blue = upper * atlas[iy, ix, 2] + upper_next * atlas[iy, ix + 1, 2]
    blue += lower * atlas[iy + 1, ix, 2] + lower_next * atlas[iy + 1, ix + 1, 2]
    scale = ONE / (TWO * green + np.float32(1e-3))
    slope = ((g01 + g11 - g00 - g10) * scale, (g10 + g11 - g00 - g01) * scale)
    return (red, green, blue), slope
