"""Lips that close and lids that meet on a head which has taken its shapes from another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.rig.fitting.surface import Array, Indices, Surface, nearest, squares
from dreamtalk_core.warned import warn

_TOUCHING = 3.0
"""mm within which parts of the two lips at rest are taken to touch."""
_ROUND_LIPS = 6.0
"""mm from where lips touch that a correction reaches: it fades as a Gaussian."""
_CLOSED = 0.15
"""mm that are left open between lips which are to be closed, where they were further apart."""
_AROUND_MOUTH = 0.75
"""Of the mouth's width from its middle: beyond, nothing is a lip."""

_LID_OVERLAP = 0.15
"""mm that a closed upper lid goes over the lower one."""
_SOCKET = 4.0
"""mm behind the corners of an eye from which on skin is of the socket."""
_COLUMN = 1.5
"""mm across in which there is one edge of a lid."""
_SHUT, _OPEN = 0.08, 0.15
"""Of an eye's width, how far its lids are apart in one that is shut, and in one that can blink."""

MOUTH_CORNERS = (61, 291)
EYE_CORNERS = {"Right": (33, 133), "Left": (362, 263)}
"""Landmarks; the character's own sides."""
_LEFT = 0.02
"""Of its way, what a lid that is shut still goes: unseen, it tells where the eye is."""
_LIDS = {"Right": (159, 145), "Left": (386, 374)}
_SHUTTING = ("eyeBlink", "eyeLookDown", "eyeSquint")


def close_lips(deltas: Array, surface: Surface, lip: Array, landmarks: Array) -> None:
    """mouthClose takes back what jawOpen opens: changes deltas [S, W, 3] in place.

    lip: which lip each point is of [W], see `carry.Sides`. Where the lips stand apart at rest, they
    are closed. Warns where they hang together.
    """
    corners = landmarks[list(MOUTH_CORNERS)]
    wide = float(np.linalg.norm(corners[0] - corners[1]))
    near = np.linalg.norm(surface.points - corners.mean(axis=0), axis=1) < _AROUND_MOUTH * wide
    upper, lower = (np.flatnonzero(near & (way * lip > 0.3)) for way in (1, -1))
    if not len(upper) or not len(lower):
        return
    _check_parted(surface, lip, landmarks, wide)
    jaw, close = deltas[INDEX["jawOpen"]], deltas[INDEX["mouthClose"]]
    pairs = _pairs(surface, upper, lower)
    if not len(pairs):
        return
    rest = surface.points[pairs[:, 0]] - surface.points[pairs[:, 1]]
    wanted = rest.copy()
    wanted[:, 1] = np.minimum(rest[:, 1], _CLOSED)
    for _ in range(4):
        moved = jaw + close
        error = rest + moved[pairs[:, 0]] - moved[pairs[:, 1]] - wanted
        for own, column, way in ((upper, 0, -0.5), (lower, 1, 0.5)):
            close[own] += way * _felt(surface.points, own, pairs[:, column], error)


def _check_parted(surface: Surface, lip: Array, landmarks: Array, wide: float) -> None:
    middle = landmarks[[13, 14]].mean(axis=0)
    crossing = lip[surface.edges[:, 0]] * lip[surface.edges[:, 1]] < -0.3
    ends = surface.points[surface.edges[crossing]].mean(axis=1)
    if (np.linalg.norm(ends - middle, axis=1) < 0.2 * wide).any():
        warn(
            "The lips are one skin, so the mouth cannot open: it will stretch. Cut the mesh along "
            "the line between the lips, and make the shapes again."
        )


def _pairs(surface: Surface, upper: Indices, lower: Indices) -> Indices:
    """Points of both lips that touch at rest [P, 2]: of each the nearest on the other."""
    points = surface.points
    found = [
        np.column_stack([upper, lower[nearest(points[upper], points[lower])]]),
        np.column_stack([upper[nearest(points[lower], points[upper])], lower]),
    ]
    pairs = np.concatenate(found)
    far = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    # Lips that face one another, and not the one behind the other.
    facing = np.einsum("pd,pd->p", surface.normals[pairs[:, 0]], surface.normals[pairs[:, 1]])
    limit = max(_TOUCHING, 1.3 * float(np.quantile(far, 0.05)))
    return np.unique(pairs[(far < limit) & (facing < 0.7)], axis=0)


def _felt(points: Array, own: Indices, where: Indices, error: Array) -> Array:
    """What points of one lip [N] feel of errors [P, 3] at points of it: the mean of those near, the
    less, the further away."""
    apart = squares(points[own], points[where])
    nearest_one = apart.min(axis=1)
    share = np.exp(-(apart - nearest_one[:, None]) / 2.0)
    share /= share.sum(axis=1, keepdims=True)
    felt: Array = (share @ error) * np.exp(-nearest_one / _ROUND_LIPS**2)[:, None]
    return felt


