"""The face of a portrait as a mesh that the 52 ARKit shapes move.

The mesh is the tracker's: 478 landmarks, made fine by a matrix (`portrait_rig.npz`, baked by
`make_portrait_rig.py` from the built-in CC0 head). Fitting it to a face scales the movements to the
face's proportions and makes three of them its own: lids that meet where this eye's lids meet, lips
that close over this mouth when it is open at rest, and eyes that turn in their own sockets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX, REGIONS
from dreamtalk_core.motion.curves import smoothstep
from dreamtalk_core.motion.rotation import rotation_angles, rotation_matrix
from dreamtalk_core.render.portrait.shapes import RoundLips, moved
from dreamtalk_core.render.portrait.template import (
    EYE_LOOPS,
    LOWER_LIP,
    SIDES,
    UPPER_LIP,
    load_template,
)

Float = NDArray[np.float32]
Array = NDArray[np.float64]

_ROW_SHARE = (0.2, 0.45, 0.75, 1.0)
"""How much of a correction at the lips' inner edge its outer rows take part in."""

_LID_MEETING, _LID_OVERLAP, _LID_NEAR = 0.1, 0.19, 0.15
"""Where the lower lid goes, in heights of the opening, and how far the upper one goes over it when
they are nearer than the last: what was between them in the photo must not be seen."""

_LIP_OVERLAP = 0.006
"""How far the upper lip closes over the lower one where the photo shows teeth, in sizes of the
face."""

_DISTANCES = (1.6, 6.0)
"""The nearest and the furthest that the viewer is, in sizes of the face."""

_FAR = 6.0
"""From where the face's own movements are seen, in sizes of the face: portraits are taken from
about there. From as near as the tracker takes it to be, a chin that goes down and back would seem
to stay."""

_GLIDE = 0.7
"""How far a jaw that opens goes back, in shares of what a turn about the built-in head's joint
does: a real joint glides forward as it turns."""

_PARTED = 0.02
"""How far the lips are apart in an open mouth, in sizes of the face."""

_SMILED = 0.7
"""How much of a smile there is no room for on a face that smiles fully at rest."""

_SPEAKING = 0.06
"""Sum of mouth weights from which on a mouth that is open at rest no longer is."""

# A smile alone does not speak: it keeps the teeth that it shows.
_MOUTH = [
    INDEX[name]
    for region in ("mouth", "jaw")
    for name in REGIONS[region]
    if not name.startswith(("mouthSmile", "mouthDimple"))
]


