"""`Relief`: the whole of a portrait as a surface, the face in front of head, hair and shoulders.

The face is the portrait's own mesh. Round about it lies a grid over the picture, as deep as the
built-in head is that is put over the face; hair and shoulders, which that has not got, are as deep
as what is near them and round off towards the edge of the person. When the head turns, the
grid turns with it, the neck bends, and the shoulders stay.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.control.drawing import sampled
from dreamtalk_core.render.control.topology import topology
from dreamtalk_core.render.portrait.renderer import PortraitRenderer
from dreamtalk_core.render.raster import fill, vertex_normals
from dreamtalk_core.rig.head import load_head

Float = NDArray[np.float32]
Array = NDArray[np.float64]
Int = NDArray[np.int32]

_GRID = 176
"""Vertices of the grid along the longer side of the picture."""
_REACH = 25.0
"""Millimetres over which the difference between a face and the built-in head's is carried on."""
# All in sizes of the face.
_ROUND, _BACK = 0.3, 0.2
"""How wide the rounded edge of a person is, and how far it goes back."""
_RIM = 0.07
"""How wide the edge of a head is that goes back too far."""
_SMOOTH, _SMOOTHER = 0.02, 0.08
"""How far the grid is made smooth where a head is below it, and where none is."""
_SUNK, _SEAM = 0.06, 0.08
"""How deep the grid lies below the face, and within how much of its edge it goes down there: what
moves must not sink in."""
_SOFT = 0.015
"""How soft the edge of a head is that stands for the whole person."""
_BEYOND = 0.35
"""How far the grid goes on beyond the picture: what is out there may turn into it."""
_MOUTH_DEPTH = 0.12
"""Behind the lips, how much darker the depth is: there is no mesh of a portrait's mouth."""
_MARGIN = 0.15
"""Share of all depth that is left on either side, for a head that turns."""


@dataclass(frozen=True, eq=False)
class _Grid:
    """local: [N, 3] on the head's own axes; head: [N] how much of its turn a vertex takes part in;
    cover: float32 [N], how much of it is the person; triangles: int32 [F, 3]."""

    local: Array
    head: Array
    cover: Float
    triangles: Int


class Relief:
    """Depth, normals and coverage of a portrait; `measure` may be called from threads."""

    def __init__(self, portrait: PortraitRenderer) -> None:
        self._rig = rig = portrait.rig
        self._size = portrait.image.shape[:2]
        self._grid = grid = _grid(portrait)
        self._grid_depth = (grid.local @ rig.turn.T)[:, 2]
        self._rest = rig.place(grid.local, rig.turn, self._grid_depth)
        template = rig.template
        self._triangles = np.concatenate(
            [grid.triangles, template.triangles + np.int32(len(grid.local))]
        )
        self._less = np.concatenate(
            [np.zeros(len(grid.triangles), np.float32), _MOUTH_DEPTH * topology().inside]
        )
        inside = self._rest[grid.cover > 0.5, 2]
        low = float(inside.min()) if len(inside) else -rig.size
        high = float((rig.rest @ rig.turn.T)[:, 2].max())
        margin = _MARGIN * (high - low)
        self._far, self._near = low - margin, high + margin

    def measure(self, kind: str, landmarks: Float, head_rotation: ArrayLike) -> Float:
        """float32 [H, W, 3]: `depth`, `normals` (see `HeadControls.measure`), or `cover`, 0..1.

        landmarks: [478, 3], the face's at this moment, as `PortraitControls.landmarks` gives them.
        """
        vertices, cover = self._posed(landmarks, head_rotation)
        points: Float = vertices * np.array([2, 2, 1], np.float32)
        # A little aside: the grid's corners would lie on samples, and leave holes there.
        points[:, :2] += np.float32(0.0137)
        points[:, 2] += np.float32(1 - points[:, 2].min())
        height, width = self._size
        owner = np.full((2 * height, 2 * width), -1, np.int32)
        buffer = np.zeros(owner.shape, np.float32)
        fill(points, self._triangles, np.zeros(len(self._triangles), bool), buffer, owner)
        none = np.zeros(len(self._triangles), np.float32)
        share = sampled(owner, self._triangles, points, cover[:, None], none)
        share = smoothstep(1.5 * share - 0.25).astype(np.float32)
        if kind == "cover":
            return share
        if kind == "normals":
            upright: Float = vertices * np.array([1, -1, 1], np.float32)
            normals = np.empty_like(upright)
            weld = np.arange(len(upright), dtype=np.int32)
            vertex_normals(upright, self._triangles, weld, normals)
            return share * sampled(owner, self._triangles, points, normals, none)
        near = (vertices[:, 2:] - np.float32(self._far)) / np.float32(self._near - self._far)
        shown: Float = share * sampled(owner, self._triangles, points, near, self._less)
        return shown

    def _posed(self, landmarks: Float, head_rotation: ArrayLike) -> tuple[Float, Float]:
        """Grid and face in the picture [V, 3], nearer is larger, and how much is the person [V]."""
        rig, grid = self._rig, self._grid
        turned = rig.place(grid.local, rig.rotation(head_rotation), self._grid_depth)
        behind = self._rest + grid.head[:, None] * (turned - self._rest) + [0.5, 0.5, 0]
        face = rig.template.refine(landmarks) * np.array([1, 1, -1], np.float32)
        cover = np.concatenate([grid.cover, np.ones(len(face), np.float32)])
        return np.concatenate([behind.astype(np.float32), face]), cover


