"""Control pictures as numbers: what is drawn from landmarks, and what is sampled on a mesh."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.render.control.topology import PUPILS, topology
from dreamtalk_core.render.output.draw import draw_lines
from dreamtalk_core.render.raster import compiled, fill

KINDS = ("mesh", "landmarks", "mouth", "depth", "normals")

Float = NDArray[np.float32]
Int = NDArray[np.int32]
Picture = NDArray[np.uint8]


def check_kind(kind: str) -> None:
    """Raises `RenderError` for a kind that is not in `KINDS`."""
    if kind not in KINDS:
        raise RenderError(
            f"There is no control picture '{shown(kind)}'. Choose from {', '.join(KINDS)}."
        )


def draw_flat(kind: str, points: Float, height: int, width: int) -> Float:
    """What is drawn from landmarks [478, 2] alone."""
    check_kind(kind)
    lines = topology()
    picture = np.zeros((height, width, 3), np.uint8)
    # Two pixels in a picture of 512, as ControlNets for faces were taught.
    thick = max(1.0, min(height, width) / 256)
    if kind == "mesh":
        corners = points[lines.triangles]
        (ax, ay), (bx, by) = (corners[:, i].T - corners[:, 0].T for i in (1, 2))
        seen = lines.triangles[ax * by - ay * bx < 0]
        edges = np.unique(np.sort(seen[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        draw_lines(picture, points[edges], (255, 255, 255), thick / 2)
    elif kind == "landmarks":
        draw_lines(picture, points[lines.edges], lines.colours, thick)
        for pupil, colour in PUPILS:
            draw_lines(picture, points[[[pupil, pupil]]], colour, 2.5 * thick)
    else:
        samples = np.ones((len(points), 3), np.float32)
        samples[:, :2] = 2 * points
        owner = np.full((2 * height, 2 * width), -1, np.int32)
        depth = np.zeros(owner.shape, np.float32)
        fill(samples, lines.lips, np.ones(len(lines.lips), bool), depth, owner)
        covered = (owner >= 0).reshape(height, 2, width, 2).mean(axis=(1, 3), dtype=np.float32)
        return np.repeat(covered[..., None], 3, axis=2)
    return (picture / 255).astype(np.float32)


def to_bytes(kind: str, values: Float) -> Picture:
    """What is drawn as numbers, as a picture uint8 [H, W, 3]."""
    if kind == "normals":
        # Without a surface it is (0, 0, 0): shown as turned to the camera.
        values = values.copy()
        values[..., 2] += 1 - np.minimum(np.linalg.norm(values, axis=2), 1)
        values = values * np.array([-0.5, 0.5, 0.5], np.float32) + 0.5
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def sampled(owner: Int, triangles: Int, points: Float, values: Float, less: Float) -> Float:
    """Values [V, 1 or 3] on what is seen: float32 [H, W, 3] of samples [2H, 2W], empty ones 0.

    less: [F], to be taken off within each triangle.
    """
    out = np.zeros((owner.shape[0] // 2, owner.shape[1] // 2, values.shape[1]), np.float32)
    _sample(owner, triangles, points, np.ascontiguousarray(values), less, out)
    return out if out.shape[2] == 3 else np.repeat(out, 3, axis=2)


@compiled()
def _sample(
    owner: Int, triangles: Int, points: Float, values: Float, less: Float, out: Float
) -> None:
    one = np.float32(1.0)
    for row in range(owner.shape[0]):
        for column in range(owner.shape[1]):
            face = owner[row, column]
            if face < 0:
                continue
            a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
            ax, ay = points[a, 0], points[a, 1]
            bx, by = points[b, 0] - ax, points[b, 1] - ay
            cx, cy = points[c, 0] - ax, points[c, 1] - ay
            scale = one / (bx * cy - by * cx)
            x, y = np.float32(column) + np.float32(0.5) - ax, np.float32(row) + np.float32(0.5) - ay
            wb = (x * cy - y * cx) * scale
            wc = (bx * y - by * x) * scale
            for k in range(values.shape[1]):
                value = (one - wb - wc) * values[a, k] + wb * values[b, k] + wc * values[c, k]
                out[row // 2, column // 2, k] += np.float32(0.25) * (value - less[face])
