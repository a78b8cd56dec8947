"""Kernels of the portrait renderer: where each pixel comes from, and what it looks like there."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.render.raster import Float, Int, compiled

Bytes = NDArray[np.uint8]

EMPTY = np.float32(-1e30)
"""Depth of a pixel where nothing has been drawn."""


@compiled()
def fill_map(
    points: Float,
    source: Float,
    still: NDArray[np.bool_],
    triangles: Int,
    depth: Float,
    come: Float,
) -> None:
    """Write into come [H, W, 2] which place of the photo is seen at each pixel.

    points float32 [V, 3]: x, y in pixels (centres at integers), nearer is larger. source float32
    [V, 2]: where a vertex is in the photo. Triangles whose corners are all still are left out, and
    those seen from behind. depth [H, W] is to be filled with EMPTY before.
    """
    height, width = depth.shape
    for f in range(triangles.shape[0]):
        a, b, c = triangles[f, 0], triangles[f, 1], triangles[f, 2]
        if still[a] and still[b] and still[c]:
            continue
        ax, ay, az = points[a, 0], points[a, 1], points[a, 2]
        bx, by = points[b, 0] - ax, points[b, 1] - ay
        cx, cy = points[c, 0] - ax, points[c, 1] - ay
        area = bx * cy - by * cx
        if area > np.float32(-1e-6):
            continue
        left = max(int(np.ceil(ax + min(np.float32(0.0), bx, cx))), 0)
        right = min(int(np.floor(ax + max(np.float32(0.0), bx, cx))), width - 1)
        top = max(int(np.ceil(ay + min(np.float32(0.0), by, cy))), 0)
        bottom = min(int(np.floor(ay + max(np.float32(0.0), by, cy))), height - 1)
        if left > right or top > bottom:
            continue
        scale = np.float32(1.0) / area
        bz, cz = points[b, 2] - az, points[c, 2] - az
        su, sv = source[a, 0], source[a, 1]
        bu, bv = source[b, 0] - su, source[b, 1] - sv
        cu, cv = source[c, 0] - su, source[c, 1] - sv
        low, high = np.float32(-1e-4), np.float32(1.0001)
        for y in range(top, bottom + 1):
            dy = np.float32(y) - ay
            for x in range(left, right + 1):
                dx = np.float32(x) - ax
                wb = (dx * cy - dy * cx) * scale
                wc = (bx * dy - by * dx) * scale
                if wb < low or wc < low or wb + wc > high:
                    continue
                z = az + wb * bz + wc * cz
                if z > depth[y, x]:
                    depth[y, x] = z
                    come[y, x, 0] = su + wb * bu + wc * cu
                    come[y, x, 1] = sv + wb * bv + wc * cv


@compiled()
def cubic(image: Bytes, x: float, y: float, colour: Float) -> None:
    """The colour [3] of a photo between its pixels, by Catmull and Rom's curve."""
    height, width = image.shape[0], image.shape[1]
    ix, iy = int(np.floor(x)), int(np.floor(y))
    tx, ty = np.float32(x - ix), np.float32(y - iy)
    half = np.float32(0.5)
    x0 = half * tx * (tx * (np.float32(2.0) - tx) - np.float32(1.0))
    x3 = half * tx * tx * (tx - np.float32(1.0))
    x2 = half * tx * (tx * (np.float32(4.0) - np.float32(3.0) * tx) + np.float32(1.0))
    x1 = np.float32(1.0) - x0 - x2 - x3
    y0 = half * ty * (ty * (np.float32(2.0) - ty) - np.float32(1.0))
    y3 = half * ty * ty * (ty - np.float32(1.0))
    y2 = half * ty * (ty * (np.float32(4.0) - np.float32(3.0) * ty) + np.float32(1.0))
    y1 = np.float32(1.0) - y0 - y2 - y3
    inside = ix >= 1 and iy >= 1 and ix + 2 < width and iy + 2 < height
    r = g = b = np.float32(0.0)
    for j in range(4):
        wy = y0 if j == 0 else (y1 if j == 1 else (y2 if j == 2 else y3))
        row = iy - 1 + j
        if inside:
            k = ix - 1
            r += wy * (
                x0 * image[row, k, 0]
                + x1 * image[row, k + 1, 0]
                + x2 * image[row, k + 2, 0]
                + x3 * image[row, k + 3, 0]
            )
            g += wy * (
                x0 * image[row, k, 1]
                + x1 * image[row, k + 1, 1]
                + x2 * image[row, k + 2, 1]
                + x3 * image[row, k + 3, 1]
            )
            b += wy * (
                x0 * image[row, k, 2]
                + x1 * image[row, k + 1, 2]
                + x2 * image[row, k + 2, 2]
                + x3 * image[row, k + 3, 2]
            )
        else:
            row = min(max(row, 0), height - 1)
            for i in range(4):
                wx = x0 if i == 0 else (x1 if i == 1 else (x2 if i == 2 else x3))
                k = min(max(ix - 1 + i, 0), width - 1)
                r += wy * wx * image[row, k, 0]
                g += wy * wx * image[row, k, 1]
                b += wy * wx * image[row, k, 2]
    colour[0], colour[1], colour[2] = r, g, b


