"""Control pictures as numbers: what is drawn from landmarks, and what is sampled on a mesh."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.errors import RenderError, shown
from dreamtalk_core.render.control.points import EXPRESSION, JAW, seventy
from dreamtalk_core.render.control.topology import FEATURES, PUPILS, topology
from dreamtalk_core.render.output.draw import draw_lines, draw_polyline
from dreamtalk_core.render.raster import compiled, fill

FLAT = ("mesh", "landmarks", "mouth", "dots", "expression", "pose", "body")
"""Kinds that are drawn from landmarks alone."""
SURFACE = ("depth", "normals")
"""Kinds that are numbers, too."""
KINDS = (*FLAT[:3], *SURFACE, *FLAT[3:], "edges", "person", "face", "composite")

# Which points of a body are joined, in the order of their colours: round the colour circle.
_LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12)),
    *((12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
_BODY_COLOURS = [
    tuple(round(255 * part) for part in colorsys.hsv_to_rgb(at / 18, 1, 1)) for at in range(18)
]
_LIMB_SHADE = 0.6
_LEAP = 0.03
"""Of all depth, what an edge leaps at least."""
_STICK, _DOT = 4, 3
"""Pixels from the middle of a limb or a joint, and of a point of the face, to its edge."""

Float = NDArray[np.float32]
Int = NDArray[np.int32]
Picture = NDArray[np.uint8]


def check_kind(kind: str) -> None:
    """Raises `RenderError` for a kind that is not in `KINDS`."""
    if kind not in KINDS:
        raise RenderError(
            f"There is no control picture '{shown(kind)}'. Choose from {', '.join(KINDS)}."
        )


def draw_flat(
    kind: str, points: Float, height: int, width: int, body: Float | None = None
) -> Float:
    """What is drawn from landmarks [478, 2] alone, and for `pose` and `body` from a body [18, 3].

    Raises `RenderError` for a kind that is not in `FLAT`.
    """
    if kind not in FLAT:
        raise RenderError(
            f"Of landmarks alone no {shown(kind)} is drawn. Choose {', '.join(FLAT)}."
        )
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
    elif kind == "mouth":
        return np.repeat(covered_by(lines.lips, points, height, width)[..., None], 3, axis=2)
    else:
        draw_points(picture, kind, points, body)
    return (picture / 255).astype(np.float32)


def draw_points(picture: Picture, kind: str, points: Float, body: Float | None) -> None:
    """Draw the points of a face, of a body, or both, into a picture uint8 [H, W, 3].

    By the rules that the models were taught with, to the pixel: `dots` as DWPose draws faces,
    `expression` as SCAIL does, `pose` as DWPose draws people, `body` as Wan-Animate does.
    """
    height, width = picture.shape[:2]
    if kind in ("pose", "body") and body is not None:
        stick = _STICK if kind == "pose" else max(min(height, width) // 200 - 1, 1)
        _draw_body(picture, body, stick)
    if kind == "body":
        return
    seen, radius = seventy(points), _DOT
    if kind == "expression":
        seen, radius = seen[list(EXPRESSION)], min(max(min(height, width) // 300, 1), 2)
    for x, y in seen:
        if x > 0 and y > 0:
            cv2.circle(picture, (int(x), int(y)), radius, (255, 255, 255), -1)


def _draw_body(picture: Picture, body: Float, stick: int) -> None:
    """Limbs as flat ellipses, darkened, and over them the joints."""
    known = body[:, 2] > 0
    for (a, b), colour in zip(_LIMBS, _BODY_COLOURS, strict=False):
        if not (known[a] and known[b]):
            continue
        (ax, ay), (bx, by) = body[a, :2], body[b, :2]
        long, angle = np.hypot(ax - bx, ay - by), np.degrees(np.arctan2(ay - by, ax - bx))
        middle = (int((ax + bx) / 2), int((ay + by) / 2))
        limb = cv2.ellipse2Poly(middle, (int(long / 2), stick), int(angle), 0, 360, 1)
        cv2.fillConvexPoly(picture, limb, [int(_LIMB_SHADE * part) for part in colour])
    for (x, y), colour in zip(body[known, :2], np.array(_BODY_COLOURS)[known], strict=True):
        cv2.circle(picture, (int(x), int(y)), stick, [int(part) for part in colour], -1)


def draw_edges(depth: Float, cover: Float, points: Float) -> Float:
    """Lines such as an edge detector finds, white on black: float32 [H, W, 3].

    Where depth [H, W] leaps, where what is covered [H, W] ends, and along lids, brows, nose, lips
    and the outline of the face, from landmarks [478, 2].
    """
    picture = np.zeros((*depth.shape, 3), np.uint8)
    thick = max(1.0, min(depth.shape) / 384)
    outline = seventy(points)[:JAW]
    for run in (outline, *(points[list(line)] for line in FEATURES)):
        draw_polyline(picture, run, (255, 255, 255), thick)
    kernel = np.ones((3, 3), np.uint8)
    leaps = np.clip(cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, kernel) / _LEAP - 1, 0, 1)
    leaps *= cv2.erode((cover > 0.99).astype(np.uint8), kernel, iterations=2)
    inside = (cover > 0.5).astype(np.float32)
    ends = cv2.GaussianBlur(cv2.morphologyEx(inside, cv2.MORPH_GRADIENT, kernel), (0, 0), 0.6)
    lines = np.maximum(np.maximum(leaps, ends), picture[..., 0] / np.float32(255))
    return np.repeat(lines[..., None].astype(np.float32), 3, axis=2)


def covered_by(triangles: Int, points: Float, height: int, width: int) -> Float:
    """How much of each pixel triangles between points [N, 2] cover, from either side: [H, W]."""
    samples = np.ones((len(points), 3), np.float32)
    samples[:, :2] = 2 * points[:, :2]
    owner = np.full((2 * height, 2 * width), -1, np.int32)
    depth = np.zeros(owner.shape, np.float32)
    fill(samples, triangles, np.ones(len(triangles), bool), depth, owner)
    return (owner >= 0).reshape(height, 2, width, 2).mean(axis=(1, 3), dtype=np.float32)


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
