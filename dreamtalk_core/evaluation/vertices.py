"""Distances in mm on the built-in head: curves [T, 52] in ARKit order, as they show on a face."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from dreamtalk_core.evaluation.signals import Array, as_curves
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.rig.head import MATERIALS, load_head

SHUT_MM = 1.0
"""Lips of the built-in head that are at most this far apart count as closed."""


def lip_vertex_error(weights: ArrayLike, tracked: ArrayLike) -> float:
    """Distance in mm between predicted and tracked lips on the built-in head.

    The mean over frames and lip vertices of the Euclidean distance (A. Richard et al., MeshTalk,
    arXiv 2104.08223, take the worst vertex of each frame instead). Orientation: a face that never
    moves scores 1.6 to 2.1.
    """
    return float(_distances(as_curves(weights) - as_curves(tracked), _lip_basis()).mean())


def upper_face_deviation(weights: ArrayLike, tracked: ArrayLike) -> float:
    """Upper-face dynamics: predicted less tracked, in mm on the built-in head.

    The dynamics of a vertex are the standard deviation over time of its distance from the neutral
    face; their mean over the skin that brows and eyelids move is compared. 0 is as lively as
    the tracked face, below is stiller. Source: FDD of J. Xing et al., CodeTalker, arXiv 2301.02379
    (there tracked less predicted).
    """
    basis, area = _upper_basis()
    moved = [_distances(as_curves(curves), basis) for curves in (weights, tracked)]
    predicted, reference = (float(distance.std(axis=0) @ area) for distance in moved)
    return predicted - reference


def take_distance(a: ArrayLike, b: ArrayLike) -> tuple[float, float]:
    """How far two takes [T, 52] of one speech lie apart on the built-in head, in mm.

    Mean distance of the lip vertices, and of the skin that brows and eyelids move. Of two seeds,
    it is the diversity of a model.
    """
    apart = as_curves(a) - as_curves(b)
    basis, area = _upper_basis()
    upper = _distances(apart, basis) @ area
    return float(_distances(apart, _lip_basis()).mean()), float(upper.mean())


def lip_gap_mm(weights: ArrayLike) -> Array:
    """Opening [T] in mm between the lips of the built-in head; 0 when they touch."""
    return load_head().lip_gap_mm(as_curves(weights)).astype(np.float64)


def lip_width_mm(weights: ArrayLike) -> Array:
    """Distance [T] in mm between the mouth corners of the built-in head."""
    return load_head().lip_width_mm(as_curves(weights)).astype(np.float64)


def shut_within(gap_mm: ArrayLike, start: float, end: float, fps: float = 25.0) -> bool:
    """Whether lips [T] (mm apart) are closed in one of the frames that overlap `start` to `end` s.

    Frame i shows [i / fps, (i + 1) / fps). The frames of a closure of /p b m/, which may be shorter
    than a frame, are all that show a part of it.
    """
    gap = np.asarray(gap_mm, np.float64)
    first = min(max(0, int(np.floor(start * fps + 1e-6))), len(gap) - 1)
    last = max(first + 1, int(np.ceil(end * fps - 1e-6)))
    return bool(gap[first:last].min() <= SHUT_MM)


def _distances(curves: Array, basis: Array) -> Array:
    """[T, V] how far the vertices of a basis [52, 3 V] are moved by curves [T, 52]."""
    moved: Array = np.linalg.norm((curves @ basis).reshape(len(curves), -1, 3), axis=-1)
    return moved


@cache
def _lip_basis() -> Array:
    """[52, 3 L]: how far each shape moves the lip vertices of the built-in head, mm."""
    head = load_head()
    points = np.unique(np.concatenate([head.lip_columns.ravel(), head.lip_corners]))
    return head.deltas[:, points].reshape(len(ARKIT_NAMES), -1).astype(np.float64)


@cache
def _upper_basis() -> tuple[Array, Array]:
    """The same [52, 3 U] for the skin of brows and eyelids, and its vertices' shares of area [U].

    That is what brows or eyelids move by half a millimetre, down to 15 mm below the eyes' centres.
    A plain mean would be one over the lids, where the vertices lie densest.
    """
    head = load_head()
    shapes = [INDEX[name] for region in ("brows", "eyelids") for name in REGIONS[region]]
    moved = np.linalg.norm(head.deltas[shapes], axis=-1).max(axis=0) > 0.5
    skin = head.triangles[head.material == MATERIALS.index("skin")]
    a, b, c = head.vertices[skin].transpose(1, 0, 2)
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=-1)
    area = np.bincount(skin.ravel(), np.repeat(areas, 3), len(head.vertices))
    high = head.vertices[:, 1] > head.eye_centres[:, 1].min() - 15
    # Neighbours tell the same: every fourth is enough.
    points = np.flatnonzero(moved & high & (area > 0))[::4]
    basis = head.deltas[:, points].reshape(len(ARKIT_NAMES), -1).astype(np.float64)
    return basis, area[points] / area[points].sum()
