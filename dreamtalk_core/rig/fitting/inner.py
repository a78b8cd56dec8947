"""What is not skin on a head that has taken its shapes from another: teeth, tongue, eyes, brows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.rig.fitting.contact import EYE_CORNERS, MOUTH_CORNERS
from dreamtalk_core.rig.fitting.surface import Array, Indices, Surface, nearest
from dreamtalk_core.rig.fitting.warp import Warp
from dreamtalk_core.rig.head import MATERIALS, gaze_rotation, load_head
from dreamtalk_core.warned import warn

TEETH, TONGUE, EYE = (MATERIALS.index(name) for name in ("teeth", "tongue", "eye"))

_CLOSE, _AWAY = 4.0, 9.0
"""mm from the face: up to here lashes, brows, a beard go along, and from there on nothing does."""
_OVER_SKIN = 0.8
"""Share of a piece's points that have to be that near: glasses and hair are not."""

Mask = NDArray[np.bool_]


def _pieces(surface: Surface, mask: Mask) -> list[Indices]:
    """The pieces that some points hang together in, each as the indices of all its points."""
    names = np.unique(surface.pieces[mask])
    return [np.flatnonzero(surface.pieces == name) for name in names]


def move_mouth(
    deltas: Array,
    surface: Surface,
    kinds: NDArray[np.int64],
    face: Mask,
    warp: Warp,
    landmarks: Array,
) -> None:
    """Teeth, gums and tongue of their own go with the jaw, the built-in head's laid over them."""
    head = load_head()
    inside = np.unique(head.triangles[np.isin(head.material, (TEETH, TONGUE))])
    is_tongue = np.isin(inside, head.triangles[head.material == TONGUE])
    places = warp(head.vertices[inside].astype(np.float64))
    moves = head.face_deltas[:, inside].astype(np.float64)
    with_jaw = np.abs(moves[INDEX["jawOpen"]]).max(axis=1) > 1
    corners = landmarks[list(MOUTH_CORNERS)]
    middle, wide = corners.mean(axis=0), float(np.linalg.norm(corners[0] - corners[1]))
    for piece in _pieces(surface, ~face & (kinds != EYE)):
        points = surface.points[piece]
        named = np.isin(kinds[piece], (TEETH, TONGUE, MATERIALS.index("mouth"))).any()
        off = np.abs(points - middle)
        within = (off < [0.8 * wide, 0.8 * wide, 1.5 * wide]).all() and (
            points[:, 2].max() < middle[2] + 2
        )
        if not named and not within:
            continue
        closest = nearest(points, places)
        if is_tongue[closest].mean() > 0.5 or (kinds[piece] == TONGUE).any():
            tongue = np.flatnonzero(is_tongue)
            near = tongue[nearest(points, places[tongue])]
            deltas[:, piece] = moves[:, near]
            share = np.zeros(len(surface.points))
            share[piece] = 0.5
            deltas[:] = surface.spread_moves(deltas, share, 4)
        elif with_jaw[closest].mean() > 0.5:
            # As one body: what the built-in head's lower teeth do.
            low = np.flatnonzero(with_jaw & ~is_tongue)
            flat = np.column_stack([places[low], np.ones(len(low))])
            own = np.column_stack([points, np.ones(len(points))])
            fits = np.linalg.lstsq(
                flat, moves[:, low].transpose(1, 0, 2).reshape(len(low), -1), 1e-6
            )
            deltas[:, piece] = (own @ fits[0]).reshape(len(points), -1, 3).transpose(1, 0, 2)
        else:
            deltas[:, piece] = 0


def move_eyes(
    deltas: Array, surface: Surface, kinds: NDArray[np.int64], face: Mask, landmarks: Array
) -> None:
    """Eyeballs of their own turn about their middles with eyeLook. Warns where there is none."""
    missing, pieces = [], _pieces(surface, ~face)
    for side, corners in EYE_CORNERS.items():
        middle = landmarks[list(corners)].mean(axis=0)
        wide = float(np.linalg.norm(np.subtract(*landmarks[list(corners)])))
        found = []
        for piece in pieces:
            points = surface.points[piece]
            box = points.max(axis=0) - points.min(axis=0)
            off = np.abs(points.mean(axis=0) - middle)
            named = (kinds[piece] == EYE).any()
            around = (off < [0.5 * wide, 0.4 * wide, 0.9 * wide]).all()
            if around and (box[:2] < 1.6 * wide).all() and (named or (box[:2] > 0.25 * wide).all()):
                found.append(piece)
        if not found:
            missing.append(side.lower())
            continue
        ball = np.concatenate(found)
        centre = _centre(surface.points[ball], wide)
        for name in ARKIT_NAMES:
            deltas[INDEX[name], ball] = 0
            if name.startswith("eyeLook") and name.endswith(side):
                weights = np.zeros(len(ARKIT_NAMES))
                weights[INDEX[name]] = 1
                off = surface.points[ball] - centre
                deltas[INDEX[name], ball] = off @ gaze_rotation(weights, side).T - off
    if missing:
        warn(
            f"No eyeball of its own was found ({' and '.join(missing)} eye), so the gaze does not "
            "move. Give the eyes as meshes, or parts of one, that do not hang together with the "
            "skin."
        )


def _centre(points: Array, wide: float) -> Array:
    """About what an eye turns [3]: the middle of a ball, of which there may be only the front, or a
    place as far behind a flat one."""
    low, high = points.min(axis=0), points.max(axis=0)
    radius = max(float((high - low)[:2].max()) / 2, 0.42 * wide)
    centre: Array = np.append((low + high)[:2] / 2, high[2] - radius)
    return centre


def follow_face(deltas: Array, surface: Surface, kinds: NDArray[np.int64], face: Mask) -> None:
    """Lashes, brows and a beard of their own go with the skin that they lie on."""
    skin = np.flatnonzero(face)
    still = ~face & ~np.isin(kinds, (TEETH, TONGUE, EYE))
    for piece in _pieces(surface, still):
        if deltas[:, piece].any():
            continue
        near = skin[nearest(surface.points[piece], surface.points[skin])]
        far = np.linalg.norm(surface.points[piece] - surface.points[near], axis=1)
        if (far < _AWAY).mean() < _OVER_SKIN:
            continue
        share = 1 - smoothstep((far - _CLOSE) / (_AWAY - _CLOSE))
        deltas[:, piece] = deltas[:, near] * share[:, None]