@compiled()
def _stays(depth: Float, come: Float, y: int, x: int, left: int, top: int) -> bool:
    """Whether a pixel is left as it is: it has no depth, or comes from where it is."""
    still = np.float32(2e-3)
    return depth[y, x] <= EMPTY or (
        abs(come[y, x, 0] - (x + left)) < still and abs(come[y, x, 1] - (y + top)) < still
    )


@compiled()
def _byte(value: np.float32) -> np.uint8:
    return np.uint8(min(max(value, np.float32(0)), np.float32(255)) + np.float32(0.5))


# By ourselves, though cv2.remap takes 29 ms where this takes 53 for 1080 x 1080 pixels, and
# pictures look the same side by side: OpenCV 4 rounds places to 1/32 pixel. What moves by 1/200
# pixel a frame stands still there in 17 of 20 frames, and jumps in 3 (benchmarks/libraries.py,
# --case warp and --case slow).
@compiled()
def sample(image: Bytes, depth: Float, come: Float, left: int, top: int, out: Bytes) -> None:
    """Write into out [H, W, 3] what the photo shows where the pixels come from.

    Pixels without depth, and those that come from where they are, are left as they are.
    """
    height, width = depth.shape
    colour = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            if _stays(depth, come, y, x, left, top):
                continue
            cubic(image, come[y, x, 0], come[y, x, 1], colour)
            for c in range(3):
                out[y, x, c] = _byte(colour[c])


