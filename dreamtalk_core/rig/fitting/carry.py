"""The built-in head's 68 shapes on another head: it is laid over that head, and takes them there.

Laid over: first by the landmarks of both, then, a few times, its skin goes to the nearest skin of
the other. Whatever is compared is compared with its normal and with the lip and the lid that it is
of, so that lips which touch are two. Then each vertex of the other head has a place on the built-in
one and moves as that does, turned and stretched as the head was in that place: the gradients of
Sumner and Popovic's deformation transfer (2004), taken vertex by vertex. Where the other head has
what the built-in one has not, a movement spreads along its skin. At last lips and lids are made to
meet (`contact`).

Millimetres and axes of `rig.head`. Heads whose face is one mesh or many, with eyes, teeth, a tongue
of their own or without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.rig.fitting.contact import close_lids, close_lips
from dreamtalk_core.rig.fitting.inner import follow_face, move_eyes, move_mouth
from dreamtalk_core.rig.fitting.surface import Array, Indices, Surface, at, nearest, on_triangle
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.rig.head import MATERIALS, load_head

Float = NDArray[np.float32]

# Landmarks above and below the gap between the lips, and around each eye above and below the lids'.
UPPER_LIP_SEEDS = (0, 37, 267, 39, 269, 164, 2)
LOWER_LIP_SEEDS = (17, 84, 314, 181, 405, 18, 200)
UPPER_LID_SEEDS = (30, 29, 27, 28, 56, 260, 259, 257, 258, 286)
LOWER_LID_SEEDS = (110, 24, 23, 22, 26, 339, 254, 253, 252, 256)

FACE_LANDMARKS = 468
"""Those of the skin; behind them are the irises'."""

_NORMAL, _SIDE = 5.0, 6.0
"""mm that a normal the other way, and the other lip, count for when two places are compared."""
_FADE = 4.0
"""mm along the skin within which one lip becomes the other, at the corners of the mouth."""
_SMOOTH = (0.6, 0.25, 0.12, 0.06, 0.03)
"""Of the warps: by landmarks, then by skin."""
_CENTRES = 1400
_FARTHEST = 18.0
"""mm from which on the nearest skin is no partner."""
_SURE, _UNSURE = 4.0, 14.0
"""mm between the two heads up to which a vertex has its place, and from which on it has none."""
_SKIN = (MATERIALS.index("skin"), MATERIALS.index("mouth"))


@dataclass(frozen=True, eq=False)
class Sides:
    """Which lip and which lid each point of a surface [W] is of: from 1, the upper, to -1."""

    lip: Array
    lid: Array

    def features(self, points: Array, normals: Array) -> Array:
        """What places are compared by [W, 8]."""
        sides = np.column_stack([self.lip, self.lid])
        return np.column_stack([points, _NORMAL * normals, _SIDE * sides])


@dataclass(frozen=True, eq=False)
class Source:
    """The built-in head's skin: its surface, its sides, and how its points move [68, W, 3]."""

    surface: Surface
    sides: Sides
    deltas: Array


def sides_of(surface: Surface, landmarks: Array, face: NDArray[np.bool_]) -> Sides:
    """Of a surface whose points of the face are known [W], by landmarks [468 or more, 3] on it."""
    on_face = np.flatnonzero(face)

    def along(seeds: Sequence[int]) -> Array:
        return surface.along(on_face[nearest(landmarks[list(seeds)], surface.points[on_face])])

    def side(upper: Sequence[int], lower: Sequence[int]) -> Array:
        above, below = along(upper), along(lower)
        reached = np.isfinite(above) & np.isfinite(below)
        apart = np.subtract(below, above, out=np.zeros_like(above), where=reached)
        result: Array = np.clip(apart / _FADE, -1, 1)
        return result

    return Sides(side(UPPER_LIP_SEEDS, LOWER_LIP_SEEDS), side(UPPER_LID_SEEDS, LOWER_LID_SEEDS))


@lru_cache(maxsize=1)
def _source_skin() -> tuple[Surface, Array]:
    head = load_head()
    used, triangles = np.unique(head.triangles[np.isin(head.material, _SKIN)], return_inverse=True)
    vertices = head.vertices[used].astype(np.float64)
    surface = Surface.of(vertices, triangles.reshape(-1, 3).astype(np.int64))
    return surface, head.face_deltas[:, used[surface.vertex]].astype(np.float64)


def source_of(landmarks: Array) -> Source:
    """The built-in head with its landmarks [468 or more, 3]."""
    surface, deltas = _source_skin()
    return Source(surface, sides_of(surface, landmarks, np.ones(len(surface.points), bool)), deltas)


@dataclass(frozen=True, eq=False)
class Wearer:
    """The head that gets the shapes, brought to where the built-in one is.

    vertices: [V, 3], mm. triangles: [F, 3]. landmarks: [478, 3] on it. kinds: [V], indices of
    `MATERIALS`, as far as names tell: skin, where they do not.
    """

    vertices: Array
    triangles: Indices
    landmarks: Array
    kinds: NDArray[np.int64]


