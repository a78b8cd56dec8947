"""What surrounds the face in a portrait, and how far it goes along when the head turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.portrait.rig import FaceRig

Array = NDArray[np.float64]

_RINGS = 24
_REACH = 1.9
"""Radius of the outermost ring, in sizes of the face."""

_STEEPEST = 3.2
"""How steeply the depth of a head may fall towards its outline. The picture shows what is steeper
from aside, in few pixels, and a turn would draw them out."""

_ROUND = 0.8
"""How gently it goes on falling over the hair: in sizes of the face for a fall of one size."""

_OUTLINE = (0.04, 0.12)
"""How far from the face's edge its depth is held back, in sizes of the face: up to the first fully,
from the second on not at all (there the eyes begin)."""

_FALL = 1.0
"""How steeply the depth of what the picture shows beside a far cheek may fall: more, and skin that
belongs to it would come off as it turns to the front."""

_HELD = 0.4
"""From how far above the bottom of the picture a neck moves freely, in sizes of the face."""


def smooth(x: Array, low: float | Array, high: float | Array) -> Array:
    """0 at low, 1 at high, without a corner."""
    return smoothstep((x - low) / (high - low))


@dataclass(frozen=True, eq=False)
class Ring:
    """The surroundings of the face: `_RINGS` rings of B vertices, the first just outside its edge.

    rest: [N, 3] on the head's own axes; head: [N] how much of the head's turn a vertex takes
    part in; follow: [N] how much of the movement of the face's edge; edge: int [N] the vertex of
    the edge, counted along it; triangles: into the edge (0..B-1) and the ring (from B on).
    """

    rest: Array
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
    back = np.maximum(0.45, (1 - down) * 1.5 * _ROUND * edge[:, 2] / size)
    rest[..., 2] = edge[:, 2] * (1 - smooth(distance, 0.0, back))
    hair, beyond = (0.8, 1.6) if layered else (0.42, 1.15)
    rest = _not_behind(rest, edge, rig.turn)
    # Beside the neck are shoulders, however far out.
    low = smooth(centre[1] - rest[..., 1], 0.3 * size, 0.6 * size) if layered else down
    head = 1 - smooth(distance, hair * (1 - low), beyond * (1 - low) + 0.95 * low)
    follow = 1 - smooth(distance, 0.012, 0.09 * (1 - down) + 0.17 * down)
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
        head.ravel(),
        follow.ravel(),
        np.tile(np.arange(count), _RINGS),
        triangles,
    )


def held_back(rig: FaceRig) -> Array:
    """The landmarks at rest [478, 3] with a depth that falls no more steeply than `_STEEPEST`
    towards the face's edge, in the direction of the viewer: in the picture they stay where they
    are, but for those that it hides (see `_outline`)."""
    template = rig.template
    space = rig.rest @ rig.turn.T
    edge = template.refine(space.astype(np.float32))[template.boundary].astype(float)
    away = _apart(space, edge).min(1) / rig.size
    near = np.flatnonzero(away < 2 * _OUTLINE[1])
    share = 1 - smooth(away[near], *_OUTLINE)
    space[near, 0] += share * (_outline(rig, space, near) - space[near, 0])
    least = (space[near, 2] - _STEEPEST * _apart(space[near], space[near])).max(1)
    space[near, 2] += share * (least - space[near, 2])
    held: Array = space @ rig.turn
    return held


def _outline(rig: FaceRig, space: Array, near: NDArray[np.int64]) -> Array:
    """x of the landmarks `near` [N] at the edge of a face, space [478, 3], where those that the
    picture hides behind its outline lie on it: what is beside them there, or the background, must
    not turn up as skin."""
    side = np.sign(rig.turn[0, 2])
    x, y, across = side * space[near, 0], space[near, 1], side * rig.rest[near, 0]
    reach = x - np.abs(y[:, None] - y)
    reach[across[:, None] < across] = -np.inf
    return np.where(across > 0, side * reach.max(1), space[near, 0])


def _not_behind(rest: Array, edge: Array, turn: Array) -> Array:
    """Rings [R, B, 3] around an edge [B, 3], on the head's own axes. Where they go back behind what
    is further inside, as the picture shows it, they stay where the last one is seen, and what comes
    out from behind it stays near it in depth."""
    space = np.concatenate([edge[None], rest]) @ turn.T
    along = ((space - space[0])[..., :2] * (space[-1] - space[0])[:, :2]).sum(-1)
    seen = along >= np.maximum.accumulate(along, axis=0)
    last = np.maximum.accumulate(np.arange(len(space))[:, None] * seen, axis=0)
    space = np.take_along_axis(space, last[..., None], 0)
    way = np.linalg.norm(np.diff(space[..., :2], axis=0, prepend=space[:1, :, :2]), axis=-1)
    way = _FALL * way.cumsum(0)
    space[..., 2] = np.maximum.accumulate(space[..., 2] + way, axis=0) - way
    return np.where(seen.all(0)[:, None], rest, space[1:] @ turn)


def _apart(one: Array, other: Array) -> Array:
    """Distances [N, M] in the picture between points [N, 3] and [M, 3]."""
    apart: Array = np.linalg.norm(one[:, None, :2] - other[:, :2], axis=-1)
    return apart


def movable(points: Array, chin: float, bottom: float, size: float) -> Array:
    """How far places (x, y) [N, 2] in a picture can move, 0..1 [N]: a neck that the
    bottom of the picture cuts off stays there, for what is below it is not known.

    chin, bottom: y of the lowest point of the face and of the picture.
    """
    below = (points[:, 1] - chin) / size
    free = np.where(below > 0, smooth((bottom - points[:, 1]) / size, 0.0, _HELD), 1.0)
    moves: Array = free ** smooth(below, 0.0, 0.15)
    return moves