@compiled()
def between(image: Bytes, channel: int, x: float, y: float) -> np.float32:
    """A channel of a picture [H, W, C] between its pixels, by straight lines."""
    height, width = image.shape[0], image.shape[1]
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = int(x), int(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    tx, ty = np.float32(x - left), np.float32(y - top)
    one = np.float32(1.0)
    upper = (one - tx) * image[top, left, channel] + tx * image[top, right, channel]
    lower = (one - tx) * image[bottom, left, channel] + tx * image[bottom, right, channel]
    return (one - ty) * upper + ty * lower


@compiled()
def sample_layers(
    image: Bytes,
    person: Bytes,
    background: Bytes,
    margin: int,
    depth: Float,
    come: Float,
    left: int,
    top: int,
    out: Bytes,
) -> None:
    """`sample` of a person in front of a background that stays.

    image, person [H, W, 1], background and margin: see `layers.Layers`. What is seen of the
    background is exchanged for what is behind the new place, by as much as it is seen: the picture
    itself comes back wherever nothing moves, and edges bring no background along.
    """
    height, width = depth.shape
    colour = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            if _stays(depth, come, y, x, left, top):
                continue
            sx, sy = come[y, x, 0] + margin, come[y, x, 1] + margin
            share = between(person, 0, sx, sy)
            row, column = y + top + margin, x + left + margin
            if share <= 0:
                for c in range(3):
                    out[y, x, c] = background[row, column, c]
                continue
            cubic(image, sx, sy, colour)
            clear = min(np.float32(1.0), (np.float32(255.0) - share) * np.float32(1 / 254))
            for c in range(3):
                value = colour[c]
                if clear > 0:
                    here = np.float32(background[row, column, c])
                    value += clear * (here - between(background, c, sx, sy))
                out[y, x, c] = _byte(value)


@compiled()
def soften(depth: Float, come: Float, jump: np.float32, out: Bytes) -> None:
    """Blend neighbours in out [h, w, 3] where one part of the face is seen past another.

    There the places where pixels come from are further apart than `jump`, and without this the edge
    would be a staircase.
    """
    height, width = depth.shape
    rows = np.empty(height * width // 8 + 8, np.int32)
    columns = np.empty(len(rows), np.int32)
    count = 0
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            if depth[y, x] <= EMPTY:
                continue
            sx, sy = come[y, x, 0], come[y, x, 1]
            edge = False
            for k in range(4):
                ny = y + (1 if k == 0 else (-1 if k == 1 else 0))
                nx = x + (1 if k == 2 else (-1 if k == 3 else 0))
                apart = abs(come[ny, nx, 0] - sx) + abs(come[ny, nx, 1] - sy)
                edge = edge or (depth[ny, nx] > EMPTY and apart > jump)
            if edge and count < len(rows):
                rows[count], columns[count] = y, x
                count += 1
    mixed = np.empty((count, 3), np.float32)
    for i in range(count):
        y, x = rows[i], columns[i]
        for c in range(3):
            total = np.float32(4.0) * out[y, x, c]
            total += np.float32(2.0) * (
                np.float32(out[y - 1, x, c])
                + out[y + 1, x, c]
                + out[y, x - 1, c]
                + out[y, x + 1, c]
            )
            total += np.float32(out[y - 1, x - 1, c]) + out[y - 1, x + 1, c]
            total += np.float32(out[y + 1, x - 1, c]) + out[y + 1, x + 1, c]
            mixed[i, c] = total * np.float32(1 / 16)
    for i in range(count):
        for c in range(3):
            out[rows[i], columns[i], c] = np.uint8(mixed[i, c] + np.float32(0.5))


@compiled()
def coverage(polygon: Float, left: int, top: int, cover: Float) -> None:
    """How much of each pixel of cover [h, w] lies in a polygon [N, 2], 0..1.

    The first pixel of cover is (left, top) of the picture; pixel centres are at integers. Each
    pixel is cut into four lines, which are measured exactly; windings count with their sign, so
    that the parts of a crossed polygon that are the wrong way round cover nothing.
    """
    height, width = cover.shape
    cover[:] = 0
    count = polygon.shape[0]
    quarter = np.float32(0.25)
    for line in range(4 * height):
        y = np.float32(top) - np.float32(0.375) + quarter * np.float32(line)
        row = line // 4
        for i in range(count):
            j = i + 1 if i + 1 < count else 0
            y0, y1 = polygon[i, 1], polygon[j, 1]
            if (y0 <= y) == (y1 <= y):
                continue
            t = (y - y0) / (y1 - y0)
            x = (
                polygon[i, 0]
                + t * (polygon[j, 0] - polygon[i, 0])
                - np.float32(left)
                + np.float32(0.5)
            )
            # Loops run clockwise as seen: an edge that goes up has the inside on its right.
            sign = quarter if y1 < y0 else -quarter
            first = int(np.floor(x))
            if first < 0:
                for k in range(width):
                    cover[row, k] += sign
            elif first < width:
                cover[row, first] += sign * (np.float32(first + 1) - x)
                for k in range(first + 1, width):
                    cover[row, k] += sign
    for row in range(height):
        for k in range(width):
            cover[row, k] = min(max(cover[row, k], np.float32(0)), np.float32(1))


def inner(cover: Float, radius: int) -> Float:
    """A coverage [h, w] softened inwards over `radius` pixels: its edge becomes 0."""
    side = 2 * radius + 1
    mean = cv2.blur(cover, (side, side), borderType=cv2.BORDER_CONSTANT)
    result: Float = np.clip(2 * mean - 1, 0, 1)
    return result