def carried(wearer: Wearer, source_landmarks: Array) -> Float:
    """How each of the 68 shapes of `FACE_NAMES` moves the vertices of a head [68, V, 3], mm.

    source_landmarks: [478, 3], those of the built-in head. Warns where lips or eyes are not made to
    be moved. Raises nothing of its own.
    """
    source = source_of(source_landmarks)
    surface = Surface.of(wearer.vertices, wearer.triangles)
    kinds = wearer.kinds[surface.vertex]
    face = face_of(surface, kinds, wearer.landmarks)
    sides = sides_of(surface, wearer.landmarks, face)
    by_landmarks = Warp(
        source_landmarks[:FACE_LANDMARKS],
        (wearer.landmarks - source_landmarks)[:FACE_LANDMARKS],
        _SMOOTH[0],
    )
    laid = _laid_over(source, by_landmarks(source.surface.points), surface, sides, face)
    turned = by_landmarks.stretch(source.surface.points)
    moved = np.einsum("vab,svb->sva", turned, source.deltas)
    deltas = np.zeros((len(moved), len(surface.points), 3))
    # Of a whole body only what the built-in bust covers.
    low, high = laid.min(axis=0) - _UNSURE, laid.max(axis=0) + _UNSURE
    covered = face & ((surface.points > low) & (surface.points < high)).all(axis=1)
    deltas[:, covered] = _taken(source, laid, moved, surface, sides, covered)
    # A little smoother: what neighbours have taken from different places fades.
    deltas = surface.spread_moves(deltas, np.where(face, 0.35, 0.0), 2)
    close_lips(deltas, surface, sides.lip, wearer.landmarks)
    close_lids(deltas, surface, sides.lid, wearer.landmarks)
    move_mouth(deltas, surface, kinds, face, by_landmarks, wearer.landmarks)
    move_eyes(deltas, surface, kinds, face, wearer.landmarks)
    follow_face(deltas, surface, kinds, face)
    result: Float = deltas[:, surface.weld].astype(np.float32)
    return result


def face_of(surface: Surface, kinds: NDArray[np.int64], landmarks: Array) -> NDArray[np.bool_]:
    """Which points [W] are of the face: of the pieces that most landmarks lie on."""
    skin = np.flatnonzero(np.isin(kinds, _SKIN))
    pieces = surface.pieces[skin[nearest(landmarks[:FACE_LANDMARKS], surface.points[skin])]]
    found, count = np.unique(pieces, return_counts=True)
    return np.isin(surface.pieces, found[count > 0.1 * count.sum()])


def _laid_over(
    source: Source, points: Array, surface: Surface, sides: Sides, face: NDArray[np.bool_]
) -> Array:
    """Where the built-in head's points [W, 3] go, of which landmarks have told about."""
    triangles = np.flatnonzero(face[surface.triangles[:, 0]])
    owner, shares = surface.samples(triangles)
    features = sides.features(surface.points, surface.normals)
    places = at(features, surface.triangles[owner], shares)
    active = np.flatnonzero(np.abs(source.deltas).max(axis=(0, 2)) > 0.05)
    step = max(1, len(active) // _CENTRES)
    centres = active[::step]
    for smooth in _SMOOTH[1:]:
        laid = Surface(points, source.surface.triangles, source.surface.weld)
        own = source.sides.features(points, laid.normals)[centres]
        partner = places[nearest(own, places)]
        apart = partner - own
        good = np.linalg.norm(apart[:, :3], axis=1) < _FARTHEST
        good &= np.linalg.norm(apart[:, 3:6], axis=1) < _NORMAL
        if good.sum() < 50:
            break
        move = np.where(good[:, None], apart[:, :3], 0)
        points = Warp(points[centres], move, smooth)(points)
    return points


def _taken(
    source: Source,
    laid: Array,
    moved: Array,
    surface: Surface,
    sides: Sides,
    face: NDArray[np.bool_],
) -> Array:
    """What the points of the face take [68, N, 3] of the built-in head's movements [68, W, 3]."""
    over = Surface(laid, source.surface.triangles, source.surface.weld)
    features = source.sides.features(laid, over.normals)
    owner, shares = over.samples(np.arange(len(over.triangles)))
    places = at(features, over.triangles[owner], shares)
    own = sides.features(surface.points, surface.normals)[face]
    triangles = over.triangles[owner[nearest(own, places)]]
    points = surface.points[face]
    shares = on_triangle(points, laid[triangles])
    far = np.linalg.norm(at(laid, triangles, shares) - points, axis=1)
    sure = 1 - smoothstep((far - _SURE) / (_UNSURE - _SURE))
    result: Array = np.stack([at(one, triangles, shares) * sure[:, None] for one in moved])
    return result