def window(
    points: Array, margin: float, image: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last pixel (x, y; the last is outside) of the part of a picture around points
    [N, 2]: never empty, even if they lie beyond its edge."""
    size = np.array(image.shape[1::-1])
    low = np.clip(np.floor(points.min(0) - margin), 0, size - 1).astype(np.int64)
    high = np.clip(np.ceil(points.max(0) + margin) + 1, low + 1, size).astype(np.int64)
    return low, high


def square(image: NDArray[np.uint8], point: NDArray[Any], span: int) -> NDArray[np.uint8]:
    """The pixels up to `span` away from that in which a point (x, y) is, as far as there are."""
    x, y = map(int, point)
    rows, columns = (slice(max(at - span, 0), max(at + span + 1, 0)) for at in (y, x))
    return image[rows, columns]


class FaceRig:
    """The template fitted to one face.

    Pixels throughout. Space: x to the right, y up, z towards the viewer (the picture's, with y and
    z turned round). The head's own axes are those of the built-in head: space turned by `turn`,
    from `pivot`, the point between the ears about which the head turns.

    landmarks: [478, 3] and rest_weights: [52] as the tracker gives them; matrix: [4, 4], the
    canonical face in space.
    """

    def __init__(self, landmarks: ArrayLike, matrix: ArrayLike, rest_weights: ArrayLike) -> None:
        self.template = load_template()
        points = np.asarray(landmarks, float) * [1, -1, -1]
        rotation = np.asarray(matrix, float)[:3, :3]
        self.angles = rotation_angles(rotation / np.linalg.norm(rotation[:, 0]))
        self.turn = rotation_matrix(self.angles)
        rest = self.template.rest.astype(float)
        self.scale, self.pivot = _fit(rest @ self.turn.T, points)
        self.size = float(np.linalg.norm(points[10] - points[152]))
        """Pixels from the top of the forehead to the chin."""
        span = float(np.linalg.norm(rest[10] - rest[152]) / 10)
        away = float(-np.asarray(matrix, float)[2, 3] / np.linalg.norm(rotation[:, 0])) / span
        self.distance = float(np.clip(away, *_DISTANCES)) * self.size
        """From the pivot to the viewer, as the tracker takes it to be: it judges turns by it."""
        self.rest: Array = (points - self.pivot) @ self.turn
        """The landmarks at rest [478, 3], the head's own axes."""
        self.proportions = _proportions(self.rest / self.scale, rest)
        self.deltas = _scaled(moved(self.template), self.proportions) * self.scale
        for side, loop in zip(SIDES, EYE_LOOPS, strict=True):
            blink = INDEX[f"eyeBlink{side}"]
            self.deltas[blink] = self._blink(self.template.deltas[blink], loop)
        upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        gap = np.maximum(self.rest[upper, 1] - self.rest[lower, 1], 0)
        self.parted = bool(gap.max() > _PARTED * self.size)
        """Whether the lips are apart at rest."""
        lips = _LIP_OVERLAP * self.size * np.sin(np.linspace(0, np.pi, 11))[1:-1]
        # Landmarks of closed lips may cross a little at rest, which has to stay as it is.
        crossed = np.maximum(self.rest[lower, 1] - self.rest[upper, 1], 0)
        self._lip_overlap = np.maximum(crossed, lips if self.parted else 0)
        self._lid_overlaps = [
            np.where(gap > 0, _LID_OVERLAP * gap, -gap)
            for gap in (
                self.rest[list(loop[1:8]), 1] - self.rest[list(loop[:8:-1]), 1]
                for loop in EYE_LOOPS
            )
        ]
        for name in ("mouthSmileLeft", "mouthSmileRight"):
            smiles = float(np.asarray(rest_weights, float)[INDEX[name]])
            self.deltas[INDEX[name]] *= 1 - _SMILED * min(max(smiles, 0.0), 1.0)
        self._round_lips = RoundLips(self.rest, self.size)
        self.closing = self._closing(self.deltas[INDEX["mouthClose"]])
        self._flat = self.deltas.reshape(len(ARKIT_NAMES), -1).astype(np.float32)

    def pose(self, weights: ArrayLike) -> Array:
        """Landmarks [478, 3] on the head's own axes for weights [52], whatever follows them; the
        lids and lips never cross."""
        w = np.asarray(weights, np.float32)[: len(ARKIT_NAMES)]
        active = np.flatnonzero(w)
        points: Array = self.rest + (w[active] @ self._flat[active]).reshape(-1, 3)
        points += smoothstep(float(w[_MOUTH].sum()) / _SPEAKING) * self.closing
        self._round_lips.shape(points, w)
        for loop, overlap in zip(EYE_LOOPS, self._lid_overlaps, strict=True):
            upper, lower = list(loop[1:8]), list(loop[:8:-1])
            gap = points[upper, 1] - points[lower, 1]
            height = np.maximum(self.rest[upper, 1] - self.rest[lower, 1], 1e-9)
            near = smoothstep(1 - gap / (_LID_NEAR * height))
            points[upper, 1] -= near * np.maximum(gap + overlap, 0)
            points[upper, 1] = np.maximum(points[upper, 1], points[lower, 1] - overlap)
        cross = points[list(LOWER_LIP[-1]), 1] - points[list(UPPER_LIP[-1]), 1]
        cross = np.maximum(cross - self._lip_overlap, 0) / 2
        for upper_row, lower_row, share in zip(UPPER_LIP, LOWER_LIP, _ROW_SHARE, strict=True):
            points[list(upper_row), 1] += share * cross
            points[list(lower_row), 1] -= share * cross
        return points

    def rotation(self, head_rotation: ArrayLike) -> Array:
        """[3, 3] from the head's own axes to space, for angles added to those at rest."""
        return rotation_matrix(self.angles + np.asarray(head_rotation, float))

    def place(
        self,
        local: Array,
        rotation: Array,
        rest_depth: Array | None = None,
        turned_depth: Array | None = None,
    ) -> Array:
        """Points of the picture [N, 3] (y down; z in pixels, nearer is larger) from points on the
        head's own axes, for a viewer at `distance`.

        rest_depth [N]: their z in space at rest. The landmarks have been seen from that distance
        already, so that only a change of depth changes their size. turned_depth [N]: their z in
        space if the head turned and nothing in the face moved: what changes it further is seen
        from `_FAR`.
        """
        space = local @ rotation.T
        before = space[:, 2] if rest_depth is None else rest_depth
        turned = space[:, 2] if turned_depth is None else turned_depth
        far = _FAR * self.size
        larger = (self.distance - before) / (self.distance - turned)
        larger *= (far - turned) / (far - space[:, 2])
        points = np.empty_like(space)
        points[:, 0] = self.pivot[0] + space[:, 0] * larger
        points[:, 1] = -self.pivot[1] - space[:, 1] * larger
        points[:, 2] = space[:, 2]
        return points

    def _blink(self, delta: Float, loop: tuple[int, ...]) -> Array:
        """The blink of this eye: as the built-in head does it, but from this lid to that one."""
        upper, lower = list(loop[1:8]), list(loop[:8:-1])
        x = self.template.rest[:, 0]
        path = (1 - _LID_MEETING) * (self.rest[lower] - self.rest[upper])
        moves = np.flatnonzero(np.linalg.norm(delta, axis=1) > 0.01)
        wanted, model = np.empty((len(moves), 3)), np.empty((len(moves), 3))
        for axis in range(3):
            wanted[:, axis] = np.interp(x[moves], x[upper], path[:, axis])
            model[:, axis] = np.interp(x[moves], x[upper], delta[upper, axis])
        share = (delta[moves] * model).sum(1) / np.maximum((model**2).sum(1), 1e-6)
        result = np.zeros((len(delta), 3))
        result[moves] = np.clip(share, -0.15, 1.0)[:, None] * wanted
        result[upper] = path
        result[lower] = _LID_MEETING * (self.rest[upper] - self.rest[lower])
        result[[loop[0], loop[8]]] = 0
        return result

    def _closing(self, delta: Array) -> Array:
        """The movement that closes a mouth that is open at rest, made from mouthClose."""
        upper, lower = list(UPPER_LIP[-1]), list(LOWER_LIP[-1])
        gap = np.maximum(self.rest[upper, 1] - self.rest[lower, 1], 0)
        if not self.parted:
            return np.zeros_like(self.rest)
        gap += self._lip_overlap
        x = self.rest[:, 0]
        wanted = np.interp(x, x[upper], gap)
        closes = delta[lower, 1] - delta[upper, 1]
        model = np.interp(x, x[upper], np.maximum(closes, 0.3 * closes.max()))
        result = delta * (wanted / model)[:, None]
        result[:, 0] *= 0.3
        share = float(-delta[upper, 1].sum() / closes.sum())
        result[upper] = [0, -1, 0] * (share * gap)[:, None]
        result[lower] = [0, 1, 0] * ((1 - share) * gap)[:, None]
        return result


def _fit(model: Array, points: Array) -> tuple[float, Array]:
    """Scale and move that bring the turned model [N, 3] onto points, by x and y alone."""
    m, p = model[:468], points[:468]
    centred = m - m.mean(0)
    scale = float((centred[:, :2] * (p - p.mean(0))[:, :2]).sum() / (centred[:, :2] ** 2).sum())
    return scale, p.mean(0) - scale * m.mean(0)


def _proportions(rest: Array, model: Array) -> dict[str, Array]:
    """What the movements of each region are to be scaled with, [3], from landmarks in mm."""

    def ratio(a: int, b: int, axis: int) -> float:
        return float(
            np.clip(abs(rest[a] - rest[b])[axis] / abs(model[a] - model[b])[axis], 0.7, 1.4)
        )

    width = ratio(61, 291, 0)
    below = ratio(2, 152, 1)
    eyes = (ratio(159, 145, 1) + ratio(386, 374, 1)) / 2
    return {
        "mouth": np.array([width, (width + below) / 2, width]),
        "jaw": np.array([1.0, below, _GLIDE]),
        "eye": np.array([1.0, eyes, 1.0]),
    }


def _scaled(deltas: Array, proportions: dict[str, Array]) -> Array:
    result = deltas.copy()
    for name, index in INDEX.items():
        for start, factor in proportions.items():
            if name.startswith(start):
                result[index] *= factor
    return result