def _grid(portrait: PortraitRenderer) -> _Grid:
    rig, image = portrait.rig, portrait.image
    height, width = image.shape[:2]
    step = max(height, width) / _GRID
    beyond = round(_BEYOND * rig.size / step)
    shape = (round(height / step) + 2 * beyond, round(width / step) + 2 * beyond)
    size = rig.size / step
    depth, neck, head = _under(portrait, shape, beyond, step)
    cover = _cover(portrait, head, beyond, size)
    # A head goes far back at its edge, where hair may go on. So what has none behind it, or its
    # edge only, is as deep as what is near it, and rounds off where the person ends.
    rim = cv2.distanceTransform(head, cv2.DIST_L2, 5) / size
    head = ((rim > _RIM) & (head > 0)).astype(np.uint8)
    inside = (cover > 0.5).astype(np.uint8)
    edge, away = (cv2.distanceTransform(one, cv2.DIST_L2, 5) / size for one in (inside, 1 - head))
    rounded = 1 - np.sqrt(1 - (1 - np.clip(edge / _ROUND, 0, 1)) ** 2)
    depth = _spread(depth, head, size) - _BACK * rig.size * rounded * smoothstep(2 * away / _ROUND)
    face, known = _face_depth(portrait, shape, beyond, step)
    off = cv2.distanceTransform(1 - known, cv2.DIST_L2, 5) / size
    depth += _spread((face - depth) * known, known, size) * np.exp(-off / _SEAM)
    smooth, smoother = (
        cv2.GaussianBlur(depth, (0, 0), max(reach * size, 0.5)) for reach in (_SMOOTH, _SMOOTHER)
    )
    soft = cv2.GaussianBlur(head.astype(np.float32), (0, 0), max(_SMOOTHER * size, 0.5))
    depth = smoother + soft * (smooth - smoother)
    across, down = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    flat = (np.stack([across, down], -1).reshape(-1, 2) + 0.5 - beyond) * step - 0.5
    within = cv2.distanceTransform(known, cv2.DIST_L2, 5) / size
    depth -= _SUNK * rig.size * smoothstep(within / _SEAM)
    space = np.column_stack([flat[:, 0] - rig.pivot[0], -flat[:, 1] - rig.pivot[1], depth.ravel()])
    at = np.arange(depth.size).reshape(shape)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    turning = _spread(neck, head, size).ravel().astype(float)
    return _Grid(space @ rig.turn, turning, cover.ravel(), triangles.astype(np.int32))


