"""Control pictures: what a generative video model wants to be shown of a face, frame by frame.

| kind        | what is drawn                                                                      |
|-------------|------------------------------------------------------------------------------------|
| `mesh`      | the triangles between the landmarks that face the camera, white on black           |
| `landmarks` | brows, eyes, pupils, lips and outline on black, in the colours that ControlNets    |
|             | for MediaPipe faces were trained on                                                |
| `mouth`     | white from lip to lip, the lips and what is between them, on black                 |
| `depth`     | nearer is lighter, black is background                                             |
| `normals`   | blue is towards the camera, green up, red to the left of the picture (the custom   |
|             | of ControlNets that were trained on ScanNet's colours)                             |

`FaceControls` draws a face given by its 478 landmarks, `PortraitControls` the one of a portrait, at
its place in the picture. `HeadControls` draws the built-in head as `HeadRenderer` shows it: depth
and normals of the whole bust, the others of its face. Scales do not change from frame to frame, so
nothing flickers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import RenderError
from dreamtalk_core.motion.arkit import ARKIT_NAMES
from dreamtalk_core.render.head.raster import compiled, fill, vertex_normals
from dreamtalk_core.render.head.renderer import HeadRenderer
from dreamtalk_core.render.output.draw import draw_lines
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.portrait.rig import LOWER_LIP, MOUTH_LOOP, UPPER_LIP, load_template

KINDS = ("mesh", "landmarks", "mouth", "depth", "normals")

Float = NDArray[np.float32]
Int = NDArray[np.int32]
Picture = NDArray[np.uint8]

_COARSE = 898
"""Triangles between the landmarks; those of the fine mesh follow one another in their order."""

# The face's lines, as runs of landmarks; left and right are the character's.
# fmt: off
_OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109, 10,
)
_OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291,
    409, 270, 269, 267, 0, 37, 39, 40, 185, 61,
)
# fmt: on
_LEFT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 263)
_RIGHT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 33)
_LEFT_BROW = ((276, 283, 282, 295, 285), (300, 293, 334, 296, 336))
_RIGHT_BROW = ((46, 53, 52, 65, 55), (70, 63, 105, 66, 107))
_INNER_LIPS = (*MOUTH_LOOP, MOUTH_LOOP[0])
_LIP_CORNERS = (62, 76, 292, 306)

_LINES: tuple[tuple[tuple[int, int, int], tuple[tuple[int, ...], ...]], ...] = (
    ((10, 200, 10), (_OUTLINE,)),
    ((10, 200, 180), (_LEFT_EYE,)),
    ((180, 200, 10), (_RIGHT_EYE,)),
    ((10, 220, 180), _LEFT_BROW),
    ((180, 220, 10), _RIGHT_BROW),
    ((10, 180, 10), (_OUTER_LIPS, _INNER_LIPS)),
)
_PUPILS = ((473, (10, 200, 250)), (468, (250, 200, 10)))

# Behind the lips, how much darker the depth is: there is no mesh of a portrait's mouth.
_MOUTH_DEPTH = 0.12
# Millimetres of the built-in head, towards the camera, that depth is black and white at.
_FAR, _NEAR = -130.0, 135.0


@dataclass(frozen=True, eq=False)
class _Topology:
    """Lines and triangles between landmarks.

    triangles: int32 [898, 3]. lips: int32 [L, 3], those of the mouth, between the lips included.
    edges: int32 [E, 2] with colours: uint8 [E, 3], of the landmark drawing.
    inside: float32 [F], for each triangle of the fine mesh 1 if it is between the lips.
    """

    triangles: Int
    lips: Int
    edges: Int
    colours: Picture
    inside: Float


@lru_cache(maxsize=1)
def _topology() -> _Topology:
    fine = load_template().triangles
    group = fine.reshape(_COARSE, -1, 3)
    # Each step of subdivision put the three corners first, and a landmark kept its number.
    step = (group.shape[1] - 1) // 3
    triangles = np.stack([group[:, i * step, i] for i in range(3)], axis=1)
    lips = {v for row in (*UPPER_LIP, *LOWER_LIP) for v in row}
    mouth = np.isin(triangles, [*lips, *_OUTER_LIPS, *MOUTH_LOOP, 62, 76, 291, 292, 306]).all(
        axis=1
    )
    inside = np.isin(triangles, MOUTH_LOOP).all(axis=1)
    runs = [(run, colour) for colour, lines in _LINES for run in lines]
    edges = [pair for run, _ in runs for pair in pairwise(run)]
    colours = [colour for run, colour in runs for _ in run[1:]]
    return _Topology(
        triangles,
        np.ascontiguousarray(triangles[mouth]),
        np.array(edges, np.int32),
        np.array(colours, np.uint8),
        np.repeat(inside, group.shape[1]).astype(np.float32),
    )


class FaceControls:
    """Control pictures [height, width] of one face. Its methods may be called from threads.

    rest: landmarks [478, 3] of the face at rest, from which the range of depth is taken: x to the
    right, y down, z away from the camera, all in pixels, from wherever it is counted later as well.
    """

    def __init__(self, height: int, width: int, rest: ArrayLike) -> None:
        self.height, self.width = height, width
        z = np.asarray(rest, np.float32)[:, 2]
        size = float(z.max() - z.min())
        # Room for the head to turn.
        self._near, self._far = float(z.min()) - 0.3 * size, float(z.max()) + 0.3 * size

    def draw(self, kind: str, landmarks: ArrayLike) -> Picture:
        """One picture uint8 [H, W, 3]. Raises `RenderError` for a kind that is not in `KINDS`."""
        return _to_bytes(kind, self.measure(kind, landmarks))

    def measure(self, kind: str, landmarks: ArrayLike) -> Float:
        """The same as numbers, float32 [H, W, 3]: see `HeadControls.measure`."""
        points = np.asarray(landmarks, np.float32)
        if kind in ("depth", "normals"):
            return self._surface(kind, points)
        return _flat(kind, points[:, :2], self.height, self.width)

    def _surface(self, kind: str, landmarks: Float) -> Float:
        template = load_template()
        vertices = template.refine(landmarks)
        # Samples of half a pixel, y down; nearness positive.
        points: Float = vertices * np.array([2, 2, -1], np.float32)
        points[:, 2] += np.float32(1 - points[:, 2].min())
        owner = np.full((2 * self.height, 2 * self.width), -1, np.int32)
        depth = np.zeros(owner.shape, np.float32)
        one_sided = np.zeros(len(template.triangles), bool)
        fill(points, template.triangles, one_sided, depth, owner)
        upright: Float = vertices * np.array([1, -1, -1], np.float32)
        normals = np.empty_like(upright)
        weld = np.arange(len(upright), dtype=np.int32)
        vertex_normals(upright, template.triangles, weld, normals)
        inside = _topology().inside
        if kind == "normals":
            return _sampled(owner, template.triangles, points, normals, np.zeros_like(inside))
        near = (self._far - vertices[:, 2:]) / np.float32(self._far - self._near)
        return _sampled(owner, template.triangles, points, near, _MOUTH_DEPTH * inside)


class PortraitControls:
    """Control pictures of what a `PortraitRenderer` shows. May be called from threads."""

    def __init__(self, portrait: PortraitRenderer) -> None:
        self._rig = portrait.rig
        self._rest_depth = (self._rig.rest @ self._rig.turn.T)[:, 2]
        height, width = portrait.image.shape[:2]
        none = np.zeros(len(ARKIT_NAMES), np.float32)
        self._face = FaceControls(height, width, self.landmarks(none, (0.0, 0.0, 0.0)))

    def draw(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Picture:
        """One picture uint8 [H, W, 3]; weights and head_rotation as in the portrait's `render`.

        Raises `RenderError` for a kind that is not in `KINDS`.
        """
        return self._face.draw(kind, self.landmarks(weights, head_rotation))

    def measure(
        self, kind: str, weights: ArrayLike, head_rotation: ArrayLike = (0.0, 0.0, 0.0)
    ) -> Float:
        """The same as numbers, float32 [H, W, 3]: see `HeadControls.measure`."""
        return self._face.measure(kind, self.landmarks(weights, head_rotation))

    def landmarks(self, weights: ArrayLike, head_rotation: ArrayLike) -> Float:
        """Where the landmarks are: float32 [478, 3], as `FaceControls` takes them."""
        rig = self._rig
        points = rig.place(rig.pose(weights), rig.rotation(head_rotation), self._rest_depth)
        # The portrait's pixels have their centres at whole numbers, and nearer is larger there.
        points = (points + np.array([0.5, 0.5, 0.0])) * np.array([1.0, 1.0, -1.0])
        return points.astype(np.float32)


class HeadControls:
    """Control pictures of what a `HeadRenderer` shows. May be called from threads."""

    def __init__(self, renderer: HeadRenderer) -> None:
        self.renderer = renderer

    def draw(
        self,
        kind: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Picture:
        """One picture uint8 [size, size, 3]; weights, head_rotation and view as in `render`.

        Raises `RenderError` for a kind that is not in `KINDS`.
        """
        return _to_bytes(kind, self.measure(kind, weights, head_rotation, view))

    def measure(
        self,
        kind: str,
        weights: ArrayLike,
        head_rotation: ArrayLike = (0.0, 0.0, 0.0),
        view: tuple[float, float] = (0.0, 0.0),
    ) -> Float:
        """The same as numbers, float32 [size, size, 3], for EXR.

        Depth from 0 (far, and background) to 1 (near); normals with x to the right, y up and z to
        the camera, each -1 to 1, background 0; the others from 0 to 1.
        """
        if kind not in ("depth", "normals"):
            points = self.landmarks(weights, head_rotation, view)
            return _flat(kind, points, self.renderer.size, self.renderer.size)
        surface = self.renderer.surface(weights, head_rotation, view)
        triangles = self.renderer.head.triangles
        none = np.zeros(len(triangles), np.float32)
        values = surface.normals
        if kind == "depth":
            values = (surface.world[:, 2:] - np.float32(_FAR)) / np.float32(_NEAR - _FAR)
        return _sampled(surface.owner, triangles, surface.points, values, none)

    def landmarks(
        self, weights: ArrayLike, head_rotation: ArrayLike, view: tuple[float, float]
    ) -> Float:
        """Where the 478 landmarks are in the picture: float32 [478, 2], x and y in pixels."""
        template = load_template()
        posed = template.rest + np.tensordot(np.asarray(weights, np.float32), template.deltas, 1)
        follows = np.ones(len(posed), np.float32)
        placed = self.renderer.place(posed, follows, head_rotation, view)
        return (self.renderer.project(placed)[:, :2] / 2).astype(np.float32)


def _flat(kind: str, points: Float, height: int, width: int) -> Float:
    """What is drawn from landmarks [478, 2] alone."""
    topology = _topology()
    picture = np.zeros((height, width, 3), np.uint8)
    # Two pixels in a picture of 512, as ControlNets for faces were taught.
    thick = max(1.0, min(height, width) / 256)
    if kind == "mesh":
        corners = points[topology.triangles]
        (ax, ay), (bx, by) = (corners[:, i].T - corners[:, 0].T for i in (1, 2))
        seen = topology.triangles[ax * by - ay * bx < 0]
        edges = np.unique(np.sort(seen[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        draw_lines(picture, points[edges], (255, 255, 255), thick / 2)
    elif kind == "landmarks":
        draw_lines(picture, points[topology.edges], topology.colours, thick)
        for pupil, colour in _PUPILS:
            draw_lines(picture, points[[[pupil, pupil]]], colour, 2.5 * thick)
    elif kind == "mouth":
        samples = np.ones((len(points), 3), np.float32)
        samples[:, :2] = 2 * points
        owner = np.full((2 * height, 2 * width), -1, np.int32)
        depth = np.zeros(owner.shape, np.float32)
        fill(samples, topology.lips, np.ones(len(topology.lips), bool), depth, owner)
        covered = (owner >= 0).reshape(height, 2, width, 2).mean(axis=(1, 3), dtype=np.float32)
        return np.repeat(covered[..., None], 3, axis=2)
    else:
        raise RenderError(f"There is no control picture {kind!r}. Choose from {', '.join(KINDS)}.")
    return (picture / 255).astype(np.float32)


def _to_bytes(kind: str, values: Float) -> Picture:
    if kind == "normals":
        # Without a surface it is (0, 0, 0): shown as turned to the camera.
        values = values.copy()
        values[..., 2] += 1 - np.minimum(np.linalg.norm(values, axis=2), 1)
        values = values * np.array([-0.5, 0.5, 0.5], np.float32) + 0.5
    return np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _sampled(owner: Int, triangles: Int, points: Float, values: Float, less: Float) -> Float:
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
