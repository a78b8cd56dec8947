"""What surrounds the face in a portrait, and how far it goes along when the head turns."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.rig import FaceRig
from dreamtalk_core.render.raster import Float

Array = NDArray[np.float64]

_RINGS = 24
_REACH = 1.9
"""Radius of the outermost ring, in sizes of the face."""

_STEEPEST = 1.2
"""How steeply the depth of a head may fall towards its outline. The picture shows what is steeper
from aside, in few pixels, and a turn would draw them out."""

_OUTLINE = (0.04, 0.12)
"""How far from the face's edge its depth is held back, in sizes of the face: up to the first fully,
from the second on not at all (there the eyes begin)."""

_HELD = 0.4
"""How far from where the picture's edge cuts the person off the head moves freely, in sizes of the
face."""


def smooth(x: Array, low: float | Array, high: float | Array) -> Array:
    """0 at low, 1 at high, without a corner."""
    return smoothstep((x - low) / (high - low))


@dataclass(frozen=True, eq=False)
class Ring:
    """The surroundings of the face: `_RINGS` rings of B vertices, the first just outside its edge.

    rest: [N, 3] on the head's own axes; away: [N] how far from the face's edge, in its sizes; head:
    [N] how much of the head's turn a vertex takes part in; follow: [N] how much of the movement of
    the face's edge; edge: int [N] the vertex of the edge, counted along it; triangles: into the
    edge (0..B-1) and the ring (from B on).
    """

    rest: Array
    away: Array
    head: Array
    follow: Array
    edge: NDArray[np.int64]
    triangles: NDArray[np.int64]


def ring_around(rig: FaceRig, edge: Array, layered: bool) -> Ring:
    """Around the edge [B, 3] of the face, all on the head's own axes.

    layered: the background does not move with it, so that all of the hair can.
    """
    size = rig.size
    centre = edge.mean(0)
    count = len(edge)
    out = edge[:, :2] - centre[:2]
    angle = np.arctan2(out[:, 1], out[:, 0])
    # Evenly spread far out, so that triangles of the ring stay well shaped.
    order = np.unwrap(angle)
    far = order[0] + np.sign(order[-1] - order[0]) * 2 * np.pi * np.arange(count) / count
    far += (order - far).mean()
    goal = centre[:2] + _REACH * size * np.column_stack([np.cos(far), np.sin(far)])
    steps = (np.arange(1, _RINGS + 1) / _RINGS) ** 2.2
    rest = np.empty((_RINGS, count, 3))
    rest[..., :2] = edge[:, :2] + steps[:, None, None] * (goal - edge[:, :2])
    distance = np.linalg.norm(rest[..., :2] - edge[:, :2], axis=-1) / size
    # Downwards is the neck, which follows less and less; elsewhere hair, then background.
    down = smooth(-np.sin(angle), 0.25, 0.8)
    # Depth goes back from the edge of the face to the plane of the ears.
    back = np.maximum(0.45, (1 - down) * 1.5 / _STEEPEST * edge[:, 2] / size)
    rest[..., 2] = edge[:, 2] * (1 - smooth(distance, 0.0, back))
    hair, beyond = (0.8, 1.6) if layered else (0.42, 1.15)
    if layered:
        # Beside the neck are shoulders, however far out.
        down = smooth(centre[1] - rest[..., 1], 0.3 * size, 0.6 * size)
    full, none = hair * (1 - down), beyond * (1 - down) + 0.95 * down
    head = 1 - smooth(distance, full, none)
    below = smooth(-np.sin(angle), 0.25, 0.8)
    follow = 1 - smooth(distance, 0.012, 0.09 * (1 - below) + 0.17 * below)
    first = np.arange(_RINGS * count).reshape(_RINGS, count)
    inner, outer = first, first + count
    triangles = np.concatenate(
        [
            np.stack([inner, outer, np.roll(outer, -1, 1)], -1).reshape(-1, 3),
            np.stack([inner, np.roll(outer, -1, 1), np.roll(inner, -1, 1)], -1).reshape(-1, 3),
        ]
    )
    return Ring(
        rest.reshape(-1, 3),
        distance.ravel(),
        head.ravel(),
        follow.ravel(),
        np.tile(np.arange(count), _RINGS),
        triangles,
    )


def held_back(rig: FaceRig) -> Array:
    """The landmarks at rest [478, 3] with a depth that falls no more steeply than `_STEEPEST`
    towards the face's edge, in the direction of the viewer: in the picture they stay where they
    are."""
    template = rig.template
    space = rig.rest @ rig.turn.T
    edge = template.refine(space.astype(np.float32))[template.boundary]
    away = _apart(space, edge).min(1) / rig.size
    near = np.flatnonzero(away < 2 * _OUTLINE[1])
    least = (space[near, 2] - _STEEPEST * _apart(space[near], space[near])).max(1)
    share = 1 - smooth(away[near], *_OUTLINE)
    space[near, 2] += share * (least - space[near, 2])
    held: Array = space @ rig.turn
    return held


def _apart(one: Array, other: Array) -> Array:
    """Distances [N, M] in the picture between points [N, 3] and [M, 3]."""
    apart: Array = np.linalg.norm(one[:, None, :2] - other[:, :2], axis=-1)
    return apart


def movable(person: Float, points: Array, size: float) -> Array:
    """How far points (x, y) [N, 2] can move, 0..1 [N]: not at all where the edge of the picture
    cuts the person [H, W] off, for what is beyond it is not known."""
    cut = np.ones(person.shape, np.uint8)
    for side in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        cut[side] = person[side] < 0.5
    if cut.all():
        return np.ones(len(points))
    away = cv2.distanceTransform(cut, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    x, y = (
        np.clip(np.rint(points[:, axis]).astype(int), 0, person.shape[1 - axis] - 1)
        for axis in range(2)
    )
    beyond = np.hypot(points[:, 0] - x, points[:, 1] - y)
    return smooth(away[y, x] - beyond, 0.0, _HELD * size)