def _cover(portrait: PortraitRenderer, head: NDArray[np.uint8], beyond: int, size: float) -> Float:
    """How much of the grid's cells is the person; the head alone where none is made out."""
    person = portrait.person
    if person is None:
        return cv2.GaussianBlur(head.astype(np.float32), (0, 0), max(_SOFT * size, 0.5))
    shape = (head.shape[1] - 2 * beyond, head.shape[0] - 2 * beyond)
    within = cv2.resize(person, shape, interpolation=cv2.INTER_AREA)
    return np.pad(within, beyond, mode="edge")


def _face_depth(
    portrait: PortraitRenderer, shape: tuple[int, int], beyond: int, step: float
) -> tuple[Float, NDArray[np.uint8]]:
    """The face at rest on the grid: depth in pixels, and where it is [rows, columns]."""
    rig = portrait.rig
    fine = rig.template.refine(rig.rest.astype(np.float32)).astype(float)
    placed = rig.place(fine, rig.turn, (fine @ rig.turn.T)[:, 2])
    seen = _on_grid(
        placed, rig.template.triangles, np.ones((len(fine), 0), np.float32), shape, beyond, step
    )
    return seen[..., 0], (seen[..., 1] > 0.5).astype(np.uint8)


def _under(
    portrait: PortraitRenderer, shape: tuple[int, int], beyond: int, step: float
) -> tuple[Float, Float, NDArray[np.uint8]]:
    """The built-in head over the face, on the grid: depth in pixels, how much it turns with the
    head, and where it is [rows, columns]."""
    rig, head = portrait.rig, load_head()
    rest = rig.template.rest.astype(float)
    differs = rig.rest / rig.scale - rest
    vertices = head.vertices.astype(float)
    moved = np.empty_like(vertices)
    for start in range(0, len(vertices), 1024):
        part = vertices[start : start + 1024]
        near = np.exp(-((part[:, None] - rest) ** 2).sum(-1) / (2 * _REACH**2))
        moved[start : start + 1024] = near @ differs / (near.sum(1, keepdims=True) + 0.5)
    local = (vertices + moved) * rig.scale
    placed = rig.place(local, rig.turn, (local @ rig.turn.T)[:, 2])
    depth, cover, neck = np.moveaxis(
        _on_grid(placed, head.triangles, head.neck[:, None], shape, beyond, step), 2, 0
    )
    return depth, neck, (cover > 0.5).astype(np.uint8)


def _on_grid(
    placed: Array, triangles: Int, values: Float, shape: tuple[int, int], beyond: int, step: float
) -> Float:
    """Of a mesh at [V, 3] in the picture: depth, how much of a cell it covers, and values [V, C] of
    its own, float32 [rows, columns, 2 + C]."""
    points = np.empty((len(placed), 3), np.float32)
    points[:, :2] = 2 * ((placed[:, :2] + 0.5) / step + beyond)
    points[:, 2] = placed[:, 2] - placed[:, 2].min() + 1
    owner = np.full((2 * shape[0], 2 * shape[1]), -1, np.int32)
    buffer = np.zeros(owner.shape, np.float32)
    fill(points, triangles, np.ones(len(triangles), bool), buffer, owner)
    none = np.zeros(len(triangles), np.float32)
    columns = [placed[:, 2], np.ones(len(placed)), *values.T]
    drawn = [
        sampled(owner, triangles, points, column[:, None].astype(np.float32), none)[..., 0]
        for column in columns
    ]
    cover = np.maximum(drawn[1], 0.25)
    return np.stack([drawn[0] / cover, drawn[1], *(one / cover for one in drawn[2:])], axis=2)


def _spread(values: Float, known: NDArray[np.uint8], size: float) -> Float:
    """Values [H, W] carried on to where they are not known, from near by if there is any."""
    filled, have = values * known, known.astype(np.float32)
    for reach in (0.05, 0.15, 0.5, 2.0):
        wide = max(reach * size, 0.5)
        total, seen = (cv2.GaussianBlur(one, (0, 0), wide) for one in (filled, have))
        new = (have == 0) & (seen > 1e-3)
        filled[new], have[new] = total[new] / seen[new], 1
    return filled
