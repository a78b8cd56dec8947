"""The built-in CC0 head with all 52 ARKit shapes and a tongue: geometry, colours, gaze and lip
measures.

Millimetres; x to the character's left, y up, z forward; the origin is the point the head turns
about (between the ears, at the top of the neck). `head.npz` is baked by `make_head.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dreamtalk_core.errors import DreamTalkError
from dreamtalk_core.formats._limits import read_arrays
from dreamtalk_core.motion.arkit import ARKIT_NAMES, INDEX
from dreamtalk_core.motion.rotation import rotation_matrix
from dreamtalk_core.motion.tongue import FACE_NAMES

HEAD_FILE = Path(__file__).with_name("head.npz")

MATERIALS: tuple[str, ...] = ("skin", "mouth", "teeth", "tongue", "eye", "lash")
"""Names that `Head.material` indexes."""

EYE_SIDE, EYE_UP, EYE_DOWN = 28.0, 20.0, 24.0
"""Degrees that an eyeball turns at weight 1 of eyeLookIn/Out, eyeLookUp and eyeLookDown."""

Float = NDArray[np.float32]


def gaze_rotation(weights: ArrayLike, side: str) -> NDArray[np.float64]:
    """Rotation [3, 3] of the "Left" or "Right" eyeball for weights [52] in `ARKIT_NAMES` order."""
    w = np.asarray(weights, float)
    look = {way: w[INDEX[f"eyeLook{way}{side}"]] for way in ("In", "Out", "Up", "Down")}
    outward = 1.0 if side == "Left" else -1.0
    yaw = outward * EYE_SIDE * (look["Out"] - look["In"])
    pitch = EYE_DOWN * look["Down"] - EYE_UP * look["Up"]
    return rotation_matrix([pitch, yaw, 0.0])


@dataclass(frozen=True, eq=False)
class Head:
    """The head mesh. All arrays are read-only.

    vertices: float32 [V, 3], neutral, mm.
    triangles: int32 [F, 3], counter-clockwise from outside.
    material: int8 [F], index into `MATERIALS`.
    deltas: float32 [52, V, 3], mm to add at weight 1, in `ARKIT_NAMES` order. Those of the eyeballs
        are the ends of a rotation; `pose` turns the eyeballs rigidly instead.
    tongue_deltas: float32 [16, V, 3], the same for `TONGUE_NAMES`.
    uv: float32 [V, 2] into `atlas`, 0..1, origin in the top left corner.
    atlas: uint8 [H, W, 3], sRGB.
    colours: float32 [V, 3], linear, to multiply the atlas with: ambient occlusion and tint.
    neck: float32 [V], how much a vertex follows the head's rotation: 1 head, 0 chest.
    eye_centres: float32 [2, 3], left and right, mm. eyes: vertex ranges [2, 2] of the eyeballs.
    lip_columns: int32 [K, 2, N] vertices of the upper and lower lip in K columns around the middle.
    lip_corners: int32 [2], left and right.
    """

    vertices: Float
    triangles: NDArray[np.int32]
    material: NDArray[np.int8]
    deltas: Float
    tongue_deltas: Float
    uv: Float
    atlas: NDArray[np.uint8]
    colours: Float
    neck: Float
    eye_centres: Float
    eyes: NDArray[np.int32]
    lip_columns: NDArray[np.int32]
    lip_corners: NDArray[np.int32]

    @property
    def face_deltas(self) -> Float:
        """Of all shapes, [68, V, 3] in `FACE_NAMES` order."""
        return np.concatenate([self.deltas, self.tongue_deltas])

    def solved(self, weights: Float, fps: float | None = None) -> Float:
        """Weights [T, 52 or 68] with what else `pose` would work out of each row; here nothing.

        fps: of frames that follow each other.
        """
        return weights

    def pose(self, weights: ArrayLike) -> Float:
        """Vertices float32 [V, 3] for weights [52] in `ARKIT_NAMES` order, or [68] in that of
        `FACE_NAMES`; no head rotation."""
        w = np.asarray(weights, np.float32)
        shapes = len(ARKIT_NAMES)
        vertices: Float = self.vertices + _moved(w[:shapes], self.deltas)
        if w[shapes:].any():
            vertices += _moved(w[shapes:], self.tongue_deltas)
        for side, (first, last), centre in zip(
            ("Left", "Right"), self.eyes, self.eye_centres, strict=True
        ):
            turn = gaze_rotation(w, side).astype(np.float32)
            vertices[first:last] = (self.vertices[first:last] - centre) @ turn.T + centre
        return vertices

    def lip_gap_mm(self, weights: ArrayLike) -> Float:
        """Opening between the lips float32 [T] in mm for weights [T, 52]: 0 when they touch.

        The lowest point of the upper lip less the highest of the lower lip, in the columns around
        the middle of the mouth, averaged. The neutral face has its lips closed.
        """
        y = self._points(weights, self.lip_columns)[..., 1]
        gap: Float = y[:, :, 0].min(axis=-1) - y[:, :, 1].max(axis=-1)
        return np.maximum(gap, 0).mean(axis=1).astype(np.float32)

    def lip_width_mm(self, weights: ArrayLike) -> Float:
        """Distance float32 [T] in mm between the corners of the mouth for weights [T, 52]."""
        corners = self._points(weights, self.lip_corners)
        width: Float = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=-1)
        return width

    def _points(self, weights: ArrayLike, indices: NDArray[np.int32]) -> Float:
        """Positions [T, *indices.shape, 3] of chosen vertices, none of the tongue's, for weights
        [T, 52] or [T, 68]."""
        w = np.asarray(weights, np.float32)[:, : len(self.deltas)]
        points: Float = self.vertices[indices] + np.tensordot(w, self.deltas[:, indices], 1)
        return points


def turned(points: Float, neck: Float, head_rotation: ArrayLike) -> Float:
    """Points [N, 3] of a head that is turned by (pitch, yaw, roll) in degrees.

    neck: [N], how much each turns along, see `Head`: the neck bends, the chest stays.
    """
    turn = rotation_matrix(head_rotation).astype(np.float32)
    result: Float = points + neck[:, None] * (points @ turn.T - points)
    return result


def _moved(weights: Float, deltas: Float) -> Float:
    """What weights [N] of deltas [N, V, 3] add up to [V, 3]."""
    active = np.flatnonzero(weights)
    moved: Float = weights[active] @ deltas.reshape(len(deltas), -1)[active]
    return moved.reshape(-1, 3)


def pack_deltas(deltas: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Deltas [68, V, 3] as sparse 16-bit integers: the arrays that `head.npz` holds."""
    moved = [np.flatnonzero(np.abs(shape).max(axis=1) > 0.015) for shape in deltas]
    scale = np.array([np.abs(shape).max() for shape in deltas]) / 32767
    values = [
        np.round(shape[index] / step).astype(np.int16)
        for shape, index, step in zip(deltas, moved, scale, strict=True)
    ]
    return {
        "delta_count": np.array([len(index) for index in moved], np.int32),
        "delta_index": np.concatenate(moved).astype(np.uint16),
        "delta_value": np.concatenate(values),
        "delta_scale": scale.astype(np.float32),
    }


