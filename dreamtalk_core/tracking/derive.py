"""Shapes that the blendshape network never fires, from what else is seen.

| shape | |
|---|---|
| cheekSquintLeft/Right | from mouthSmile and eyeSquint of its side, which cheeks rise with |
| noseSneerLeft/Right | from landmarks: the wings of the nose rise |
| jawLeft/Right | from landmarks: the chin moves aside, and the upper lip does not follow |
| cheekPuff | no: to the network, puffed cheeks are a pucker |
| jawForward | no: a chin that comes forward looks, from the front, as it did |
| tongueOut | no: nothing in the landmarks |

The last two kinds of landmarks tell only against the rest of the take, so they stay 0 in a photo,
and small moves, which speech makes all the time, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.arkit import INDEX

if TYPE_CHECKING:
    from dreamtalk_core.tracking.tracker import Face

Array = NDArray[np.float64]

DERIVED = tuple(
    f"{shape}{side}" for shape in ("cheekSquint", "noseSneer", "jaw") for side in ("Left", "Right")
)
"""What `derive` fills in."""

_EYE_CORNERS = [33, 133, 362, 263]
_WINGS = ([278, 294, 327, 358], [48, 64, 98, 129])
_CHIN, _UPPER_LIP = [148, 152, 176, 377, 400], 0
_INNER_LIPS, _LIP_CORNERS = (13, 14), (61, 291)

# On 11 takes of an iPhone's ARKit, cheekSquint is this share of the geometric mean of mouthSmile
# and eyeSquint (r = .93).
_CHEEK = 0.74
# The part of a mouth's sideways move that the chin follows.
_FOLLOWS = 0.33
# In hundredths of the distance between the outer corners of the eyes, where a shape starts and
# where it is full. Neutral speech stays below the start in 19 of 20 frames.
_WING_START, _WING_FULL = 1.0, 5.0
_JAW_START, _JAW_FULL = 1.0, 2.6
# Turns of the head (degrees) and openings of the jaw below which nothing is said about what the
# landmarks do with them.
_STILL = np.array([2.0, 2.0, 2.0, 0.1])


def measure(face: Face) -> Array:
    """What `derive` needs of a face: [3], heights of the left and right wing of the nose and where
    the chin is aside, on the head (its turn undone), in hundredths of the width across the eyes."""
    points = _on_head(face)
    left, right = (points[wing, 1].mean() for wing in _WINGS)
    return np.array([left, right, points[_CHIN, 0].mean() - _FOLLOWS * points[_UPPER_LIP, 0]])


def measure_lips(face: Face) -> Array:
    """Height of the gap between the lips and distance of their corners [2], as in `measure`."""
    points = _on_head(face)
    return np.array([np.linalg.norm(points[a] - points[b]) for a, b in (_INNER_LIPS, _LIP_CORNERS)])


def _on_head(face: Face) -> Array:
    """Landmarks [478, 3] with the turn of the head undone, in hundredths of the width across the
    eyes, from their middle."""
    turn = face.matrix[:3, :3].astype(np.float64)
    turn /= np.linalg.norm(turn[:, 0])
    points: Array = face.landmarks.astype(np.float64) * [1, -1, -1] @ turn
    points -= points[_EYE_CORNERS].mean(0)
    return points * (100 / np.linalg.norm(points[_EYE_CORNERS[0]] - points[_EYE_CORNERS[-1]]))


def derive(weights: Array, head: Array, measures: Array) -> Array:
    """Weights [T, 52] of a take with the missing shapes filled in.

    head: rotation [T, 3] in degrees. measures: [T, 3], see `measure`.
    """
    weights = weights.copy()
    for side in ("Left", "Right"):
        rise = weights[:, INDEX[f"mouthSmile{side}"]] * weights[:, INDEX[f"eyeSquint{side}"]]
        weights[:, INDEX[f"cheekSquint{side}"]] = _CHEEK * np.sqrt(rise)
    moves = _own_moves(measures, np.column_stack([head, weights[:, INDEX["jawOpen"]]]))
    chin = moves[:, 2]
    for name, move, start, full in (
        ("noseSneerLeft", moves[:, 0], _WING_START, _WING_FULL),
        ("noseSneerRight", moves[:, 1], _WING_START, _WING_FULL),
        ("jawLeft", chin, _JAW_START, _JAW_FULL),
        ("jawRight", -chin, _JAW_START, _JAW_FULL),
    ):
        weights[:, INDEX[name]] = np.clip((move - start) / (full - start), 0, 1)
    return weights


def _own_moves(measures: Array, causes: Array) -> Array:
    """Measures [T, 3] less their usual values, and what follows from causes [T, 4] in this take.

    Undoing the turn of a head leaves traces, for the depth of landmarks is a guess; and an open jaw
    pulls the nose. What goes along with these in a straight line is no move of its own (a ridge
    regression).
    """
    causes = (causes - np.median(causes, axis=0)) / _STILL
    moves = measures - np.median(measures, axis=0)
    pull = np.linalg.solve(causes.T @ causes + len(causes) * np.eye(4), causes.T @ moves)
    moves = moves - causes @ pull
    moved: Array = moves - np.median(moves, axis=0)
    return moved
