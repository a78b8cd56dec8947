"""`DubRenderer`: frames of one shot, with another mouth.

In each frame the landmarks of the lower face go from where the tracker sees them to where the new
motion wants them: the person's own face at rest, taken from a frame in which the lips are closed,
moved by the new weights and carried onto the skull of the frame. The frame's own skin is warped
along, with its light, grain and sharpness; only the inside of the mouth is drawn (`interior`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.motion.arkit import INDEX
from dreamtalk_core.motion.rotation import similarity
from dreamtalk_core.render.dub.interior import Interior, look_at
from dreamtalk_core.render.dub.lower_face import FIRM, FIRMNESS, load_lower_face, pinched
from dreamtalk_core.render.portrait.rig import FaceRig
from dreamtalk_core.render.portrait.template import LOWER_LIP, UPPER_LIP
from dreamtalk_core.render.portrait.warp import EMPTY, fill_map, sample, soften

Array = NDArray[np.float64]
Bytes = NDArray[np.uint8]
Float = NDArray[np.float32]

_WORN = ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch", "mouthPucker", "mouthFunnel")
_EXPRESSION = [INDEX[name] for name in INDEX if name.startswith((*_WORN, "cheek"))]
"""Shapes that a face at rest may wear all the time, and that are not to be put on twice."""
_PINCH = 0.25
"""How far the inner edges of lips that are apart are moved into the lips."""
_APART = 0.05
"""Gap of the lips, in widths of the mouth, from which on they are."""


@dataclass(frozen=True, eq=False)
class Reference:
    """A face in one frame. image: uint8 [H, W, 3], a part of it is enough; landmarks [478, 3] in
    pixels of it, corners at 0, as the tracker has them; matrix [4, 4]; weights [52]."""

    image: Bytes
    landmarks: ArrayLike
    matrix: ArrayLike
    weights: ArrayLike


class DubRenderer:
    """rest: the face with closed lips. teeth: with the teeth seen, if there is one."""

    def __init__(self, rest: Reference, teeth: Reference | None = None) -> None:
        self._rig, points = _rig(rest)
        self._flat_rest = points * [1, -1, -1]
        worn = np.zeros(len(INDEX), np.float32)
        worn[_EXPRESSION] = np.asarray(rest.weights, np.float32)[_EXPRESSION]
        self._worn = worn
        shown = teeth or rest
        rig, landmarks = _rig(shown)
        self._interior = Interior(shown.image, rig, landmarks)
        self._flat_shown = landmarks * [1, -1, -1]
        self._mesh = load_lower_face()

    def goal(self, landmarks: Array, weights: ArrayLike) -> Array:
        """Where the new motion wants the landmarks [478, 2] of a frame; weights [52 or 68]."""
        w = np.asarray(weights, np.float32)[: len(INDEX)] - self._worn
        space = self._rig.pose(w) @ self._rig.turn.T + self._rig.pivot
        place = _placed(self._flat_rest, landmarks)
        result: Array = (space @ place[:3, :3].T + place[:3, 3])[:, :2] * [1, -1]
        return result

    def render(
        self, image: Bytes, landmarks: ArrayLike, weights: ArrayLike, amount: float, seed: int = 0
    ) -> Bytes:
        """A frame uint8 [H, W, 3] with the new mouth; the frame itself where amount is 0.

        landmarks: [478, 3] of the face in it, as the tracker has them. weights: [68] in the order
        of `FACE_NAMES`. amount: 0..1, how far the old mouth is replaced. seed: of the grain.
        """
        if amount <= 0:
            return image
        points = np.asarray(landmarks, float) - [0.5, 0.5, 0.0]
        w = np.nan_to_num(np.asarray(weights, np.float32))
        mesh, out = self._mesh, image.copy()
        shift = (amount * mesh.share)[:, None] * (self.goal(points, w) - points[:, :2])
        vertices = mesh.vertices(points)
        target = mesh.moved(vertices, shift)
        source = mesh.vertices(pinched(points, amount * _PINCH * _parted(points)))
        self._warp(image, out, source, target)
        loop = target[mesh.template.mouth_loop, :2]
        look = look_at(image, points, float(np.linalg.norm(points[10, :2] - points[152, :2])))
        place = _placed(self._flat_shown, points)
        self._interior.draw(out, loop, place, w, look, amount, seed)
        return out

    def _warp(self, image: Bytes, out: Bytes, source: Array, target: Array) -> None:
        mesh = self._mesh
        still = np.abs(target[:, :2] - source[:, :2]).max(1) == 0
        touched = np.zeros(len(target), bool)
        touched[mesh.triangles[~still[mesh.triangles].all(1)]] = True
        if not touched.any():
            return
        low = np.maximum(np.floor(target[touched, :2].min(0)).astype(int), 0)
        high = np.ceil(target[touched, :2].max(0)).astype(int) + 1
        high = np.minimum(high, image.shape[1::-1])
        if (low >= high).any():
            return
        shape = (int(high[1] - low[1]), int(high[0] - low[0]))
        depth, come = np.full(shape, EMPTY, np.float32), np.empty((*shape, 2), np.float32)
        fill_map(
            (target - [*low, 0]).astype(np.float32),
            source[:, :2].astype(np.float32),
            still,
            mesh.triangles,
            depth,
            come,
        )
        window = out[low[1] : high[1], low[0] : high[0]]
        sample(image, depth, come, int(low[0]), int(low[1]), window)
        size = float(np.linalg.norm(np.ptp(source[: len(mesh.template.row_end), :2], axis=0)))
        soften(depth, come, np.float32(max(3.0, 0.015 * size)), window)


def _rig(face: Reference) -> tuple[FaceRig, Array]:
    points = np.asarray(face.landmarks, float) - [0.5, 0.5, 0.0]
    return FaceRig(points, face.matrix, np.zeros(len(INDEX))), points


def _placed(reference: Array, landmarks: Array) -> Array:
    """[4, 4] that brings a skull [478, 3] (y up) onto that of a frame [478, 3] (y down)."""
    return similarity(reference[FIRM], landmarks[FIRM] * [1, -1, -1], FIRMNESS)


def _parted(landmarks: Array) -> float:
    """0 for closed lips, 1 for lips that are apart."""
    gap = np.linalg.norm(landmarks[UPPER_LIP[-1][4]] - landmarks[LOWER_LIP[-1][4]])
    width = max(float(np.linalg.norm(landmarks[61] - landmarks[291])), 1e-6)
    return float(np.clip(gap / width / _APART, 0, 1))