def _unpack_deltas(data: Any, vertex_count: int) -> Float:
    deltas = np.zeros((len(FACE_NAMES), vertex_count, 3), np.float32)
    ends = np.cumsum(data["delta_count"])
    indices, values = data["delta_index"], data["delta_value"]
    for shape, (end, count) in enumerate(zip(ends, data["delta_count"], strict=True)):
        part = slice(end - count, end)
        deltas[shape, indices[part]] = values[part] * data["delta_scale"][shape]
    return deltas


@lru_cache(maxsize=1)
def load_head() -> Head:
    """The built-in head, read once. Raises `DreamTalkError` if `head.npz` is missing or damaged."""
    packed = ("deltas", "tongue_deltas")
    try:
        data = read_arrays(HEAD_FILE, DreamTalkError)
        fields = {name: data[name] for name in Head.__dataclass_fields__ if name not in packed}
        fields["colours"] = fields["colours"].astype(np.float32) / 255
        deltas = _unpack_deltas(data, len(fields["vertices"]))
        fields["deltas"], fields["tongue_deltas"] = np.split(deltas, [len(ARKIT_NAMES)])
    except (DreamTalkError, LookupError, ValueError) as error:
        raise DreamTalkError(
            f"The head file {HEAD_FILE.name} is missing or damaged. Install DreamTalk again."
        ) from error
    for array in fields.values():
        array.flags.writeable = False
    return Head(**fields)
