"""The points that OpenPose and its heirs know: 70 of a face and 18 of a body, from our landmarks.

| of the face  |                                 | of the body |                                |
|--------------|---------------------------------|-------------|--------------------------------|
| 0 to 16      | the outline, from ear to ear    | 0, 1        | nose; neck, amid the shoulders |
| 17-21, 22-26 | right brow, left brow           | 2 to 4      | right shoulder, elbow, wrist   |
| 27-30, 31-35 | the nose's bridge, its base     | 5 to 7      | left shoulder, elbow, wrist    |
| 36-41, 42-47 | right eye, left eye             | 8 to 13     | hips, knees, ankles            |
| 48-59, 60-67 | the lips' outer and inner edges | 14, 15      | right eye, left eye            |
| 68, 69       | right pupil, left pupil         | 16, 17      | right ear, left ear            |

Right is the person's, left in the picture. The 68 are those of the 300-W challenge; in each group
they run from left to right in the picture, around eyes and lips along the upper edge and back.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.render.control.topology import OUTLINE, topology
from dreamtalk_core.render.portrait.template import IRISES, SIDES, load_template
from dreamtalk_core.rig.head import gaze_rotation

Float = NDArray[np.float32]
Int = NDArray[np.int64]
Array = NDArray[np.float64]

JAW = 17
"""How many of the seventy lie on the outline."""
EXPRESSION = (*range(17, 27), *range(36, 70))
"""Those that tell an expression: brows, eyes, mouth and pupils."""

# fmt: off
_INSIDE = (
    70, 63, 105, 66, 107,  336, 296, 334, 293, 300,
    168, 197, 195, 4,  98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144,  362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
    *IRISES,
)
# fmt: on
# From the right temple, at the height of the eyes, by the chin to the left one.
_FROM, _TO = OUTLINE.index(127), OUTLINE.index(356)
_MIDDLE_WIDTH, _MOUTH_Y = 24.0, -26.0
# In sizes of the face: how far outside the picture shoulders are still guessed; how far from the
# middle of the face a point of its outline is at least to be trusted.
_JUST_OUTSIDE, _BEHIND = 0.5, 0.12
_AMID = [168, 2, 14]
_BALL = 2.05
"""Radius of an eyeball, in radii of the iris."""

# Of the built-in head, mm on its axes: ears, and the joints of shoulders as wide as its bust's.
BODY_POINTS = np.array([[-76, 4, -8], [76, 4, -8], [-142, -140, -30], [142, -140, -30]], np.float32)
"""Right and left ear, which turn with the head, and right and left shoulder, which do not."""


def seventy(landmarks: Float) -> Float:
    """The points of a face [70, 2] in pixels, from landmarks [478, 2 or more].

    Those of the outline lie on what is seen of it: where a head turns away, on its cheek, not on
    the edge of the mesh behind that.
    """
    flat = landmarks[:, :2].astype(np.float32)
    first, second, share = _outline_table()
    outline = flat[first] + share[:, None] * (flat[second] - flat[first])
    return np.concatenate([_outermost(flat, outline), flat[list(_INSIDE)]])


@lru_cache(maxsize=1)
def _outline_table() -> tuple[Int, Int, Float]:
    """Between which landmarks the outline's points lie, and where: evenly spread at rest."""
    run = np.array([*OUTLINE[_TO : OUTLINE.index(152)], *OUTLINE[OUTLINE.index(152) : _FROM + 1]])
    run = run[::-1]
    steps = np.linalg.norm(np.diff(load_template().rest[run], axis=0), axis=1)
    along, chin = np.append(0, np.cumsum(steps)), int(np.flatnonzero(run == 152)[0])
    # The same number on both sides of the chin.
    half = np.linspace(0, along[chin], JAW // 2 + 1)
    wanted = np.append(
        half, along[chin] + np.linspace(0, along[-1] - along[chin], JAW // 2 + 1)[1:]
    )
    at = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(run) - 2)
    share = (wanted - along[at]) / steps[at]
    return run[at], run[at + 1], share.astype(np.float32)


@lru_cache(maxsize=1)
def _cheek_edges() -> Int:
    """Edges [E, 2] of the mesh without the nose and the lips, which stand out from a cheek."""
    rest = load_template().rest
    middle = (np.abs(rest[:, 0]) < _MIDDLE_WIDTH) & (rest[:, 1] > _MOUTH_Y - 10)
    triangles = topology().triangles
    edges = np.unique(np.sort(triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    return edges[~middle[edges].any(1)].astype(np.int64)


@lru_cache(maxsize=1)
def _fan() -> Float:
    """Directions [17, 2] from amid a face that looks straight ahead to its outline, y down."""
    first, second, share = _outline_table()
    rest = load_template().rest[:, :2] * np.array([1, -1], np.float32)
    rays = rest[first] + share[:, None] * (rest[second] - rest[first]) - rest[_AMID].mean(0)
    fan: Float = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    return fan


def _outermost(flat: Float, outline: Float) -> Float:
    """Points [17, 2] moved out to where the rays to them from amid the face leave the mesh."""
    centre = flat[_AMID].mean(0)
    eyes = flat[263] - flat[33]
    eyes /= max(float(np.linalg.norm(eyes)), 1e-6)
    fan = _fan() @ np.array([eyes, [-eyes[1], eyes[0]]], np.float32)
    # A point that has come behind the middle of the face no longer tells where to go.
    size = max(float(np.linalg.norm(flat[10] - flat[152])), 1e-6)
    along_fan = ((outline - centre) * fan).sum(1, keepdims=True) / size
    own = smoothstep((along_fan - _BEHIND) / _BEHIND).astype(np.float32)
    rays = own * (outline - centre) + (1 - own) * size * fan
    start, end = flat[_cheek_edges()].transpose(1, 0, 2) - centre
    along = end - start
    across = rays[:, :1] * along[:, 1] - rays[:, 1:] * along[:, 0]
    safe = np.where(np.abs(across) < 1e-6, 1e-6, across)
    far = (start[:, 0] * along[:, 1] - start[:, 1] * along[:, 0]) / safe
    place = (start[:, 0] * rays[:, 1:] - start[:, 1] * rays[:, :1]) / safe
    hit = (np.abs(across) >= 1e-6) & (place >= 0) & (place <= 1)
    longest = np.where(hit, far, 0).max(axis=1, keepdims=True)
    moved: Float = (centre + rays * longest.clip(0, 10)).astype(np.float32)
    return moved


def look(points: Array, rest: Array, weights: Float) -> Array:
    """Landmarks [478, 3] on the head's own axes whose irises look where weights [52] say.

    rest: the same of a face that looks straight ahead, in any unit. As tracked or drawn, they would
    follow the lids only.
    """
    turned = points.copy()
    for side, first in zip(SIDES, IRISES, strict=True):
        iris = rest[first : first + 5]
        ball = _BALL * np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
        gaze = gaze_rotation(weights, side)[:, 2] - np.array([0, 0, 1])
        turned[first : first + 5] = iris + ball * gaze
    return turned


def body_of(
    landmarks: Float,
    ears: NDArray[np.floating],
    shoulders: NDArray[np.floating],
    height: int,
    width: int,
) -> Float:
    """The points of a body float32 [18, 3]: x, y in pixels and a score, 0 for what is not known.

    ears, shoulders: [2, 2], right and left. Shoulders that are just outside the picture lie on its
    edge, as what finds them in pictures would put them; those far outside are not known.
    """
    inside = np.clip(shoulders, 0, np.array([width, height]) - 1)
    near = _JUST_OUTSIDE * np.linalg.norm(landmarks[10, :2] - landmarks[152, :2])
    seen = bool((np.abs(inside - shoulders).max(axis=1) <= near).all())
    shoulders = inside
    body = np.zeros((18, 3), np.float32)
    body[0, :2] = landmarks[4, :2]
    body[1, :2] = shoulders.mean(0)
    body[[2, 5], :2] = shoulders
    body[[14, 15], :2] = landmarks[list(IRISES), :2]
    body[[16, 17], :2] = ears
    body[[0, 14, 15, 16, 17], 2] = 1
    body[[1, 2, 5], 2] = seen
    body[body[:, 2] == 0] = 0
    return body
