"""Where the face of a foreign head is, and how it comes to where the built-in head's is.

It is found by what its shapes move: the blinks (or, where both eyes have one or none, the sides of
what it moves, or of the eyeballs) and the mouth's shapes or visemes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.rig.head import load_head

Array = NDArray[np.float64]
Float = NDArray[np.float32]

MOUTH_SHAPES = ("mouthFunnel", "mouthPucker", "mouthClose", "mouthRollLower", "jawOpen")
"""Any of these tells where the mouth is; jawOpen only if there is no other."""


@dataclass(frozen=True, eq=False)
class Movements:
    """A mesh and what moves it.

    positions: [V, 3]. shapes: float32 [52, V, 3]. visemes: float32 [N, V, 3]. eyes: bool [V], the
    eyeballs. back: whether it looks along -z.
    """

    positions: NDArray[np.floating]
    shapes: Float
    visemes: Float
    eyes: NDArray[np.bool_]
    back: bool = False


def alignment(face: Movements) -> tuple[Array, float, Array] | None:
    """Rotation [3, 3], scale and offset that bring a face to where the built-in head's is.

    None if its shapes do not tell where it is.
    """
    head = load_head()
    none = np.zeros((0, *head.vertices.shape), np.float32)
    built_in = Movements(head.vertices, head.deltas, none, np.zeros(len(head.vertices), bool))
    anchors, model = _anchors(face), _anchors(built_in)
    if np.isnan(anchors).any():
        return None
    frames = []
    for left, right, mouth in (anchors, model):
        across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
        up = (left + right) / 2 - mouth
        up = up - across * float(up @ across)
        up = up / max(float(np.linalg.norm(up)), 1e-9)
        frames.append(np.stack([across, up, np.cross(across, up)]))
    spread = [float(np.sqrt(((a - a.mean(axis=0)) ** 2).sum())) for a in (anchors, model)]
    scale = spread[1] / max(spread[0], 1e-9)
    turn: Array = frames[1].T @ frames[0]
    return turn, scale, model.mean(axis=0) - scale * turn @ anchors.mean(axis=0)


def _anchors(face: Movements) -> Array:
    """Left eye, right eye, mouth [3, 3]: the middle of what their shapes move; NaN if nothing."""
    result = np.full((3, 3), np.nan)
    for row, moved in enumerate((*_eyes(face), _mouth(face))):
        # Only what moves most: some shapes pull at the whole cheek.
        weight = np.where(moved > 0.5 * moved.max(), moved, 0)
        if weight.any():
            result[row] = weight @ face.positions / weight.sum()
    return result


def _eyes(face: Movements) -> tuple[Array, Array]:
    """How much each vertex [V] tells of the left and of the right eye."""
    left, right = (_moved(face, f"eyeBlink{side}") for side in ("Left", "Right"))
    if left.any() and right.any() and not np.array_equal(left, right):
        return left, right
    both = np.maximum(left, right) if (left * right).any() else face.eyes.astype(np.float64)
    if not both.any():
        return both, both
    both = np.where(both > 0.5 * both.max(), both, 0)
    x = face.positions[:, 0] - both @ face.positions[:, 0] / both.sum()
    is_left = x < 0 if face.back else x > 0
    return both * is_left, both * ~is_left


def _mouth(face: Movements) -> Array:
    shaped = sum(_moved(face, name) for name in MOUTH_SHAPES[:4])
    spoken = np.linalg.norm(face.visemes, axis=2).sum(axis=0)
    moved = np.asarray(shaped + spoken, np.float64)
    return moved if moved.any() else _moved(face, "jawOpen")


def _moved(face: Movements, shape: str) -> Array:
    return np.linalg.norm(face.shapes[INDEX[shape]], axis=1).astype(np.float64)


def centre_of_eye(ball: Array, side: int) -> Array:
    """The middle of an eyeball [3]: of the sphere through its vertices [N, 3]; side: 0 is left."""
    if len(ball) < 8:
        return load_head().eye_centres[side].astype(np.float64)
    low, high = ball.min(axis=0), ball.max(axis=0)
    system = np.column_stack([2 * ball, np.ones(len(ball))])
    centre = np.linalg.lstsq(system, (ball**2).sum(axis=1), rcond=None)[0][:3]
    # A flat eye is on a sphere as large as one likes.
    room = high - low
    inside = ((centre > low - room) & (centre < high + 0.2 * room)).all()
    return centre if inside else (low + high) / 2