def close_lids(deltas: Array, surface: Surface, lid: Array, landmarks: Array) -> None:
    """eyeBlink brings the upper lid's edge to the lower one's: changes deltas [S, W, 3] in place.

    lid: which lid each point is of [W], see `carry.Sides`. Eyes that are shut at rest, as in many
    scans, stay as they are: their lids would go through one another. Warns of it.
    """
    shut = []
    for side, corners in EYE_CORNERS.items():
        openness = _openness(landmarks, side)
        if openness < 1:
            deltas[[INDEX[name + side] for name in _SHUTTING]] *= max(openness, _LEFT)
        if openness < 0.5:
            shut.append(side.lower())
            continue
        blink = deltas[INDEX[f"eyeBlink{side}"]]
        rims = lid_rims(surface, lid, landmarks[list(corners)])
        if rims is None:
            continue
        upper, lower, own = rims
        points = surface.points
        for _ in range(4):
            moved = points + blink
            edge = _line(moved[lower])
            over = moved[upper, 1] - np.interp(moved[upper, 0], edge[:, 0], edge[:, 1])
            error = np.zeros((len(upper), 3))
            # In the corners the lids are one.
            error[:, 1] = (over + _LID_OVERLAP) * _within(moved[upper, 0], edge[:, 0])
            size = np.linalg.norm(blink, axis=1)
            full = max(float(size[upper].max()), 1e-6)
            felt = _felt(points, own, upper, error)
            blink[own] -= felt * np.clip(size[own, None] / full, 0, 1)
    if shut:
        warn(
            f"The eyes are shut in the mesh ({' and '.join(shut)} eye), so nothing blinks. Open "
            "them, or scan the head with open eyes, and make the shapes again."
        )


def _openness(landmarks: Array, side: str) -> float:
    """How far an eye can blink, from 0, shut at rest, to 1."""
    wide = float(np.linalg.norm(np.subtract(*landmarks[list(EYE_CORNERS[side])])))
    apart = float(np.subtract(*landmarks[list(_LIDS[side])])[1])
    return float(smoothstep((apart / max(wide, 1e-6) - _SHUT) / (_OPEN - _SHUT)))


def lid_rims(
    surface: Surface, lid: Array, corners: Array
) -> tuple[Indices, Indices, Indices] | None:
    """The edges of the upper and the lower lid of one eye, and all of its upper lid; None if there
    is no gap between lids. corners: of the eye [2, 3]."""
    points = surface.points
    middle, wide = corners.mean(axis=0), float(np.linalg.norm(corners[0] - corners[1]))
    off = points - middle
    near = (np.abs(off[:, 0]) < 0.52 * wide) & (np.abs(off[:, 1]) < 0.45 * wide)
    # What is further back is the socket behind the lids.
    first, last = corners[np.argsort(corners[:, 0])]
    line = np.interp(points[:, 0], [first[0], last[0]], [first[2], last[2]])
    near &= points[:, 2] > line - _SOCKET
    upper, lower = (np.flatnonzero(near & (way * lid > 0.2)) for way in (1, -1))
    if len(upper) < 3 or len(lower) < 3:
        return None
    rims = [rim(points, one, way) for one, way in ((upper, 1), (lower, -1))]
    around = np.linalg.norm(off, axis=1) < wide
    return rims[0], rims[1], np.flatnonzero(around & (lid > 0))


def rim(points: Array, own: Indices, way: int) -> Indices:
    """Of the points of one lid or lip those with nothing of it below (way 1) or above (-1) them."""
    x, y = points[own, 0], way * points[own, 1]
    beside = np.abs(x[:, None] - x[None]) < _COLUMN
    lowest = np.where(beside, y[None], np.inf).min(axis=1)
    result: Indices = own[y <= lowest + 0.05]
    return result


def _line(points: Array) -> Array:
    """Points in the order of x."""
    return points[np.argsort(points[:, 0], kind="stable")]


def _within(x: Array, line: Array) -> NDArray[np.float64]:
    room = max(0.15 * float(line[-1] - line[0]), 1e-6)
    inside: Array = np.clip(np.minimum(x - line[0], line[-1] - x) / room + 0.3, 0, 1)
    return inside


def gap(upper: Array, lower: Array, columns: Sequence[float]) -> Array:
    """How far an upper edge [N, 3] is above a lower one [M, 3] at columns x, 0 where they cross."""
    edges = [np.interp(columns, line[:, 0], line[:, 1]) for line in map(_line, (upper, lower))]
    return np.maximum(edges[0] - edges[1], 0)
